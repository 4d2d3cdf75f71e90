//! Databases in the layouts of whatsmeow and of its multi-tenant fork, one for each schema version,
//! filled with the rows of an account of ours.
//!
//! Tables and columns follow their published schemas. They are written separately from the
//! product's code, so that the tests do not repeat its errors.
//!
//! Source: whatsmeow 33cfac51 `store/sqlstore/upgrades/` (versions 8 to 15).

use std::fmt::Write as _;
use std::path::Path;

use sqlx::{AssertSqlSafe, Connection as _, Row as _, SqliteConnection};

use super::records;

/// The range of supported schema versions.
pub(crate) const VERSIONS: std::ops::RangeInclusive<u32> = 8..=15;

/// The SQL dialect of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// The schema's origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    Upstream(u32),
    /// The fork, whose tables have a tenant column.
    Fork,
}

impl Layout {
    fn version(self) -> u32 {
        match self {
            Self::Upstream(version) => version,
            Self::Fork => 12,
        }
    }

    /// Returns true if a ratchet or sender key is JSON, as whatsmeow writes it. In versions 8 and
    /// 9, all or some are protobuf, as earlier versions of wmctl exported them.
    fn is_json(self, row: usize) -> bool {
        match self {
            Self::Upstream(8) => false,
            Self::Upstream(9) => row.is_multiple_of(2),
            Self::Upstream(_) | Self::Fork => true,
        }
    }

    /// Returns true if the layout has a feature of an upstream version. The fork followed upstream
    /// until 11.
    fn has(self, since: u32) -> bool {
        match self {
            Self::Upstream(version) => since <= version,
            Self::Fork => since <= 11,
        }
    }
}

/// Name, type, and the version that introduced it.
type Column = (&'static str, &'static str, u32);

struct Table {
    name: &'static str,
    since: u32,
    columns: &'static [Column],
    key: &'static str,
    refers: &'static str,
}

const DEVICE: &str = "whatsmeow_device (jid)";

