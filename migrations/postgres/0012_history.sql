-- Histories that the phone announced and that are not taken in yet: where they lie, or what they
-- hold where they are small.
CREATE TABLE wmctl_history (
    business_id TEXT NOT NULL,
    our_jid TEXT NOT NULL,
    dedupe TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    notification BYTEA NOT NULL,
    -- Entries that were taken in; a process that goes on skips them.
    done BIGINT NOT NULL DEFAULT 0,
    -- Downloads that failed.
    failures BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (business_id, our_jid, dedupe),
    CONSTRAINT wmctl_history_device FOREIGN KEY (business_id, our_jid)
        REFERENCES whatsmeow_device (business_id, jid) ON DELETE CASCADE ON UPDATE CASCADE
);

ALTER TABLE wmctl_history ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_tenant ON wmctl_history USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_history.business_id)));
