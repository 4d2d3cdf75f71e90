//! Columns whose values have a fixed length. `db check` and imports verify it.

/// Table, column, and length in bytes.
pub(in crate::store) const LENGTHS: [(&str, &str, i64); 14] = [
    ("whatsmeow_device", "noise_key", 32),
    ("whatsmeow_device", "identity_key", 32),
    ("whatsmeow_device", "signed_pre_key", 32),
    ("whatsmeow_device", "signed_pre_key_sig", 64),
    ("whatsmeow_device", "adv_key", 32),
    ("whatsmeow_device", "adv_account_sig", 64),
    ("whatsmeow_device", "adv_account_sig_key", 32),
    ("whatsmeow_device", "adv_device_sig", 64),
    ("whatsmeow_identity_keys", "identity", 32),
    ("whatsmeow_pre_keys", "key", 32),
    ("whatsmeow_app_state_version", "hash", 128),
    ("whatsmeow_app_state_mutation_macs", "index_mac", 32),
    ("whatsmeow_app_state_mutation_macs", "value_mac", 32),
    ("whatsmeow_event_buffer", "ciphertext_hash", 32),
];
