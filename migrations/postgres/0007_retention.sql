-- When an event was stored, by the clock of the server: what a sender says of its time decides
-- nothing. Events that are there already count from now.
ALTER TABLE wmctl_event ADD COLUMN stored_ms BIGINT NOT NULL
    DEFAULT CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT);

-- When a message's secret was stored. The table of secrets is shared with other clients and has no
-- time; whoever writes there, this table follows.
CREATE TABLE wmctl_message_secret_time (
    business_id TEXT NOT NULL,
    our_jid TEXT NOT NULL,
    chat_jid TEXT NOT NULL,
    sender_jid TEXT NOT NULL,
    message_id TEXT NOT NULL,
    stored_ms BIGINT NOT NULL,
    PRIMARY KEY (business_id, our_jid, chat_jid, sender_jid, message_id),
    CONSTRAINT wmctl_message_secret_time_of
        FOREIGN KEY (business_id, our_jid, chat_jid, sender_jid, message_id)
        REFERENCES whatsmeow_message_secrets (business_id, our_jid, chat_jid, sender_jid, message_id)
        ON DELETE CASCADE ON UPDATE CASCADE
);
CREATE INDEX wmctl_message_secret_time_order ON wmctl_message_secret_time (business_id, stored_ms);
ALTER TABLE wmctl_message_secret_time ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_tenant ON wmctl_message_secret_time USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_message_secret_time.business_id)));

INSERT INTO wmctl_message_secret_time
SELECT business_id, our_jid, chat_jid, sender_jid, message_id,
    CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT)
FROM whatsmeow_message_secrets;

CREATE FUNCTION wmctl_message_secret_time() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO wmctl_message_secret_time
    VALUES (new.business_id, new.our_jid, new.chat_jid, new.sender_jid, new.message_id,
        CAST(EXTRACT(EPOCH FROM now()) * 1000 AS BIGINT))
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER wmctl_message_secret_time AFTER INSERT ON whatsmeow_message_secrets
    FOR EACH ROW EXECUTE FUNCTION wmctl_message_secret_time();

-- How large the tables were, once a day: what growth is measured against.
CREATE TABLE wmctl_table_size (
    at_ms BIGINT NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (at_ms, name)
);
ALTER TABLE wmctl_table_size ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_all ON wmctl_table_size USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id = '*'));
