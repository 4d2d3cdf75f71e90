//! The tables of whatsmeow's schema version 15, as facts about columns. The statements that create
//! them are built from these facts.
//!
//! Source: whatsmeow 33cfac51 `store/sqlstore/upgrades/00-latest-schema.sql`.

use crate::store::transfer::report::WHATSMEOW_VERSION;

/// The name of a column, and its type with constraints.
type Column = (&'static str, &'static str);

/// One table.
pub(super) struct Table {
    pub(super) name: &'static str,
    columns: &'static [Column],
    key: &'static str,
    /// The column that references the device, and follows its changes.
    device: Option<&'static str>,
    /// Further constraints of the table.
    more: &'static str,
}

const HASH: &str = "bytea NOT NULL";
const OPTIONAL: &str = "TEXT";
const TEXT: &str = "TEXT NOT NULL";
const NAME: &str = "TEXT NOT NULL DEFAULT ''";
const KEY_32: &str = "bytea NOT NULL CHECK (length(@) = 32)";
const SIGNATURE: &str = "bytea NOT NULL CHECK (length(@) = 64)";
const TIME: &str = "BIGINT NOT NULL";
const FLAG: &str = "BOOLEAN NOT NULL DEFAULT false";
const KEY_ID: &str = "INTEGER NOT NULL CHECK (@ >= 0 AND @ < 16777216)";

