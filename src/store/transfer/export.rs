//! Exports one account as a database that whatsmeow can open.
//!
//! Our rows are marked as exported first. So two programs can never both continue with the same
//! keys, whatever happens afterwards.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::config::DatabaseUrl;
use crate::ids::{Jid, TenantId};
use crate::store::Store;
use crate::store::account::log::{self, RestoreEvidence};
use crate::store::db::{Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::records::Form;
use crate::store::tenants::FENCE;
use crate::store::tenants::api_keys::{Audit, insert_audit};
use crate::store::transfer::catalog::{self, Kind};
use crate::store::transfer::copy::{Mover, be_patient, value};
use crate::store::transfer::import::{SHARED, check_keys};
use crate::store::transfer::layout;
use crate::store::transfer::report::{Moved, TransferError, Watcher};
use crate::store::transfer::shape::Task;
use crate::store::transfer::stale::drop_stale;

/// How long whatsmeow keeps sent messages, for recipients that could not decrypt them.
const RETRY_MS: i64 = 7 * 24 * 3_600 * 1_000;

/// What to export, and how.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    pub tenant: TenantId,
    /// Leaves messages behind that are not sent yet; otherwise they prevent the export.
    pub leave_unsent: bool,
    /// Writes and checks everything, and then rolls it back.
    pub rehearse: bool,
    pub now_ms: i64,
}

/// What an export wrote, or would write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    pub device: Jid,
    pub tables: Vec<Moved>,
    /// The number of outbox messages that stay behind.
    pub unsent: u64,
}

/// A file that is written under a temporary name until it is complete.
struct Draft {
    path: PathBuf,
    end: PathBuf,
    /// The file lock, which excludes a second export to the same file.
    _file: File,
}

impl Draft {
    /// Creates a file beside `end`, or reuses one that a killed export left.
    fn open(end: &Path) -> Result<Self, TransferError> {
        if fs::metadata(end).is_ok_and(|found| 0 < found.len()) {
            let what = format!("a file ({})", end.display());
            return Err(TransferError::NotEmpty(what));
        }
        let mut path = end.as_os_str().to_owned();
        path.push(".part");
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        let options = options.create(true).truncate(false).write(true).mode(0o600);
        let file = options.open(&path).map_err(StoreError::File)?;
        match file.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => {
                let what = format!("{}, which another export writes", path.display());
                return Err(TransferError::NotEmpty(what));
            }
            Err(TryLockError::Error(error)) => return Err(StoreError::File(error).into()),
        }
        for suffix in ["-wal", "-shm", "-journal"] {
            let mut side = path.as_os_str().to_owned();
            side.push(suffix);
            // Usually there is none.
            let _ = fs::remove_file(side);
        }
        file.set_len(0).map_err(StoreError::File)?;
        Ok(Self {
            path,
            end: end.to_owned(),
            _file: file,
        })
    }

    /// Gives the complete file its final name.
    fn finish(self) -> Result<(), TransferError> {
        let moved = fs::rename(&self.path, &self.end);
        Ok(moved.map_err(StoreError::File)?)
    }

    fn discard(self) {
        // If this fails, the next export reuses the file.
        let _ = fs::remove_file(self.path);
    }
}

impl Store {
    /// Exports one account to a database of whatsmeow and marks our rows as exported. Refuses while
    /// a process runs the account, and if the target contains anything.
    pub async fn export(
        &self,
        to: &DatabaseUrl,
        options: &ExportOptions,
        audit: &Audit,
        watcher: Watcher<'_>,
    ) -> Result<Exported, TransferError> {
        let draft = match to {
            DatabaseUrl::Sqlite(path) => Some(Draft::open(path)?),
            DatabaseUrl::Postgres(_) => None,
        };
        let result = self.export_into(to, draft.as_ref(), options, audit, watcher);
        match (result.await, draft) {
            (Ok(done), Some(draft)) if !options.rehearse => match draft.finish() {
                Ok(()) => Ok(done),
                Err(error) => {
                    self.unmark(&options.tenant, None).await?;
                    Err(error)
                }
            },
            (done, draft) => {
                draft.into_iter().for_each(Draft::discard);
                done
            }
        }
    }

    async fn export_into(
        &self,
        to: &DatabaseUrl,
        draft: Option<&Draft>,
        options: &ExportOptions,
        audit: &Audit,
        watcher: Watcher<'_>,
    ) -> Result<Exported, TransferError> {
        let target = match (draft, to) {
            (Some(draft), _) => Self::open_new_file(&draft.path).await?,
            (None, to) => Self::open(to).await?,
        };
        let result = self.export_to(&target, to, options, audit, watcher).await;
        target.close().await;
        result
    }

