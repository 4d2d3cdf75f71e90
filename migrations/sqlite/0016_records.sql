-- Ratchets and sender keys that whatsmeow's fork with tenants left here are JSON; ours are protobuf.
-- `wmctl migrate up` writes them in our form, tenant by tenant, and nothing runs a tenant before.
ALTER TABLE wmctl_account ADD COLUMN foreign_records BOOLEAN NOT NULL DEFAULT false;
UPDATE wmctl_account SET foreign_records = true WHERE business_id IN (
    SELECT business_id FROM whatsmeow_sessions WHERE substr(session, 1, 1) = X'7B'
    UNION SELECT business_id FROM whatsmeow_sender_keys WHERE substr(sender_key, 1, 1) = X'7B');
