//! Taking an account over from another database: whatsmeow's own layout, that of its
//! multi-tenant fork, or ours.
//!
//! Everything happens in one transaction of the target: an import that does not end changes
//! nothing. Sessions go on; the phone notices nothing. The source must not be in use.

use sqlx::AssertSqlSafe;

use crate::crypto::curve::KeyPair;
use crate::crypto::xeddsa;
use crate::ids::{Jid, TenantId};
use crate::signal::ratchet::Ratchet;
use crate::store::Store;
use crate::store::batch::Batch;
use crate::store::db::{Db, Row, Tx, Val, args};
use crate::store::error::StoreError;

/// Rows that one round trip carries.
const ROWS_PER_BATCH: usize = 200;

/// What a column holds.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Bytes,
    Number,
    Flag,
    Uuid,
}

use Kind::{Bytes, Flag, Number, Text, Uuid};

/// One of the shared tables: how it names our device, and its other columns.
struct Table {
    name: &'static str,
    /// `None`: the rows belong to no device.
    device: Option<&'static str>,
    columns: &'static [(&'static str, Kind)],
}

/// In the order of their references.
const TABLES: &[Table] = &[
    Table {
        name: "whatsmeow_device",
        device: Some("jid"),
        columns: &[
            ("lid", Text),
            ("facebook_uuid", Uuid),
            ("registration_id", Number),
            ("noise_key", Bytes),
            ("identity_key", Bytes),
            ("signed_pre_key", Bytes),
            ("signed_pre_key_id", Number),
            ("signed_pre_key_sig", Bytes),
            ("adv_key", Bytes),
            ("adv_details", Bytes),
            ("adv_account_sig", Bytes),
            ("adv_account_sig_key", Bytes),
            ("adv_device_sig", Bytes),
            ("platform", Text),
            ("business_name", Text),
            ("push_name", Text),
            ("lid_migration_ts", Number),
        ],
    },
    Table {
        name: "whatsmeow_identity_keys",
        device: Some("our_jid"),
        columns: &[("their_id", Text), ("identity", Bytes)],
    },
    Table {
        name: "whatsmeow_pre_keys",
        device: Some("jid"),
        columns: &[("key_id", Number), ("key", Bytes), ("uploaded", Flag)],
    },
    Table {
        name: "whatsmeow_sessions",
        device: Some("our_jid"),
        columns: &[("their_id", Text), ("session", Bytes)],
    },
    Table {
        name: "whatsmeow_sender_keys",
        device: Some("our_jid"),
        columns: &[
            ("chat_id", Text),
            ("sender_id", Text),
            ("sender_key", Bytes),
        ],
    },
    Table {
        name: "whatsmeow_app_state_sync_keys",
        device: Some("jid"),
        columns: &[
            ("key_id", Bytes),
            ("key_data", Bytes),
            ("timestamp", Number),
            ("fingerprint", Bytes),
        ],
    },
    Table {
        name: "whatsmeow_app_state_version",
        device: Some("jid"),
        columns: &[("name", Text), ("version", Number), ("hash", Bytes)],
    },
    Table {
        name: "whatsmeow_app_state_mutation_macs",
        device: Some("jid"),
        columns: &[
            ("name", Text),
            ("version", Number),
            ("index_mac", Bytes),
            ("value_mac", Bytes),
        ],
    },
    Table {
        name: "whatsmeow_contacts",
        device: Some("our_jid"),
        columns: &[
            ("their_jid", Text),
            ("first_name", Text),
            ("full_name", Text),
            ("push_name", Text),
            ("business_name", Text),
            ("redacted_phone", Text),
        ],
    },
    Table {
        name: "whatsmeow_redacted_phones",
        device: Some("our_jid"),
        columns: &[("their_jid", Text), ("redacted_phone", Text)],
    },
    Table {
        name: "whatsmeow_chat_settings",
        device: Some("our_jid"),
        columns: &[
            ("chat_jid", Text),
            ("muted_until", Number),
            ("pinned", Flag),
            ("archived", Flag),
        ],
    },
    Table {
        name: "whatsmeow_message_secrets",
        device: Some("our_jid"),
        columns: &[
            ("chat_jid", Text),
            ("sender_jid", Text),
            ("message_id", Text),
            ("key", Bytes),
        ],
    },
    Table {
        name: "whatsmeow_privacy_tokens",
        device: Some("our_jid"),
        columns: &[("their_jid", Text), ("token", Bytes), ("timestamp", Number)],
    },
    Table {
        name: "whatsmeow_lid_map",
        device: None,
        columns: &[("lid", Text), ("pn", Text)],
    },
    Table {
        name: "whatsmeow_event_buffer",
        device: Some("our_jid"),
        columns: &[
            ("ciphertext_hash", Bytes),
            ("plaintext", Bytes),
            ("server_timestamp", Number),
            ("insert_timestamp", Number),
        ],
    },
];

