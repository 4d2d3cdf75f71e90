-- Which history the server writes. It changes when a standby is promoted: what was committed before
-- may then be missing, so that nobody who loaded rows earlier may go on. Constant where it is not told.
CREATE FUNCTION wmctl_line() RETURNS TEXT LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    RETURN substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8);
EXCEPTION WHEN feature_not_supported OR insufficient_privilege OR undefined_function THEN
    RETURN '';
END $$;
ALTER TABLE wmctl_host ADD COLUMN line TEXT NOT NULL DEFAULT wmctl_line();

-- How the process reaches the server, for people.
ALTER TABLE wmctl_host ADD COLUMN route TEXT;
