-- A message belongs to the account that it was taken in for, and to no other that is paired later.
ALTER TABLE wmctl_outbox ADD COLUMN account TEXT;
-- When it is not to be sent any more.
ALTER TABLE wmctl_outbox ADD COLUMN expires_ms BIGINT;
-- How long messages of a tenant may wait, in seconds; 0 is for ever.
ALTER TABLE wmctl_tenant ADD COLUMN message_ttl_s BIGINT;

-- What waits belongs to the device that is there now. Without one, it would leave from whichever is
-- paired next.
UPDATE wmctl_outbox SET account = (SELECT MIN(d.jid) FROM whatsmeow_device d
        WHERE d.business_id = wmctl_outbox.business_id)
    WHERE state IN ('queued', 'encrypted');
UPDATE wmctl_outbox SET state = 'failed', error = 'other_account', stanza = NULL
    WHERE state IN ('queued', 'encrypted') AND account IS NULL;

-- Up to which number events were removed: whoever asks for one of those is told so.
ALTER TABLE wmctl_account ADD COLUMN events_removed_to BIGINT NOT NULL DEFAULT 0;
UPDATE wmctl_account SET events_removed_to = GREATEST(
    COALESCE((SELECT MAX(e.seq) FROM wmctl_event e
        WHERE e.business_id = wmctl_account.business_id AND e.kind = 'pruned'), 0),
    COALESCE((SELECT MIN(e.seq) FROM wmctl_event e
        WHERE e.business_id = wmctl_account.business_id), event_seq + 1) - 1);
