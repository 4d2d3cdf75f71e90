-- When an event was stored: what a sender says of its time decides nothing. Events that are there
-- already count from now.
ALTER TABLE wmctl_event ADD COLUMN stored_ms BIGINT NOT NULL DEFAULT 0;
UPDATE wmctl_event SET stored_ms = CAST(unixepoch('subsec') * 1000 AS INTEGER);

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

INSERT INTO wmctl_message_secret_time
SELECT business_id, our_jid, chat_jid, sender_jid, message_id,
    CAST(unixepoch('subsec') * 1000 AS INTEGER)
FROM whatsmeow_message_secrets;

CREATE TRIGGER wmctl_message_secret_time AFTER INSERT ON whatsmeow_message_secrets
BEGIN
    INSERT OR IGNORE INTO wmctl_message_secret_time
    VALUES (new.business_id, new.our_jid, new.chat_jid, new.sender_jid, new.message_id,
        CAST(unixepoch('subsec') * 1000 AS INTEGER));
END;

-- How large the tables were, once a day: what growth is measured against.
CREATE TABLE wmctl_table_size (
    at_ms BIGINT NOT NULL,
    name TEXT NOT NULL,
    bytes BIGINT NOT NULL,
    PRIMARY KEY (at_ms, name)
);
