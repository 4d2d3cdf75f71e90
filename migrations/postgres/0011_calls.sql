-- Every role that may log in may listen: a tenant is called by a digest of its name. On a channel of
-- its own, since whoever hears a call that it does not know believes that it was told.
CREATE OR REPLACE FUNCTION wmctl_outbox_wake() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('wmctl_outbox_call',
        left(encode(sha256(convert_to(new.business_id, 'UTF8')), 'hex'), 16));
    RETURN NULL;
END $$;