const TABLES: [Table; 16] = [
    Table {
        name: "device",
        since: 8,
        columns: &[
            ("jid", "TEXT", 8),
            ("lid", "TEXT", 8),
            ("facebook_uuid", "uuid", 8),
            ("registration_id", "BIGINT NOT NULL", 8),
            (
                "noise_key",
                "bytea NOT NULL CHECK (length(noise_key) = 32)",
                8,
            ),
            (
                "identity_key",
                "bytea NOT NULL CHECK (length(identity_key) = 32)",
                8,
            ),
            ("signed_pre_key", "bytea NOT NULL", 8),
            ("signed_pre_key_id", "INTEGER NOT NULL", 8),
            ("signed_pre_key_sig", "bytea NOT NULL", 8),
            ("adv_key", "bytea NOT NULL", 8),
            ("adv_details", "bytea NOT NULL", 8),
            ("adv_account_sig", "bytea NOT NULL", 8),
            ("adv_account_sig_key", "bytea NOT NULL", 8),
            ("adv_device_sig", "bytea NOT NULL", 8),
            ("platform", "TEXT NOT NULL DEFAULT ''", 8),
            ("business_name", "TEXT NOT NULL DEFAULT ''", 8),
            ("push_name", "TEXT NOT NULL DEFAULT ''", 8),
            ("lid_migration_ts", "BIGINT NOT NULL DEFAULT 0", 10),
            ("companion_meta_nonce", "TEXT NOT NULL DEFAULT ''", 15),
        ],
        key: "jid",
        refers: "",
    },
    Table {
        name: "identity_keys",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("their_id", "TEXT", 8),
            ("identity", "bytea NOT NULL", 8),
        ],
        key: "our_jid, their_id",
        refers: "our_jid",
    },
    Table {
        name: "pre_keys",
        since: 8,
        columns: &[
            ("jid", "TEXT", 8),
            ("key_id", "INTEGER", 8),
            ("key", "bytea NOT NULL", 8),
            ("uploaded", "BOOLEAN NOT NULL", 8),
        ],
        key: "jid, key_id",
        refers: "jid",
    },
    Table {
        name: "sessions",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("their_id", "TEXT", 8),
            ("session", "bytea", 8),
        ],
        key: "our_jid, their_id",
        refers: "our_jid",
    },
    Table {
        name: "sender_keys",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("chat_id", "TEXT", 8),
            ("sender_id", "TEXT", 8),
            ("sender_key", "bytea NOT NULL", 8),
        ],
        key: "our_jid, chat_id, sender_id",
        refers: "our_jid",
    },
    Table {
        name: "app_state_sync_keys",
        since: 8,
        columns: &[
            ("jid", "TEXT", 8),
            ("key_id", "bytea", 8),
            ("key_data", "bytea NOT NULL", 8),
            ("timestamp", "BIGINT NOT NULL", 8),
            ("fingerprint", "bytea NOT NULL", 8),
        ],
        key: "jid, key_id",
        refers: "jid",
    },
    Table {
        name: "app_state_version",
        since: 8,
        columns: &[
            ("jid", "TEXT", 8),
            ("name", "TEXT", 8),
            ("version", "BIGINT NOT NULL", 8),
            ("hash", "bytea NOT NULL", 8),
        ],
        key: "jid, name",
        refers: "jid",
    },
    Table {
        name: "app_state_mutation_macs",
        since: 8,
        columns: &[
            ("jid", "TEXT", 8),
            ("name", "TEXT", 8),
            ("version", "BIGINT", 8),
            ("index_mac", "bytea", 8),
            ("value_mac", "bytea NOT NULL", 8),
        ],
        key: "jid, name, version, index_mac",
        refers: "",
    },
    Table {
        name: "contacts",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("their_jid", "TEXT", 8),
            ("first_name", "TEXT", 8),
            ("full_name", "TEXT", 8),
            ("push_name", "TEXT", 8),
            ("business_name", "TEXT", 8),
            ("redacted_phone", "TEXT", 11),
        ],
        key: "our_jid, their_jid",
        refers: "our_jid",
    },
    Table {
        name: "chat_settings",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("chat_jid", "TEXT", 8),
            ("muted_until", "BIGINT NOT NULL DEFAULT 0", 8),
            ("pinned", "BOOLEAN NOT NULL DEFAULT false", 8),
            ("archived", "BOOLEAN NOT NULL DEFAULT false", 8),
        ],
        key: "our_jid, chat_jid",
        refers: "our_jid",
    },
    Table {
        name: "message_secrets",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("chat_jid", "TEXT", 8),
            ("sender_jid", "TEXT", 8),
            ("message_id", "TEXT", 8),
            ("key", "bytea NOT NULL", 8),
        ],
        key: "our_jid, chat_jid, sender_jid, message_id",
        refers: "our_jid",
    },
    Table {
        name: "privacy_tokens",
        since: 8,
        columns: &[
            ("our_jid", "TEXT", 8),
            ("their_jid", "TEXT", 8),
            ("token", "bytea NOT NULL", 8),
            ("timestamp", "BIGINT NOT NULL", 8),
            ("sender_timestamp", "BIGINT", 12),
        ],
        key: "our_jid, their_jid",
        refers: "",
    },
    Table {
        name: "lid_map",
        since: 8,
        columns: &[("lid", "TEXT", 8), ("pn", "TEXT NOT NULL", 8)],
        key: "lid",
        refers: "",
    },
    Table {
        name: "event_buffer",
        since: 9,
        columns: &[
            ("our_jid", "TEXT NOT NULL", 9),
            ("ciphertext_hash", "bytea NOT NULL", 9),
            ("plaintext", "bytea", 9),
            ("server_timestamp", "BIGINT NOT NULL", 9),
            ("insert_timestamp", "BIGINT NOT NULL", 9),
        ],
        key: "our_jid, ciphertext_hash",
        refers: "our_jid",
    },
    Table {
        name: "retry_buffer",
        since: 13,
        columns: &[
            ("our_jid", "TEXT NOT NULL", 13),
            ("chat_jid", "TEXT NOT NULL", 13),
            ("message_id", "TEXT NOT NULL", 13),
            ("format", "TEXT NOT NULL", 13),
            ("plaintext", "bytea NOT NULL", 13),
            ("timestamp", "BIGINT NOT NULL", 13),
        ],
        key: "our_jid, chat_jid, message_id",
        refers: "our_jid",
    },
    Table {
        name: "nct_salt",
        since: 14,
        columns: &[("our_jid", "TEXT", 14), ("salt", "bytea NOT NULL", 14)],
        key: "our_jid",
        refers: "our_jid",
    },
];

/// Values for columns that only later versions have, so that tests can search for them.
pub(crate) const SALT: &str = "0badc0de";
pub(crate) const NONCE: &str = "nonce of the phone";
pub(crate) const SENDER_TIMESTAMP: i64 = 1_700_000_123;

