-- Names the last unit of work of each account: one whose outcome is unknown is asked for by name.
ALTER TABLE wmctl_account ADD COLUMN last_unit TEXT NOT NULL DEFAULT '';

-- Whoever runs the account is told of what applications put into its outbox.
CREATE FUNCTION wmctl_outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wmctl_outbox', new.business_id);
    RETURN NULL;
END $$;
CREATE TRIGGER wmctl_outbox_wake AFTER INSERT OR UPDATE OF state ON wmctl_outbox
    FOR EACH ROW WHEN (new.state = 'queued') EXECUTE FUNCTION wmctl_outbox_wake();