    async fn export_to(
        &self,
        target: &Store,
        to: &DatabaseUrl,
        options: &ExportOptions,
        audit: &Audit,
        watcher: Watcher<'_>,
    ) -> Result<Exported, TransferError> {
        let tenant = &options.tenant;
        let mut written = target.db.begin().await?;
        be_patient(&mut written).await?;
        must_be_empty(&mut written).await?;
        written
            .script(sqlx::AssertSqlSafe(layout::script()))
            .await?;

        let mut own = self.db.begin().await?;
        let lock = self.hold(&mut own, tenant).await?;
        check_keys(&mut own, tenant).await?;
        let (device, unsent) = what_is_there(&mut own, options).await?;
        // Earlier holders of the lease cannot commit afterwards.
        own.run(FENCE, args![tenant.as_str()]).await?;
        if !options.rehearse {
            mark(&mut own, tenant, &to.to_string(), options.now_ms).await?;
            insert_audit(&mut own, audit).await?;
        }
        let marked = match options.rehearse {
            true => {
                drop(own);
                false
            }
            false => {
                own.commit().await?;
                true
            }
        };
        let mut mover = Mover {
            source: self.db.snapshot().await?,
            target: written,
            form: Form::Json,
            skip_damaged: false,
            damaged: Vec::new(),
            done: 0,
            total: 0,
            watcher,
        };
        let tables = mover.export(&device, options).await;
        let done = match tables {
            Ok(tables) if options.rehearse => Ok(tables),
            Ok(tables) => mover
                .target
                .commit()
                .await
                .map(|()| tables)
                .map_err(Into::into),
            Err(error) => Err(error),
        };
        drop(mover.source);
        if marked && matches!(&done, Err(error) if is_definite(error)) {
            self.unmark(tenant, None).await?;
        }
        drop(lock);
        Ok(Exported {
            device,
            tables: done?,
            unsent,
        })
    }

    /// Takes an exported account back, so that it may run here again. Returns
    /// [`TransferError::NotExported`] if it was not exported.
    pub async fn take_back(&self, tenant: &TenantId, audit: &Audit) -> Result<(), TransferError> {
        match self.unmark(tenant, Some(audit)).await? {
            true => Ok(()),
            false => Err(TransferError::NotExported),
        }
    }

    async fn unmark(
        &self,
        tenant: &TenantId,
        audit: Option<&Audit>,
    ) -> Result<bool, TransferError> {
        const CLEAR: &str = "
            UPDATE wmctl_account SET exported_ms = NULL, exported_to = NULL
            WHERE business_id = $1 AND exported_ms IS NOT NULL";
        let mut tx = self.db.begin().await?;
        let cleared = tx.run(CLEAR, args![tenant.as_str()]).await?;
        if let Some(audit) = audit {
            if 0 < cleared {
                // The program that had the copy may have used its keys.
                log::begin(&mut tx, tenant, RestoreEvidence::Exported, audit.at_ms).await?;
            }
            insert_audit(&mut tx, audit).await?;
        }
        tx.commit().await?;
        Ok(0 < cleared)
    }
}

/// Returns whether the target certainly contains nothing of what was written.
fn is_definite(error: &TransferError) -> bool {
    !matches!(
        error,
        TransferError::Store(StoreError::CommitUnknown(_) | StoreError::Unavailable(_))
    )
}

async fn must_be_empty(tx: &mut Tx) -> Result<(), TransferError> {
    match catalog::tables(tx, "whatsmeow").await?.first() {
        None => Ok(()),
        Some(table) => Err(TransferError::NotEmpty(format!("a table {table}"))),
    }
}

async fn mark(tx: &mut Tx, tenant: &TenantId, to: &str, now_ms: i64) -> Result<(), StoreError> {
    const MARK: &str = "
        UPDATE wmctl_account SET exported_ms = $2, exported_to = $3 WHERE business_id = $1";
    tx.run(MARK, args![tenant.as_str(), now_ms, to]).await?;
    Ok(())
}

/// Returns the tenant's device, and the number of its messages that are not sent yet.
async fn what_is_there(tx: &mut Tx, options: &ExportOptions) -> Result<(Jid, u64), TransferError> {
    const UNSENT: &str = "
        SELECT COUNT(*) FROM wmctl_outbox
        WHERE business_id = $1 AND state IN ('queued', 'encrypted')";
    let tenant = &options.tenant;
    let account = Store::account_in(tx, tenant).await?;
    let account = account.ok_or_else(|| TransferError::Unpaired(tenant.to_string()))?;
    let row = tx.row(UNSENT, args![tenant.as_str()]).await?;
    let unsent: i64 = row.map_or(Ok(0), |row| row.column("wmctl_outbox", 0))?;
    let unsent = u64::try_from(unsent).unwrap_or(0);
    match 0 < unsent && !options.leave_unsent {
        true => Err(TransferError::Unsent(unsent)),
        false => Ok((account.jid, unsent)),
    }
}

