//! Converts records that whatsmeow's fork left in this database to our form, in place.
//!
//! Each tenant is one transaction under the lock of its lease, so an interruption leaves only whole
//! tenants. A flag in the tenant's row says whether it is still to be converted.

use tracing::warn;

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::{Row, Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::records::{Form, Kind};
use crate::store::tenants::FENCE;
use crate::store::transfer::copy::be_patient;

/// How many records are read at once.
const PAGE: i64 = 200;
/// The first byte of JSON.
const BRACE: &[u8] = b"{";

const MARKED: &str = "
    SELECT business_id FROM wmctl_account WHERE foreign_records ORDER BY business_id";
const IS_MARKED: &str = "
    SELECT 1 FROM wmctl_account WHERE business_id = $1 AND foreign_records";
const MARK: &str = "
    UPDATE wmctl_account SET foreign_records = true WHERE business_id IN (
        SELECT business_id FROM whatsmeow_sessions WHERE substr(session, 1, 1) = $1
        UNION SELECT business_id FROM whatsmeow_sender_keys WHERE substr(sender_key, 1, 1) = $1)";
pub(super) const UNMARK: &str = "
    UPDATE wmctl_account SET foreign_records = false WHERE business_id = $1";

/// One of the two tables with records.
struct Table {
    name: &'static str,
    kind: Kind,
    /// The number of key columns after the tenant.
    keys: usize,
    /// Selects the next page. Arguments: the tenant, a brace, the number of rows, and the last key.
    read: &'static str,
    /// Updates a record. Arguments: the record, the tenant, and the key.
    write: &'static str,
}

const TABLES: [Table; 2] = [
    Table {
        name: "whatsmeow_sessions",
        kind: Kind::Ratchet,
        keys: 2,
        read: "
            SELECT our_jid, their_id, session FROM whatsmeow_sessions
            WHERE business_id = $1 AND substr(session, 1, 1) = $2
                AND (our_jid, their_id) > ($4, $5)
            ORDER BY our_jid, their_id LIMIT $3",
        write: "
            UPDATE whatsmeow_sessions SET session = $1
            WHERE business_id = $2 AND our_jid = $3 AND their_id = $4",
    },
    Table {
        name: "whatsmeow_sender_keys",
        kind: Kind::SenderKey,
        keys: 3,
        read: "
            SELECT our_jid, chat_id, sender_id, sender_key FROM whatsmeow_sender_keys
            WHERE business_id = $1 AND substr(sender_key, 1, 1) = $2
                AND (our_jid, chat_id, sender_id) > ($4, $5, $6)
            ORDER BY our_jid, chat_id, sender_id LIMIT $3",
        write: "
            UPDATE whatsmeow_sender_keys SET sender_key = $1
            WHERE business_id = $2 AND our_jid = $3 AND chat_id = $4 AND sender_id = $5",
    },
];

impl Store {
    /// Converts the remaining records to our form. Refuses if a process runs one of the tenants;
    /// earlier tenants are then already converted.
    pub(in crate::store) async fn convert_records(&self) -> Result<(), StoreError> {
        for name in self.foreign_records().await? {
            // A tenant with an invalid name cannot be run anyway.
            if let Ok(tenant) = name.parse::<TenantId>() {
                self.convert_tenant(&tenant).await?;
            }
        }
        Ok(())
    }

    /// Returns the tenants that have, or may have, records in whatsmeow's form.
    pub async fn foreign_records(&self) -> Result<Vec<String>, StoreError> {
        let rows = self.db.rows(MARKED, args![]).await?;
        rows.iter()
            .map(|row| row.column("wmctl_account", 0))
            .collect()
    }

    /// Searches all records for those in whatsmeow's form, which the fork may have written since.
    pub async fn look_for_records(&self) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        be_patient(&mut tx).await?;
        tx.run(MARK, args![BRACE]).await?;
        tx.commit().await
    }

    async fn convert_tenant(&self, tenant: &TenantId) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        be_patient(&mut tx).await?;
        if tx.row(IS_MARKED, args![tenant.as_str()]).await?.is_none() {
            // Another process has already converted this tenant.
            return Ok(());
        }
        let lock = match self.hold(&mut tx, tenant).await {
            Ok(lock) => lock,
            Err(StoreError::LeaseHeld { .. }) => {
                let tenant = tenant.to_string();
                return Err(StoreError::ForeignRecords { tenant });
            }
            Err(error) => return Err(error),
        };
        for table in &TABLES {
            convert(&mut tx, table, tenant).await?;
        }
        tx.run(FENCE, args![tenant.as_str()]).await?;
        tx.run(UNMARK, args![tenant.as_str()]).await?;
        let done = tx.commit().await;
        drop(lock);
        done
    }
}

/// Leaves a record that cannot be decoded as it is; `wmctl db check` reports it.
async fn convert(tx: &mut Tx, table: &Table, tenant: &TenantId) -> Result<(), StoreError> {
    let mut last = vec![String::new(); table.keys];
    let mut unreadable = 0;
    loop {
        let mut values = args![tenant.as_str(), BRACE, PAGE];
        values.extend(last.iter().map(|key| Val::from(key.as_str())));
        let rows = tx.rows(table.read, values).await?;
        for row in &rows {
            last = key_of(row, table)?;
            let record: Vec<u8> = row.column(table.name, table.keys)?;
            let Ok(Some(record)) = table.kind.convert(record, Form::Protobuf) else {
                unreadable += 1;
                continue;
            };
            let mut values = args![record, tenant.as_str()];
            values.extend(last.iter().map(|key| Val::from(key.as_str())));
            tx.run(table.write, values).await?;
        }
        if i64::try_from(rows.len()).unwrap_or(PAGE) < PAGE {
            break;
        }
    }
    if 0 < unreadable {
        let table = table.name;
        warn!(
            business_id = %tenant,
            table,
            rows = unreadable,
            "damaged records of whatsmeow stay as they are"
        );
    }
    Ok(())
}

fn key_of(row: &Row, table: &Table) -> Result<Vec<String>, StoreError> {
    let columns = 0..table.keys;
    columns.map(|at| row.column(table.name, at)).collect()
}
