//! Imports one account from another database into ours.

use std::fs::{File, TryLockError};

use crate::ids::{Jid, TenantId};
use crate::store::Store;
use crate::store::account::log::{self, RestoreEvidence};
use crate::store::db::{Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::records::Form;
use crate::store::tenants::api_keys::{Audit, insert_audit};
use crate::store::tenants::{FENCE, PURGED, purge_table};
use crate::store::transfer::catalog;
use crate::store::transfer::catalog::Kind;
use crate::store::transfer::convert::UNMARK;
use crate::store::transfer::copy::{Mover, be_patient, value};
use crate::store::transfer::foreign::whatsapp_rust;
use crate::store::transfer::report::Origin;
use crate::store::transfer::report::{Damage, Moved, TransferError, Watcher};
use crate::store::transfer::shape::Task;
use crate::store::transfer::source;

/// The tables that whatsmeow shares with us, in the order of their references, with the column that
/// names our device. `None` if the rows of a table belong to no device.
pub(super) const SHARED: [(&str, Option<&str>); 15] = [
    ("whatsmeow_device", Some("jid")),
    ("whatsmeow_identity_keys", Some("our_jid")),
    ("whatsmeow_pre_keys", Some("jid")),
    ("whatsmeow_sessions", Some("our_jid")),
    ("whatsmeow_sender_keys", Some("our_jid")),
    ("whatsmeow_app_state_sync_keys", Some("jid")),
    ("whatsmeow_app_state_version", Some("jid")),
    ("whatsmeow_app_state_mutation_macs", Some("jid")),
    ("whatsmeow_contacts", Some("our_jid")),
    ("whatsmeow_redacted_phones", Some("our_jid")),
    ("whatsmeow_chat_settings", Some("our_jid")),
    ("whatsmeow_message_secrets", Some("our_jid")),
    ("whatsmeow_privacy_tokens", Some("our_jid")),
    ("whatsmeow_lid_map", None),
    ("whatsmeow_event_buffer", Some("our_jid")),
];

/// Our tables that record what processes and people did here. They contain nothing of the account
/// itself.
const STAYING: [&str; 8] = [
    // A database trigger fills it, for each secret.
    "wmctl_message_secret_time",
    "wmctl_lease",
    "wmctl_role",
    "wmctl_audit",
    "wmctl_pairing",
    "wmctl_tenant_state",
    "wmctl_host",
    "wmctl_place",
];

/// The tables that an import with `replace` keeps if the source is not a wmctl database: the events
/// that applications have read, and the tenant's settings.
const KEPT: [&str; 7] = [
    "wmctl_event",
    "wmctl_account",
    "wmctl_tenant",
    "wmctl_webhook",
    "wmctl_delivery",
    "wmctl_dead_letter",
    "wmctl_log",
];

/// Whether an import is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    Commit,
    /// Everything is written and checked, and then rolled back.
    Rehearse,
}

/// What to import, and how.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The tenant that receives the account.
    pub tenant: TenantId,
    /// The tenant of the account in a source that has tenants.
    pub from_tenant: TenantId,
    /// The device to import, if the source has several.
    pub device: Option<Jid>,
    pub keep: Keep,
    /// Replaces what the tenant has.
    pub replace: bool,
    /// Skips damaged rows, but never keys of the device itself.
    pub skip_damaged: bool,
}

/// What an import copied, or would copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    pub origin: Origin,
    /// The account's own device.
    pub device: Jid,
    /// In the order in which they were written.
    pub tables: Vec<Moved>,
    /// The rows that were skipped.
    pub damaged: Vec<Damage>,
}