/// What an import carried over, or would.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// The account's own device.
    pub device: Jid,
    /// Rows by table, in the order of their references.
    pub rows: Vec<(&'static str, u64)>,
    /// Ratchets that are not in the form that we read: those chats start anew.
    pub unreadable_ratchets: u64,
}

/// Whether an import is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Commit,
    /// Everything is written and checked, and then taken back.
    Rehearse,
}

/// Columns that a table of the source has; none where there is no such table.
async fn columns(source: &Db, table: &'static str) -> Result<Vec<String>, StoreError> {
    const SQLITE: &str = "SELECT name FROM pragma_table_info($1)";
    const POSTGRES: &str = "
        SELECT CAST(attname AS TEXT) FROM pg_attribute
        WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let sql = match source {
        Db::Sqlite { .. } => SQLITE,
        Db::Postgres(_) => POSTGRES,
    };
    let rows = source.rows(sql, args![table]).await?;
    rows.iter().map(|row| row.column(table, 0)).collect()
}

impl Store {
    /// Carries one account over from another database. Refused where the tenant has a device
    /// already, where the source has several and none was named, and where its keys do not fit
    /// together.
    pub async fn import(
        &self,
        source: &Store,
        tenant: &TenantId,
        device: Option<&Jid>,
        keep: Keep,
    ) -> Result<Imported, StoreError> {
        const OCCUPIED: &str = "SELECT 1 FROM whatsmeow_device WHERE business_id = $1";
        const ACCOUNT: &str = "
            INSERT INTO wmctl_account (business_id, next_pre_key_id)
            SELECT $1, COALESCE(MAX(key_id), 0) + 1 FROM whatsmeow_pre_keys
            WHERE business_id = $1
            ON CONFLICT (business_id) DO UPDATE SET next_pre_key_id = excluded.next_pre_key_id,
                ended = NULL, ended_reason = NULL, ended_code = NULL, ended_at_ms = NULL";
        let device = only_device(&source.db, tenant, device).await?;
        let mut tx = self.db.begin().await?;
        if tx.row(OCCUPIED, args![tenant.as_str()]).await?.is_some() {
            return Err(StoreError::Import("the tenant has a device already"));
        }
        let mut imported = Imported {
            device: device.clone(),
            rows: Vec::new(),
            unreadable_ratchets: 0,
        };
        for table in TABLES {
            let rows = load(&source.db, table, tenant, &device).await?;
            if table.name == "whatsmeow_sessions" {
                let unreadable = rows.iter().filter(|row| !is_ratchet(row)).count();
                imported.unreadable_ratchets = u64::try_from(unreadable).unwrap_or(u64::MAX);
            }
            let count = u64::try_from(rows.len()).unwrap_or(u64::MAX);
            insert(&mut tx, table, rows).await?;
            imported.rows.push((table.name, count));
        }
        tx.run(ACCOUNT, args![tenant.as_str()]).await?;
        check_keys(&mut tx, tenant).await?;
        if keep == Keep::Commit {
            tx.commit().await?;
        }
        Ok(imported)
    }
}

/// The device that is meant; whatever the source holds, it must be one that we can name.
async fn only_device(
    source: &Db,
    tenant: &TenantId,
    wanted: Option<&Jid>,
) -> Result<Jid, StoreError> {
    const TABLE: &str = "whatsmeow_device";
    const ALL: &str = "SELECT jid FROM whatsmeow_device ORDER BY jid";
    const OF_TENANT: &str = "SELECT jid FROM whatsmeow_device WHERE business_id = $1 ORDER BY jid";
    let known = columns(source, TABLE).await?;
    if known.is_empty() {
        return Err(StoreError::Import("the source has no table of devices"));
    }
    let rows = match known.iter().any(|column| column == "business_id") {
        true => source.rows(OF_TENANT, args![tenant.as_str()]).await?,
        false => source.rows(ALL, args![]).await?,
    };
    let mut found = Vec::new();
    for row in &rows {
        let text: String = row.column(TABLE, 0)?;
        let jid = text.parse::<Jid>().ok();
        let jid = jid.filter(|jid| jid.to_string() == text);
        found.push(jid.ok_or(StoreError::Corrupt {
            table: TABLE,
            column: 0,
        })?);
    }
    if let Some(wanted) = wanted {
        found.retain(|jid| jid == wanted);
    }
    match <[Jid; 1]>::try_from(found) {
        Ok([device]) => Ok(device),
        Err(none) if none.is_empty() => Err(StoreError::Import("the source has no such device")),
        Err(_) => Err(StoreError::Import(
            "the source has several devices: name one",
        )),
    }
}

