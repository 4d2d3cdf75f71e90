-- What the phone can be asked for where the sender of a message that cannot be read never answers. A
-- row without a chat has nothing to ask for.
ALTER TABLE wmctl_retry ADD COLUMN chat TEXT;
ALTER TABLE wmctl_retry ADD COLUMN sender TEXT;
ALTER TABLE wmctl_retry ADD COLUMN message_id TEXT;
ALTER TABLE wmctl_retry ADD COLUMN asked BOOLEAN NOT NULL DEFAULT FALSE;
CREATE INDEX wmctl_retry_unasked ON wmctl_retry (business_id, first_ms)
    WHERE chat IS NOT NULL AND NOT asked;