impl Store {
    /// Imports one account from another database, under the lock of the tenant's lease. Checks its
    /// keys and each row, and then counts the rows in the target.
    pub async fn import(
        &self,
        source: &Store,
        options: &ImportOptions,
        audit: &Audit,
        watcher: Watcher<'_>,
    ) -> Result<Imported, TransferError> {
        must_be_of_today(source, &options.from_tenant).await?;
        let mut from = source.db.snapshot().await?;
        let origin = source::origin(&mut from).await?;
        let tenant = &options.from_tenant;
        let wanted = options.device.as_ref();
        if origin == Origin::WhatsappRust {
            let foreign = whatsapp_rust::read(&mut from, wanted).await?;
            return self.take_over(foreign, options, audit, watcher).await;
        }
        let device = source::only_device(&mut from, origin, tenant, wanted).await?;
        let mut to = self.db.begin().await?;
        be_patient(&mut from).await?;
        be_patient(&mut to).await?;
        let tenant = &options.tenant;
        let lock = self.hold(&mut to, tenant).await?;
        let before = log::tag_in(&mut to, tenant).await?;
        let mut mover = Mover {
            source: from,
            target: to,
            form: Form::Protobuf,
            skip_damaged: options.skip_damaged,
            damaged: Vec::new(),
            done: 0,
            total: 0,
            watcher,
        };
        let tables = mover.import(origin, &device, options).await?;
        let mut to = mover.target;
        match origin {
            // A source of our own may be a backup: messages sent since are in none of its rows.
            Origin::Wmctl => {
                log::begin(&mut to, tenant, RestoreEvidence::Imported, audit.at_ms).await?
            }
            // Other clients are stopped for good, and have no logs.
            _ => {
                self.begin_taken(&mut to, tenant, before, audit.at_ms)
                    .await?
            }
        }
        check_keys(&mut to, tenant).await?;
        // The records are now in our form, whatever their form in the source was.
        to.run(UNMARK, args![tenant.as_str()]).await?;
        to.run(FENCE, args![tenant.as_str()]).await?;
        insert_audit(&mut to, audit).await?;
        if options.keep == Keep::Commit {
            to.commit().await?;
        }
        drop(lock);
        Ok(Imported {
            origin,
            device,
            tables,
            damaged: mover.damaged,
        })
    }

    /// Locks the tenant's lease until the end of the transaction, so that no process can claim it.
    /// Refuses while a live process holds the lease. If this process is killed, the lock
    /// disappears.
    pub(in crate::store) async fn hold(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
    ) -> Result<Option<File>, StoreError> {
        const ENSURE: &str = "
            INSERT INTO wmctl_lease (business_id) VALUES ($1) ON CONFLICT (business_id) DO NOTHING";
        const LOCK: &str = "
            SELECT owner FROM wmctl_lease WHERE business_id = $1 AND owner IS NOT NULL
                AND owner NOT IN (SELECT inc FROM wmctl_host WHERE state = 'dead')
            FOR UPDATE";
        const LOCK_ANY: &str = "SELECT 1 FROM wmctl_lease WHERE business_id = $1 FOR UPDATE";
        let holder = None;
        let file = self.lock_file(tenant)?;
        match file.as_ref().map(File::try_lock) {
            None | Some(Ok(())) => (),
            Some(Err(TryLockError::Error(error))) => return Err(StoreError::File(error)),
            Some(Err(TryLockError::WouldBlock)) => {
                return Err(StoreError::LeaseHeld { holder });
            }
        }
        tx.run(ENSURE, args![tenant.as_str()]).await?;
        if matches!(tx, Tx::Postgres { .. }) {
            tx.run(LOCK_ANY, args![tenant.as_str()]).await?;
            if let Some(row) = tx.row(LOCK, args![tenant.as_str()]).await? {
                let text: String = row.column("wmctl_lease", 0)?;
                let holder = text.parse().ok();
                return Err(StoreError::LeaseHeld { holder });
            }
        }
        Ok(file)
    }
}

