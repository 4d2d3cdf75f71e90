//! The queries of health checks. They only read.

use crate::ids::TenantId;
use crate::store::Store;
use crate::store::db::{Row, args};
use crate::store::error::StoreError;

const ALIVE: &str = "SELECT 1";

const WAITING: &str = "
    SELECT count(*), MIN(queued_ms) FROM wmctl_outbox WHERE state IN ('queued', 'encrypted')";

const WAITING_OF: &str = "
    SELECT count(*), MIN(queued_ms) FROM wmctl_outbox
    WHERE business_id = $1 AND state IN ('queued', 'encrypted')";

/// Messages that are not sent or not acknowledged yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waiting {
    pub messages: i64,
    /// When the oldest of them was added, in milliseconds since 1970.
    pub since_ms: Option<i64>,
}

impl Store {
    /// Checks that the database answers.
    pub async fn probe(&self) -> Result<(), StoreError> {
        self.db.row(ALIVE, args![]).await.map(|_| ())
    }

    /// Returns what waits in the outbox of one tenant, or of all.
    pub async fn waiting(&self, tenant: Option<&TenantId>) -> Result<Waiting, StoreError> {
        const TABLE: &str = "wmctl_outbox";
        let row = match tenant {
            Some(tenant) => self.db.row(WAITING_OF, args![tenant.as_str()]).await?,
            None => self.db.row(WAITING, args![]).await?,
        };
        let read = |row: Row| {
            Ok(Waiting {
                messages: row.column(TABLE, 0)?,
                since_ms: row.column(TABLE, 1)?,
            })
        };
        row.map_or(Ok(Waiting::default()), read)
    }
}