/// Data of our own tables that later versions of whatsmeow have tables for.
struct Later {
    name: &'static str,
    read: &'static str,
    kinds: &'static [Kind],
    /// The statement that writes one row. The first argument is our device.
    write: &'static str,
}

const LATER: [Later; 3] = [
    Later {
        name: "companion_meta_nonce",
        read: "
            SELECT companion_meta_nonce FROM wmctl_account
            WHERE business_id = $1 AND companion_meta_nonce <> ''",
        kinds: &[Kind::Text],
        write: "UPDATE whatsmeow_device SET companion_meta_nonce = $2 WHERE jid = $1",
    },
    Later {
        name: "whatsmeow_nct_salt",
        read: "SELECT salt FROM wmctl_nct_salt WHERE business_id = $1",
        kinds: &[Kind::Bytes],
        write: "INSERT INTO whatsmeow_nct_salt (our_jid, salt) VALUES ($1, $2)",
    },
    Later {
        name: "sender_timestamp",
        read: "
            SELECT their_jid, sender_timestamp FROM wmctl_privacy_token_sent
            WHERE business_id = $1",
        kinds: &[Kind::Text, Kind::Number],
        write: "
            UPDATE whatsmeow_privacy_tokens SET sender_timestamp = $3
            WHERE our_jid = $1 AND their_jid = $2",
    },
];

const SENT: &str = "
    SELECT recipient, message_id, body, COALESCE(sent_ms, queued_ms) FROM wmctl_outbox
    WHERE business_id = $1 AND state = 'sent' AND COALESCE(sent_ms, queued_ms) > $2";
const SENT_KINDS: [Kind; 4] = [Kind::Text, Kind::Text, Kind::Bytes, Kind::Number];
const RETRY_BUFFER: &str = "
    INSERT INTO whatsmeow_retry_buffer
        (our_jid, chat_jid, message_id, format, plaintext, timestamp)
    VALUES ($1, $2, $3, 'wa', $4, $5)";

impl Mover<'_> {
    async fn export(
        &mut self,
        device: &Jid,
        options: &ExportOptions,
    ) -> Result<Vec<Moved>, TransferError> {
        let tenant = options.tenant.as_str();
        let tasks: Vec<Task> = SHARED
            .iter()
            .filter(|(table, _)| layout::TABLES.iter().any(|it| it.name == *table))
            .map(|(table, column)| {
                let own = column.map(|column| (column, Val::from(device.to_string())));
                let mut filter = vec![("business_id", Val::from(tenant))];
                filter.extend(own.clone());
                Task {
                    table: (*table).to_owned(),
                    fixed: own.into_iter().collect(),
                    filter,
                }
            })
            .collect();
        for task in &tasks {
            self.total += self.count(task).await?;
        }
        let mut tables = Vec::new();
        for task in &tasks {
            tables.push(self.copy(task).await?);
        }
        let stale = drop_stale(&mut self.source, &mut self.target, &options.tenant).await?;
        for moved in &mut tables {
            moved.written -= match moved.table.as_str() {
                "whatsmeow_sessions" => stale.0,
                "whatsmeow_sender_keys" => stale.1,
                _ => 0,
            };
        }
        for later in &LATER {
            let rows = self.source.rows(later.read, args![tenant]).await?;
            tables.push(
                self.write_later(later.name, &rows, later.kinds, later.write, device)
                    .await?,
            );
        }
        let since = options.now_ms - RETRY_MS;
        let rows = self.source.rows(SENT, args![tenant, since]).await?;
        tables.push(
            self.write_later(
                "whatsmeow_retry_buffer",
                &rows,
                &SENT_KINDS,
                RETRY_BUFFER,
                device,
            )
            .await?,
        );
        tables.retain(|moved| 0 < moved.read);
        Ok(tables)
    }

    async fn write_later(
        &mut self,
        name: &str,
        rows: &[crate::store::db::Row],
        kinds: &[Kind],
        write: &'static str,
        device: &Jid,
    ) -> Result<Moved, TransferError> {
        let mut moved = Moved {
            table: name.to_owned(),
            read: 0,
            written: 0,
        };
        for row in rows {
            let mut values = args![device.to_string()];
            for (at, kind) in kinds.iter().enumerate() {
                values.push(value(row, at, *kind)?);
            }
            moved.read += 1;
            moved.written += self.target.run(write, values).await?;
        }
        Ok(moved)
    }
}