impl Mover<'_> {
    async fn import(
        &mut self,
        origin: Origin,
        device: &Jid,
        options: &ImportOptions,
    ) -> Result<Vec<Moved>, TransferError> {
        let tenant = &options.tenant;
        if options.replace {
            clear(&mut self.target, tenant, origin).await?;
        }
        let mut tasks: Vec<Task> = SHARED
            .iter()
            .map(|(table, of)| shared(table, *of, origin, device, options))
            .collect();
        if origin == Origin::Wmctl {
            tasks.extend(self.ours(options).await?);
        }
        for task in &tasks {
            self.total += self.count(task).await?;
            must_be_free(&mut self.target, &task.table, tenant).await?;
        }
        let mut tables = Vec::new();
        for task in &tasks {
            tables.push(self.copy(task).await?);
        }
        if origin != Origin::Wmctl {
            begin_account(&mut self.target, tenant).await?;
            tables.extend(self.later_tables(device, tenant).await?);
        }
        tables.retain(|moved| 0 < moved.read);
        Ok(tables)
    }

    /// Returns the tasks for all other rows that our own source has of the tenant: events, the
    /// outbox and settings.
    async fn ours(&mut self, options: &ImportOptions) -> Result<Vec<Task>, TransferError> {
        const UNUSED: &str = "
            DELETE FROM wmctl_account WHERE business_id = $1 AND event_seq = 0 AND outbox_seq = 0";
        const SETTINGS: &str = "SELECT 1 FROM wmctl_tenant WHERE business_id = $1";
        let tenant = options.tenant.as_str();
        self.target.run(UNUSED, args![tenant]).await?;
        let settled = self.target.row(SETTINGS, args![tenant]).await?.is_some();
        let names = catalog::tables(&mut self.target, "wmctl").await?;
        let names = catalog::by_reference(&mut self.target, names).await?;
        let mut tasks = Vec::new();
        for table in names {
            let columns = catalog::columns(&mut self.target, &table).await?;
            let has_tenant = columns.iter().any(|column| column.name == "business_id");
            let stays = STAYING.contains(&table.as_str()) || (settled && table == "wmctl_tenant");
            if has_tenant && !stays {
                tasks.push(Task {
                    table,
                    fixed: vec![("business_id", Val::from(tenant))],
                    filter: vec![("business_id", Val::from(options.from_tenant.as_str()))],
                });
            }
        }
        Ok(tasks)
    }

    /// Copies data that newer versions of whatsmeow keep outside the shared tables.
    async fn later_tables(
        &mut self,
        device: &Jid,
        tenant: &TenantId,
    ) -> Result<Vec<Moved>, TransferError> {
        let device = device.to_string();
        let mut tables = Vec::new();
        for later in &LATER {
            let (table, wanted) = later.place;
            let columns = catalog::columns(&mut self.source, table).await?;
            if !columns.iter().any(|column| column.name == wanted) {
                continue;
            }
            let rows = self.source.rows(later.read, args![device.as_str()]).await?;
            let mut moved = Moved {
                table: later.name.to_owned(),
                read: 0,
                written: 0,
            };
            for row in &rows {
                let mut values = args![tenant.as_str()];
                for (at, kind) in later.kinds.iter().enumerate() {
                    values.push(value(row, at, *kind)?);
                }
                moved.read += 1;
                moved.written += self.target.run(later.write, values).await?;
            }
            tables.push(moved);
        }
        Ok(tables)
    }
}

/// Data that the shared tables have no place for.
struct Later {
    name: &'static str,
    /// The table and column that exist if a source has the data.
    place: (&'static str, &'static str),
    /// The query for one device.
    read: &'static str,
    /// The types of its columns.
    kinds: &'static [Kind],
    /// The statement run for each row. The first argument is the tenant.
    write: &'static str,
}

const LATER: [Later; 4] = [
    Later {
        name: "companion_meta_nonce",
        place: ("whatsmeow_device", "companion_meta_nonce"),
        read: "
            SELECT companion_meta_nonce FROM whatsmeow_device
            WHERE jid = $1 AND companion_meta_nonce <> ''",
        kinds: &[Kind::Text],
        write: "UPDATE wmctl_account SET companion_meta_nonce = $2 WHERE business_id = $1",
    },
    Later {
        name: "whatsmeow_nct_salt",
        place: ("whatsmeow_nct_salt", "salt"),
        read: "SELECT salt FROM whatsmeow_nct_salt WHERE our_jid = $1",
        kinds: &[Kind::Bytes],
        write: "INSERT INTO wmctl_nct_salt (business_id, salt) VALUES ($1, $2)",
    },
    Later {
        name: "sender_timestamp",
        place: ("whatsmeow_privacy_tokens", "sender_timestamp"),
        read: "
            SELECT their_jid, CAST(sender_timestamp AS BIGINT) FROM whatsmeow_privacy_tokens
            WHERE our_jid = $1 AND sender_timestamp IS NOT NULL",
        kinds: &[Kind::Text, Kind::Number],
        write: "
            INSERT INTO wmctl_privacy_token_sent (business_id, their_jid, sender_timestamp)
            VALUES ($1, $2, $3)",
    },
    // Recently sent messages, kept in the outbox for recipients that could not decrypt them. They
    // get numbers below the first, so that the numbers of messages still to be sent do not change.
    Later {
        name: "whatsmeow_retry_buffer",
        place: ("whatsmeow_retry_buffer", "plaintext"),
        read: "
            SELECT message_id, chat_jid, plaintext, CAST(timestamp AS BIGINT)
            FROM whatsmeow_retry_buffer WHERE our_jid = $1 AND format = 'wa'
            ORDER BY timestamp DESC",
        kinds: &[Kind::Text, Kind::Text, Kind::Bytes, Kind::Number],
        write: "
            INSERT INTO wmctl_outbox (business_id, message_id, seq, recipient, body, state,
                queued_ms, sent_ms)
            SELECT $1, $2, (SELECT COALESCE(MIN(seq), 1) - 1 FROM wmctl_outbox
                WHERE business_id = $1), $3, $4, 'sent', $5, $5
            WHERE NOT EXISTS (SELECT 1 FROM wmctl_outbox
                WHERE business_id = $1 AND message_id = $2)",
    },
];

