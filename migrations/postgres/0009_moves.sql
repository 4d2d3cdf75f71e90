-- Accounts that come from whatsmeow, and go back to it.

-- What newer versions of whatsmeow keep and the shared tables have no place for.
ALTER TABLE wmctl_account ADD COLUMN companion_meta_nonce TEXT NOT NULL DEFAULT '';
CREATE TABLE wmctl_nct_salt (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_nct_salt_business_id CHECK (business_id ~ '^[A-Za-z0-9_.-]{1,64}$'),
    salt BYTEA NOT NULL
);
-- When we gave each person our own privacy token.
CREATE TABLE wmctl_privacy_token_sent (
    business_id TEXT NOT NULL,
    their_jid TEXT NOT NULL,
    sender_timestamp BIGINT NOT NULL,
    PRIMARY KEY (business_id, their_jid)
);
ALTER TABLE wmctl_nct_salt ENABLE ROW LEVEL SECURITY;
ALTER TABLE wmctl_privacy_token_sent ENABLE ROW LEVEL SECURITY;
CREATE POLICY wmctl_tenant ON wmctl_nct_salt USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_nct_salt.business_id)));
CREATE POLICY wmctl_tenant ON wmctl_privacy_token_sent USING (EXISTS (SELECT 1 FROM wmctl_role r
    WHERE r.role = current_user AND r.business_id IN ('*', wmctl_privacy_token_sent.business_id)));

-- Set once another program has the keys: nothing may run the account here then.
ALTER TABLE wmctl_account ADD COLUMN exported_ms BIGINT;
ALTER TABLE wmctl_account ADD COLUMN exported_to TEXT;

-- Tables that were there before us may lack what came later.
ALTER TABLE whatsmeow_device ADD COLUMN IF NOT EXISTS lid_migration_ts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE whatsmeow_contacts ADD COLUMN IF NOT EXISTS redacted_phone TEXT;

-- Devices that were there before us: the next pre-key must not overwrite one that people hold.
INSERT INTO wmctl_account (business_id, next_pre_key_id)
    SELECT d.business_id, (SELECT COALESCE(MAX(p.key_id), 0) + 1 FROM whatsmeow_pre_keys p
        WHERE p.business_id = d.business_id)
    FROM (SELECT DISTINCT business_id FROM whatsmeow_device) d
    WHERE d.business_id NOT IN (SELECT business_id FROM wmctl_account);
