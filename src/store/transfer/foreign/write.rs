//! Writes an account of another library into our rows, in one transaction.

use crate::store::transfer::copy;
use sqlx::AssertSqlSafe;

use crate::ids::TenantId;
use crate::session::rows::{Row, RowKey};
use crate::store::account::log;
use crate::store::account::put;
use crate::store::db::batch::Batch;
use crate::store::db::{Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::tenants::FENCE;
use crate::store::tenants::api_keys::{Audit, insert_audit};
use crate::store::transfer::convert::UNMARK;
use crate::store::transfer::foreign::account::ForeignAccount;
use crate::store::transfer::import::{self, ImportOptions, Imported, Keep};
use crate::store::transfer::report::{Moved, Progress, TransferError, Watcher};
use crate::store::{Owner, Store, account};

/// How many rows are sent per round trip.
const ROWS_PER_BATCH: usize = 200;
const DEVICE: &str = "whatsmeow_device";
const MACS: &str = "whatsmeow_app_state_mutation_macs";
const SALT: &str = "wmctl_nct_salt";
const TOKEN_TIMES: &str = "wmctl_privacy_token_sent";

/// The tables that are written, in the order of their references.
const TABLES: [&str; 11] = [
    "whatsmeow_identity_keys",
    "whatsmeow_pre_keys",
    "whatsmeow_sessions",
    "whatsmeow_sender_keys",
    "wmctl_sender_key_share",
    "whatsmeow_app_state_sync_keys",
    "whatsmeow_app_state_version",
    MACS,
    "whatsmeow_message_secrets",
    "whatsmeow_privacy_tokens",
    "whatsmeow_lid_map",
];

/// Sets the account's counters and routing data.
const ACCOUNT: &str = "
    UPDATE wmctl_account SET next_pre_key_id = $2, routing_info = $3 WHERE business_id = $1";
const PUT_SALT: &str = "INSERT INTO wmctl_nct_salt (business_id, salt) VALUES ($1, $2)";
const PUT_TOKEN_TIME: &str = "
    INSERT INTO wmctl_privacy_token_sent (business_id, their_jid, sender_timestamp)
    VALUES ($1, $2, $3)";

impl Store {
    /// Imports an account of another library, under the lock of the tenant's lease. Checks its
    /// keys, and counts the rows afterwards.
    pub async fn take_over(
        &self,
        foreign: ForeignAccount,
        options: &ImportOptions,
        audit: &Audit,
        watcher: Watcher<'_>,
    ) -> Result<Imported, TransferError> {
        if let Some(what) = foreign.account.unsound() {
            return Err(TransferError::Keys(what));
        }
        if let Some(damage) = foreign.damaged.first().filter(|_| !options.skip_damaged) {
            return Err(TransferError::Damaged(damage.clone()));
        }
        let tenant = &options.tenant;
        let mut to = self.db.begin().await?;
        copy::be_patient(&mut to).await?;
        let lock = self.hold(&mut to, tenant).await?;
        let before = log::tag_in(&mut to, tenant).await?;
        if options.replace {
            import::clear(&mut to, tenant, foreign.origin).await?;
        }
        for table in TABLES.iter().chain([&DEVICE]) {
            import::must_be_free(&mut to, table, tenant).await?;
        }
        let tables = write(&mut to, tenant, &foreign, watcher).await?;
        import::check_keys(&mut to, tenant).await?;
        self.begin_taken(&mut to, tenant, before, audit.at_ms)
            .await?;
        // No record is left of those that were there before, in whatever form.
        to.run(UNMARK, args![tenant.as_str()]).await?;
        to.run(FENCE, args![tenant.as_str()]).await?;
        insert_audit(&mut to, audit).await?;
        if options.keep == Keep::Commit {
            to.commit().await?;
        }
        drop(lock);
        Ok(Imported {
            origin: foreign.origin,
            device: foreign.account.jid,
            tables,
            damaged: foreign.damaged,
        })
    }
}

async fn write(
    to: &mut Tx,
    tenant: &TenantId,
    foreign: &ForeignAccount,
    watcher: Watcher<'_>,
) -> Result<Vec<Moved>, TransferError> {
    let owner = Owner {
        tenant: tenant.clone(),
        jid: foreign.account.jid.clone(),
    };
    let (sql, values) = account::insertion(&owner, &foreign.account);
    to.run(sql, values).await?;
    let mut tables = vec![counted(to, tenant, DEVICE, 1, 0).await?];
    let total = u64::try_from(foreign.rows.len()).unwrap_or(u64::MAX);
    let mut done = 0;
    for table in TABLES {
        let rows = foreign
            .rows
            .iter()
            .filter(|(key, _)| table_of(key) == table);
        let mut sent = 0;
        let mut chunk = Vec::new();
        for (key, row) in rows {
            chunk.push(insertion(&owner, key, row)?);
            sent += 1;
            if chunk.len() == ROWS_PER_BATCH {
                send(to, &mut chunk).await?;
                let table = table.to_owned();
                (watcher)(Progress {
                    table,
                    done: done + sent,
                    total,
                });
            }
        }
        send(to, &mut chunk).await?;
        done += sent;
        (watcher)(Progress {
            table: table.to_owned(),
            done,
            total,
        });
        let damaged = foreign
            .damaged
            .iter()
            .filter(|damage| damage.table == table)
            .count();
        tables.push(counted(to, tenant, table, sent, damaged).await?);
    }
    tables.extend(beside(to, tenant, foreign).await?);
    tables.retain(|moved| 0 < moved.read);
    Ok(tables)
}

/// Writes data that is not among the session's rows.
async fn beside(
    to: &mut Tx,
    tenant: &TenantId,
    foreign: &ForeignAccount,
) -> Result<Vec<Moved>, TransferError> {
    import::begin_account(to, tenant).await?;
    let account = &foreign.account;
    let row = args![
        tenant.as_str(),
        account.next_pre_key_id,
        account.routing_info.clone()
    ];
    to.run(ACCOUNT, row).await?;
    let mut tables = Vec::new();
    if let Some(salt) = &foreign.salt {
        to.run(PUT_SALT, args![tenant.as_str(), salt.as_slice()])
            .await?;
        tables.push(counted(to, tenant, SALT, 1, 0).await?);
    }
    let mut chunk = Vec::new();
    for (jid, sent_s) in &foreign.token_times {
        let row = args![tenant.as_str(), jid.to_string(), *sent_s];
        chunk.push((PUT_TOKEN_TIME, row));
    }
    let sent = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
    send(to, &mut chunk).await?;
    tables.push(counted(to, tenant, TOKEN_TIMES, sent, 0).await?);
    Ok(tables)
}

fn insertion(
    owner: &Owner,
    key: &RowKey,
    row: &Row,
) -> Result<(&'static str, Vec<Val>), TransferError> {
    let statement = match (key, row) {
        (RowKey::LidOf(number), Row::User(lid)) => {
            let tenant = owner.tenant.as_str();
            let pair = args![tenant, lid.user.as_str(), number.user.as_str()];
            Some((put::LID_MAP, pair))
        }
        _ => put::upsert(owner, key, row),
    };
    let refused = || StoreError::Refused(format!("no row of that kind under {key:?}").into());
    Ok(statement.ok_or_else(refused)?)
}

/// Runs the statements and empties the chunk.
async fn send(to: &mut Tx, chunk: &mut Vec<(&'static str, Vec<Val>)>) -> Result<(), TransferError> {
    match to {
        Tx::Sqlite(_) => {
            for (sql, values) in chunk.drain(..) {
                to.run(sql, values).await?;
            }
        }
        Tx::Postgres { .. } => {
            let mut batch = Batch::default();
            for (sql, values) in chunk.drain(..) {
                batch.push(sql, values);
            }
            if 0 < batch.len() {
                to.all(batch).await?;
            }
        }
    }
    Ok(())
}

/// Counts the rows in the target afterwards.
async fn counted(
    to: &mut Tx,
    tenant: &TenantId,
    table: &str,
    written: u64,
    damaged: usize,
) -> Result<Moved, TransferError> {
    let sql = format!("SELECT COUNT(*) FROM {table} WHERE business_id = $1");
    let row = to
        .built_row(AssertSqlSafe(sql), args![tenant.as_str()])
        .await?;
    let found: i64 = row.map_or(Ok(0), |row| row.column("counted", 0))?;
    let found = u64::try_from(found).unwrap_or(0);
    let table = table.to_owned();
    if found != written {
        return Err(TransferError::Counts {
            table,
            written,
            found,
        });
    }
    let read = written + u64::try_from(damaged).unwrap_or(u64::MAX);
    Ok(Moved {
        table,
        read,
        written,
    })
}

/// Returns the table of a row. A source has rows of no other kind.
fn table_of(key: &RowKey) -> &'static str {
    match key {
        RowKey::Identity(_) => "whatsmeow_identity_keys",
        RowKey::PreKey(_) => "whatsmeow_pre_keys",
        RowKey::Ratchet(_) => "whatsmeow_sessions",
        RowKey::SenderKey { .. } => "whatsmeow_sender_keys",
        RowKey::SenderKeyShare(_) => "wmctl_sender_key_share",
        RowKey::AppStateKey(_) => "whatsmeow_app_state_sync_keys",
        RowKey::AppStateVersion(_) => "whatsmeow_app_state_version",
        RowKey::AppStateMac { .. } => MACS,
        RowKey::MessageSecret { .. } => "whatsmeow_message_secrets",
        RowKey::PrivacyToken(_) => "whatsmeow_privacy_tokens",
        RowKey::LidOf(_) => "whatsmeow_lid_map",
        _ => "",
    }
}