fn shared(
    table: &str,
    device_column: Option<&'static str>,
    origin: Origin,
    device: &Jid,
    options: &ImportOptions,
) -> Task {
    let mut fixed = vec![("business_id", Val::from(options.tenant.as_str()))];
    let mut filter = Vec::new();
    if let Some(column) = device_column {
        fixed.push((column, Val::from(device.to_string())));
        filter.push((column, Val::from(device.to_string())));
    }
    if !matches!(origin, Origin::Whatsmeow(_)) {
        filter.push(("business_id", Val::from(options.from_tenant.as_str())));
    }
    Task {
        table: table.to_owned(),
        fixed,
        filter,
    }
}

/// Checks a source of our own: its schema must not be newer than this binary, and its account must
/// not have been exported.
async fn must_be_of_today(source: &Store, tenant: &TenantId) -> Result<(), TransferError> {
    match source.exported_to(tenant).await? {
        Some(to) => Err(TransferError::SourceExported(to)),
        None => Ok(()),
    }
}

/// Deletes the rows that the account will replace.
pub(super) async fn clear(
    tx: &mut Tx,
    tenant: &TenantId,
    origin: Origin,
) -> Result<(), TransferError> {
    for table in PURGED {
        let stays = match origin {
            Origin::Wmctl => table == "wmctl_tenant",
            _ => KEPT.contains(&table),
        };
        if !stays {
            purge_table(tx, table, tenant).await?;
        }
    }
    Ok(())
}

pub(super) async fn must_be_free(
    tx: &mut Tx,
    table: &str,
    tenant: &TenantId,
) -> Result<(), TransferError> {
    let sql = format!("SELECT 1 FROM {table} WHERE business_id = $1 LIMIT 1");
    let row = tx.built_row(sqlx::AssertSqlSafe(sql), args![tenant.as_str()]);
    match row.await? {
        None => Ok(()),
        Some(_) => Err(TransferError::Occupied {
            tenant: tenant.to_string(),
            table: table.to_owned(),
        }),
    }
}

/// Sets the next pre-key id after the last one, and clears the state of an earlier account that had
/// ended.
pub(super) async fn begin_account(tx: &mut Tx, tenant: &TenantId) -> Result<(), StoreError> {
    const ACCOUNT: &str = "
        INSERT INTO wmctl_account (business_id, next_pre_key_id)
        SELECT $1, COALESCE(MAX(key_id), 0) + 1 FROM whatsmeow_pre_keys WHERE business_id = $1
        ON CONFLICT (business_id) DO UPDATE SET next_pre_key_id = excluded.next_pre_key_id,
            routing_info = NULL, ended = NULL, ended_reason = NULL, ended_code = NULL,
            ended_at_ms = NULL, exported_ms = NULL, exported_to = NULL, companion_meta_nonce = ''";
    tx.run(ACCOUNT, args![tenant.as_str()]).await?;
    Ok(())
}

/// Reads the device as the engine will read it, and checks that its keys fit together.
pub(super) async fn check_keys(tx: &mut Tx, tenant: &TenantId) -> Result<(), TransferError> {
    let account = Store::account_in(tx, tenant).await?;
    let account = account.ok_or_else(|| TransferError::Unpaired(tenant.to_string()))?;
    match account.unsound() {
        Some(what) => Err(TransferError::Keys(what)),
        None => Ok(()),
    }
}

impl Store {
    /// Returns where the tenant's keys were exported to, if they were. The schema may be older, or
    /// not ours at all.
    async fn exported_to(&self, tenant: &TenantId) -> Result<Option<String>, StoreError> {
        const SINCE: i64 = 9;
        const EXPORTED: &str = "
            SELECT COALESCE(exported_to, '') FROM wmctl_account
            WHERE business_id = $1 AND exported_ms IS NOT NULL";
        if self.known_version().await? < SINCE {
            return Ok(None);
        }
        let row = self.db.row(EXPORTED, args![tenant.as_str()]).await?;
        row.map(|row| row.column("wmctl_account", 0)).transpose()
    }
}
