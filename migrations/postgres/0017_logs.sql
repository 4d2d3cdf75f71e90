-- Which log a tenant's events belong to. Another one begins where rows were found to be older than
-- what was sent from them: from then on nothing is encrypted with what was stored before.
CREATE TABLE wmctl_log (
    business_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    log_id TEXT NOT NULL,
    since_ms BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    -- By what that was found; none for the first log.
    mark TEXT,
    PRIMARY KEY (business_id, number)
);
-- Where the rows were used last, and by which device. The row names the transaction that wrote it:
-- a copy of the row was written by another one.
CREATE TABLE wmctl_place (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_place_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    account TEXT NOT NULL,
    place TEXT NOT NULL,
    line TEXT NOT NULL,
    run BIGINT NOT NULL,
    tx BIGINT NOT NULL
);
ALTER TABLE wmctl_log ENABLE ROW LEVEL SECURITY;
ALTER TABLE wmctl_place ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_tenant ON wmctl_log USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_log.business_id)));
CREATE POLICY wmctl_tenant ON wmctl_place USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_place.business_id)));

-- The cluster where it is told, the database and the table: a restored one is another.
CREATE FUNCTION wmctl_here() RETURNS TEXT LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    cluster TEXT := '';
BEGIN
    BEGIN
        SELECT CAST(system_identifier AS TEXT) INTO cluster FROM pg_control_system();
    EXCEPTION WHEN feature_not_supported OR insufficient_privilege OR undefined_function THEN
        cluster := '';
    END;
    RETURN cluster || '/' || (SELECT oid FROM pg_database WHERE datname = current_database())
        || '/' || CAST(CAST('wmctl_place' AS regclass) AS oid);
END $$;
-- Which run of the server this is: a base backup is never started without one of its own.
CREATE FUNCTION wmctl_run() RETURNS BIGINT LANGUAGE sql STABLE AS $$
    SELECT CAST(EXTRACT(EPOCH FROM pg_postmaster_start_time()) * 1000000 AS BIGINT) $$;