/// Returns a script with the tables of a layout and the rows of all accounts in a closed SQLite
/// file.
pub(crate) async fn script(ours: &Path, layout: Layout, dialect: Dialect) -> String {
    let url = format!("sqlite:{}", ours.display());
    let mut rows = SqliteConnection::connect(&url).await.unwrap();
    let mut script = String::new();
    for table in TABLES.iter().filter(|table| layout.has(table.since)) {
        create(&mut script, table, layout);
        for values in read(&mut rows, table, layout).await {
            let name = table.name;
            let values = spelled(&values, table, layout, dialect).join(", ");
            writeln!(script, "INSERT INTO whatsmeow_{name} VALUES ({values});").unwrap();
        }
    }
    // The fork has no compatibility version.
    let (columns, compatible) = match layout {
        Layout::Upstream(_) => ("version INTEGER, compat INTEGER", ", 8"),
        Layout::Fork => ("version INTEGER", ""),
    };
    let version = layout.version();
    writeln!(
        script,
        "CREATE TABLE whatsmeow_version ({columns});
         INSERT INTO whatsmeow_version VALUES ({version}{compatible});"
    )
    .unwrap();
    rows.close().await.unwrap();
    script
}

fn columns(table: &Table, layout: Layout) -> impl Iterator<Item = &Column> {
    table
        .columns
        .iter()
        .filter(move |(.., since)| layout.has(*since))
}

fn create(script: &mut String, table: &Table, layout: Layout) {
    let listed = columns(table, layout).map(|(name, kind, _)| format!("{name} {kind}"));
    let listed = listed.collect::<Vec<_>>().join(", ");
    let (name, key, own) = (table.name, table.key, table.refers);
    let tenant = layout == Layout::Fork;
    let (first, of) = match tenant {
        true => ("business_id TEXT NOT NULL, ", "business_id, "),
        false => ("", ""),
    };
    let device = match tenant {
        true => "whatsmeow_device (business_id, jid)",
        false => DEVICE,
    };
    let mut more = String::new();
    if !own.is_empty() {
        more = format!(
            ", FOREIGN KEY ({of}{own}) REFERENCES {device} ON DELETE CASCADE ON UPDATE CASCADE"
        );
    }
    if name == "lid_map" {
        more = format!(", UNIQUE ({of}pn)");
    }
    writeln!(
        script,
        "CREATE TABLE whatsmeow_{name} ({first}{listed}, PRIMARY KEY ({of}{key}){more});"
    )
    .unwrap();
}

/// Returns our rows with values as SQLite literals.
async fn read(rows: &mut SqliteConnection, table: &Table, layout: Layout) -> Vec<Vec<String>> {
    let name = table.name;
    let device = "(SELECT jid FROM whatsmeow_device)";
    let query = match name {
        "retry_buffer" => format!(
            "SELECT quote({device}), quote(recipient), quote(message_id), '''wa''', quote(body),
                quote(sent_ms) FROM wmctl_outbox WHERE state = 'sent'"
        ),
        "nct_salt" => format!("SELECT quote({device}), 'X''{SALT}'''"),
        _ => {
            let listed = columns(table, layout).map(|(column, ..)| match *column {
                "companion_meta_nonce" => format!("'''{NONCE}'''"),
                "sender_timestamp" => format!("'{SENDER_TIMESTAMP}'"),
                column => format!("quote({column})"),
            });
            let listed = listed.collect::<Vec<_>>().join(", ");
            let tenant = match layout {
                Layout::Fork => "quote(business_id), ",
                Layout::Upstream(_) => "",
            };
            format!("SELECT {tenant}{listed} FROM whatsmeow_{name}")
        }
    };
    let found = sqlx::query(AssertSqlSafe(query)).fetch_all(rows).await;
    let found = found.unwrap();
    let texts = |(number, row): (usize, &sqlx::sqlite::SqliteRow)| {
        let mut values: Vec<String> = (0..row.len()).map(|at| row.get(at)).collect();
        if layout.is_json(number)
            && let Some(last) = values.last_mut()
        {
            let write = match name {
                "sessions" => records::ratchet,
                "sender_keys" => records::sender_key,
                _ => return values,
            };
            let bytes = last
                .strip_prefix("X'")
                .and_then(|hex| hex.strip_suffix('\''));
            let bytes = hex::decode(bytes.expect("a record is bytes")).unwrap();
            *last = format!("X'{}'", hex::encode_upper(write(&bytes)));
        }
        values
    };
    found.iter().enumerate().map(texts).collect()
}

/// Converts the values to literals of the dialect.
fn spelled(values: &[String], table: &Table, layout: Layout, dialect: Dialect) -> Vec<String> {
    let tenant = usize::from(layout == Layout::Fork);
    let kinds: Vec<&str> = columns(table, layout).map(|(_, kind, _)| *kind).collect();
    let spell = |(at, value): (usize, &String)| {
        if dialect == Dialect::Sqlite || at < tenant {
            return value.clone();
        }
        let kind = kinds[at - tenant];
        match value.strip_prefix("X'") {
            Some(hex) => format!("'\\x{hex}"),
            None if kind.starts_with("BOOLEAN") => format!("{value} = 1"),
            None => value.clone(),
        }
    };
    values.iter().enumerate().map(spell).collect()
}