/// The tables in the order of their references.
pub(super) const TABLES: [Table; 16] = [
    Table {
        name: "whatsmeow_device",
        columns: &[
            ("jid", TEXT),
            ("lid", OPTIONAL),
            ("facebook_uuid", "uuid"),
            (
                "registration_id",
                "BIGINT NOT NULL CHECK (@ >= 0 AND @ < 4294967296)",
            ),
            ("noise_key", KEY_32),
            ("identity_key", KEY_32),
            ("signed_pre_key", KEY_32),
            ("signed_pre_key_id", KEY_ID),
            ("signed_pre_key_sig", SIGNATURE),
            ("adv_key", HASH),
            ("adv_details", HASH),
            ("adv_account_sig", SIGNATURE),
            ("adv_account_sig_key", KEY_32),
            ("adv_device_sig", SIGNATURE),
            ("platform", NAME),
            ("business_name", NAME),
            ("push_name", NAME),
            ("lid_migration_ts", "BIGINT NOT NULL DEFAULT 0"),
            ("companion_meta_nonce", NAME),
        ],
        key: "jid",
        device: None,
        more: "",
    },
    Table {
        name: "whatsmeow_identity_keys",
        columns: &[("our_jid", TEXT), ("their_id", TEXT), ("identity", KEY_32)],
        key: "our_jid, their_id",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_pre_keys",
        columns: &[
            ("jid", TEXT),
            ("key_id", KEY_ID),
            ("key", KEY_32),
            ("uploaded", "BOOLEAN NOT NULL"),
        ],
        key: "jid, key_id",
        device: Some("jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_sessions",
        columns: &[("our_jid", TEXT), ("their_id", TEXT), ("session", "bytea")],
        key: "our_jid, their_id",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_sender_keys",
        columns: &[
            ("our_jid", TEXT),
            ("chat_id", TEXT),
            ("sender_id", TEXT),
            ("sender_key", HASH),
        ],
        key: "our_jid, chat_id, sender_id",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_app_state_sync_keys",
        columns: &[
            ("jid", TEXT),
            ("key_id", HASH),
            ("key_data", HASH),
            ("timestamp", TIME),
            ("fingerprint", HASH),
        ],
        key: "jid, key_id",
        device: Some("jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_app_state_version",
        columns: &[
            ("jid", TEXT),
            ("name", TEXT),
            ("version", TIME),
            ("hash", "bytea NOT NULL CHECK (length(@) = 128)"),
        ],
        key: "jid, name",
        device: Some("jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_app_state_mutation_macs",
        columns: &[
            ("jid", TEXT),
            ("name", TEXT),
            ("version", TIME),
            ("index_mac", KEY_32),
            ("value_mac", KEY_32),
        ],
        key: "jid, name, version, index_mac",
        device: None,
        more: ", FOREIGN KEY (jid, name) REFERENCES whatsmeow_app_state_version (jid, name) \
            ON DELETE CASCADE ON UPDATE CASCADE",
    },
    Table {
        name: "whatsmeow_contacts",
        columns: &[
            ("our_jid", TEXT),
            ("their_jid", TEXT),
            ("first_name", OPTIONAL),
            ("full_name", OPTIONAL),
            ("push_name", OPTIONAL),
            ("business_name", OPTIONAL),
            ("redacted_phone", OPTIONAL),
        ],
        key: "our_jid, their_jid",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_chat_settings",
        columns: &[
            ("our_jid", TEXT),
            ("chat_jid", TEXT),
            ("muted_until", "BIGINT NOT NULL DEFAULT 0"),
            ("pinned", FLAG),
            ("archived", FLAG),
        ],
        key: "our_jid, chat_jid",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_message_secrets",
        columns: &[
            ("our_jid", TEXT),
            ("chat_jid", TEXT),
            ("sender_jid", TEXT),
            ("message_id", TEXT),
            ("key", HASH),
        ],
        key: "our_jid, chat_jid, sender_jid, message_id",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_privacy_tokens",
        columns: &[
            ("our_jid", TEXT),
            ("their_jid", TEXT),
            ("token", HASH),
            ("timestamp", TIME),
            ("sender_timestamp", "BIGINT"),
        ],
        key: "our_jid, their_jid",
        device: None,
        more: "",
    },
    Table {
        name: "whatsmeow_nct_salt",
        columns: &[("our_jid", TEXT), ("salt", HASH)],
        key: "our_jid",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_lid_map",
        columns: &[("lid", TEXT), ("pn", "TEXT UNIQUE NOT NULL")],
        key: "lid",
        device: None,
        more: "",
    },
    Table {
        name: "whatsmeow_event_buffer",
        columns: &[
            ("our_jid", TEXT),
            ("ciphertext_hash", KEY_32),
            ("plaintext", "bytea"),
            ("server_timestamp", TIME),
            ("insert_timestamp", TIME),
        ],
        key: "our_jid, ciphertext_hash",
        device: Some("our_jid"),
        more: "",
    },
    Table {
        name: "whatsmeow_retry_buffer",
        columns: &[
            ("our_jid", TEXT),
            ("chat_jid", TEXT),
            ("message_id", TEXT),
            ("format", TEXT),
            ("plaintext", HASH),
            ("timestamp", TIME),
        ],
        key: "our_jid, chat_jid, message_id",
        device: Some("our_jid"),
        more: "",
    },
];

/// The indexes other than primary keys.
const INDEXES: &str = "
    CREATE INDEX idx_whatsmeow_privacy_tokens_our_jid_timestamp
        ON whatsmeow_privacy_tokens (our_jid, timestamp);
    CREATE INDEX whatsmeow_retry_buffer_timestamp_idx
        ON whatsmeow_retry_buffer (our_jid, timestamp);";

/// The oldest whatsmeow schema version whose programs can open the export.
const COMPATIBLE: i64 = 8;

/// Returns the statements that create an empty database of whatsmeow.
pub(super) fn script() -> String {
    let mut script = String::new();
    for table in &TABLES {
        let columns = table.columns.iter().map(|(name, kind)| {
            let kind = kind.replace('@', name);
            format!("{name} {kind}")
        });
        let columns: Vec<String> = columns.collect();
        let device = table.device.map_or_else(String::new, |column| {
            format!(
                ", FOREIGN KEY ({column}) REFERENCES whatsmeow_device (jid) \
                 ON DELETE CASCADE ON UPDATE CASCADE"
            )
        });
        script.push_str(&format!(
            "CREATE TABLE {} ({}, PRIMARY KEY ({}){device}{});\n",
            table.name,
            columns.join(", "),
            table.key,
            table.more,
        ));
    }
    script.push_str(INDEXES);
    script.push_str(&format!(
        "\nCREATE TABLE whatsmeow_version (version INTEGER, compat INTEGER);
         INSERT INTO whatsmeow_version VALUES ({WHATSMEOW_VERSION}, {COMPATIBLE});"
    ));
    script
}