type Values = Vec<(&'static str, Kind, Val)>;

/// The rows of one table, ready for ours. Columns that the source does not have keep our defaults.
async fn load(
    source: &Db,
    table: &Table,
    tenant: &TenantId,
    device: &Jid,
) -> Result<Vec<Values>, StoreError> {
    let known = columns(source, table.name).await?;
    if known.is_empty() {
        return Ok(Vec::new());
    }
    let has = |name: &str| known.iter().any(|column| column == name);
    let there: Vec<_> = table.columns.iter().filter(|(name, _)| has(name)).collect();
    let listed: Vec<String> = there
        .iter()
        .map(|(name, kind)| selected(name, *kind))
        .collect();
    let mut conditions = Vec::new();
    let mut values = Vec::new();
    if let Some(column) = table.device {
        values.push(Val::from(device.to_string()));
        conditions.push(format!("{column} = $1"));
    }
    if has("business_id") {
        values.push(Val::from(tenant.as_str()));
        conditions.push(format!("business_id = ${}", values.len()));
    }
    let filter = match conditions.is_empty() {
        true => String::new(),
        false => format!(" WHERE {}", conditions.join(" AND ")),
    };
    let sql = format!("SELECT {} FROM {}{filter}", listed.join(", "), table.name);
    let rows = source.built_rows(AssertSqlSafe(sql), values).await?;
    let read = |row: &Row| {
        let mut values: Values = vec![("business_id", Text, Val::from(tenant.as_str()))];
        if let Some(column) = table.device {
            values.push((column, Text, Val::from(device.to_string())));
        }
        for (at, (name, kind)) in there.iter().enumerate() {
            values.push((name, *kind, value(row, table.name, at, *kind)?));
        }
        Ok(values)
    };
    rows.iter().map(read).collect()
}

fn selected(name: &str, kind: Kind) -> String {
    match kind {
        Number => format!("CAST({name} AS BIGINT)"),
        Uuid => format!("CAST({name} AS TEXT)"),
        Text | Bytes | Flag => name.to_owned(),
    }
}

fn value(row: &Row, table: &'static str, at: usize, kind: Kind) -> Result<Val, StoreError> {
    Ok(match kind {
        Text | Uuid => Val::from(row.column::<Option<String>>(table, at)?),
        Bytes => Val::from(row.column::<Option<Vec<u8>>>(table, at)?),
        Number => Val::from(row.column::<Option<i64>>(table, at)?),
        Flag => Val::from(row.column::<bool>(table, at)?),
    })
}

async fn insert(tx: &mut Tx, table: &Table, rows: Vec<Values>) -> Result<(), StoreError> {
    for rows in rows.chunks(ROWS_PER_BATCH) {
        let mut batch = Batch::default();
        for row in rows {
            let names: Vec<&str> = row.iter().map(|(name, _, _)| *name).collect();
            let is_server = matches!(tx, Tx::Postgres { .. });
            let place = |(at, (_, kind, _)): (usize, &(&str, Kind, Val))| match kind {
                Uuid if is_server => format!("CAST(${} AS uuid)", at + 1),
                _ => format!("${}", at + 1),
            };
            let places: Vec<String> = row.iter().enumerate().map(place).collect();
            let (names, places) = (names.join(", "), places.join(", "));
            let sql = format!("INSERT INTO {} ({names}) VALUES ({places})", table.name);
            let values: Vec<Val> = row.iter().map(|(_, _, value)| value.clone()).collect();
            match tx {
                Tx::Sqlite(_) => tx.built_run(AssertSqlSafe(sql), values).await?,
                Tx::Postgres { .. } => {
                    batch.push(&sql, &values);
                }
            }
        }
        if let Tx::Postgres { tx, .. } = tx {
            batch.send(tx).await?;
        }
    }
    Ok(())
}

fn is_ratchet(row: &Values) -> bool {
    row.iter().all(|(name, _, value)| match value {
        Val::Bytes(Some(record)) if *name == "session" => Ratchet::decode(record).is_ok(),
        _ => true,
    })
}

/// The private identity key must be the one that signed the pre-key; lengths are checked by the
/// tables themselves.
async fn check_keys(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    const TABLE: &str = "whatsmeow_device";
    const KEYS: &str = "
        SELECT identity_key, signed_pre_key, signed_pre_key_sig FROM whatsmeow_device
        WHERE business_id = $1";
    let row = tx.row(KEYS, args![tenant.as_str()]).await?;
    let row = row.ok_or(StoreError::Import("the source has no such device"))?;
    let pair = |at| -> Result<KeyPair, StoreError> {
        let bytes: Vec<u8> = row.column(TABLE, at)?;
        let bytes = bytes
            .try_into()
            .map_err(|_| StoreError::Import("a key has the wrong length"))?;
        Ok(KeyPair::from_private(bytes))
    };
    let (identity, signed) = (pair(0)?, pair(1)?);
    let signature: Vec<u8> = row.column(TABLE, 2)?;
    let fits = <[u8; 64]>::try_from(signature).is_ok_and(|signature| {
        xeddsa::verify(&identity.public, &signed.public.to_signal(), &signature)
    });
    match fits {
        true => Ok(()),
        false => Err(StoreError::Import("the device's keys do not fit together")),
    }
}
