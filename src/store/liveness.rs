//! A lock that ends with the session of the process that holds it: how a standby learns at once
//! that a leader died.
//!
//! It decides nothing. Who may write stands in the lease row; a lock that is wrongly free, or
//! wrongly held, costs a takeover too many or a later one, and never a row.

use std::time::Duration;

use sqlx::{Connection, PgConnection};

use crate::ids::{HostId, TenantId};
use crate::store::Store;
use crate::store::db::Db;
use crate::store::error::StoreError;

/// First half of the keys of tenants' locks; the second is a hash of the name. Two tenants whose
/// hashes agree cannot both be locked, and one is then watched by its heartbeat alone.
const TENANT_LOCKS: i32 = 0x574E;

const LOCK: &str = "SELECT pg_advisory_lock($1, hashtext($2))";
const TRY_LOCK: &str = "SELECT pg_try_advisory_lock($1, hashtext($2))";
const HEARTBEAT: &str = "
    UPDATE wmctl_host SET hb_seq = hb_seq + 1, hb_ms = $2
    WHERE inc = $1 AND state IN ('live', 'draining') RETURNING hb_seq";
const WAITING: &str = "
    SELECT count(*) FROM pg_locks
    WHERE locktype = 'advisory' AND classid = CAST($1 AS oid)
        AND objid = CAST(hashtext($2) & 4294967295 AS oid) AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

/// A tenant's lock, held by a session of its own.
#[derive(Debug)]
pub struct TenantLock {
    session: PgConnection,
}

impl Store {
    /// Whether processes on other machines can share this database, and locks end with sessions.
    pub fn has_locks(&self) -> bool {
        matches!(self.db, Db::Postgres(_))
    }

    /// Waits until the tenant's lock is free, and takes it. Ends with an error when the session
    /// does, and at once where there are no locks. `silence` is how long the holder may say nothing
    /// before the server ends its session.
    pub async fn wait_for_lock(
        &self,
        tenant: &TenantId,
        silence: Duration,
    ) -> Result<TenantLock, StoreError> {
        let mut session = self.lock_session(silence).await?;
        sqlx::query(LOCK)
            .bind(TENANT_LOCKS)
            .bind(tenant.as_str())
            .execute(&mut session)
            .await?;
        Ok(TenantLock { session })
    }

    /// Takes the tenant's lock if it is free.
    pub async fn try_lock(
        &self,
        tenant: &TenantId,
        silence: Duration,
    ) -> Result<Option<TenantLock>, StoreError> {
        let mut session = self.lock_session(silence).await?;
        let locked: bool = sqlx::query_scalar(TRY_LOCK)
            .bind(TENANT_LOCKS)
            .bind(tenant.as_str())
            .fetch_one(&mut session)
            .await?;
        Ok(locked.then_some(TenantLock { session }))
    }

    /// How many sessions wait for the tenant's lock.
    pub async fn lock_waiters(&self, tenant: &TenantId) -> Result<i64, StoreError> {
        let Db::Postgres(pool) = &self.db else {
            return Ok(0);
        };
        let waiting = sqlx::query_scalar(WAITING)
            .bind(TENANT_LOCKS)
            .bind(tenant.as_str());
        Ok(waiting.fetch_one(pool).await?)
    }

    pub(super) async fn lock_session(&self, silence: Duration) -> Result<PgConnection, StoreError> {
        let Db::Postgres(pool) = &self.db else {
            return Err(StoreError::NoLocks);
        };
        let options = pool.connect_options().as_ref().clone();
        let mut session = PgConnection::connect_with(&options).await?;
        let silence_ms = silence.as_millis().to_string();
        // Servers before version 14 know neither: there the counter alone tells of a process that
        // hangs.
        for (name, value) in [
            ("idle_session_timeout", silence_ms.as_str()),
            ("client_connection_check_interval", "500"),
        ] {
            let set = sqlx::query("SELECT set_config($1, $2, false)")
                .bind(name)
                .bind(value);
            if let Err(error) = set.execute(&mut session).await {
                tracing::debug!(name, %error, "not a setting of this server");
            }
        }
        Ok(session)
    }
}

impl TenantLock {
    /// Counts the heartbeat up over the session that holds the lock; `None` says that the process
    /// was declared dead. An error means that the lock is lost.
    pub async fn beat(&mut self, host: HostId, now_ms: i64) -> Result<Option<i64>, StoreError> {
        let beats = sqlx::query_scalar(HEARTBEAT)
            .bind(host.to_string())
            .bind(now_ms);
        Ok(beats.fetch_optional(&mut self.session).await?)
    }

    /// Gives the lock back.
    pub async fn release(self) {
        if let Err(error) = self.session.close().await {
            tracing::debug!(%error, "the lock's session ended badly");
        }
    }
}
