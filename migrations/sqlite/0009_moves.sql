-- Accounts that come from whatsmeow, and go back to it.

-- What newer versions of whatsmeow keep and the shared tables have no place for.
ALTER TABLE wmctl_account ADD COLUMN companion_meta_nonce TEXT NOT NULL DEFAULT '';
CREATE TABLE wmctl_nct_salt (
    business_id TEXT PRIMARY KEY CONSTRAINT wmctl_nct_salt_business_id CHECK (length(business_id) BETWEEN 1 AND 64 AND business_id NOT GLOB '*[^A-Za-z0-9_.-]*'),
    salt BYTEA NOT NULL
);
-- When we gave each person our own privacy token.
CREATE TABLE wmctl_privacy_token_sent (
    business_id TEXT NOT NULL,
    their_jid TEXT NOT NULL,
    sender_timestamp BIGINT NOT NULL,
    PRIMARY KEY (business_id, their_jid)
);

-- Set once another program has the keys: nothing may run the account here then.
ALTER TABLE wmctl_account ADD COLUMN exported_ms BIGINT;
ALTER TABLE wmctl_account ADD COLUMN exported_to TEXT;

-- Devices that were there before us: the next pre-key must not overwrite one that people hold.
INSERT INTO wmctl_account (business_id, next_pre_key_id)
    SELECT d.business_id, (SELECT COALESCE(MAX(p.key_id), 0) + 1 FROM whatsmeow_pre_keys p
        WHERE p.business_id = d.business_id)
    FROM (SELECT DISTINCT business_id FROM whatsmeow_device) d
    WHERE d.business_id NOT IN (SELECT business_id FROM wmctl_account);
