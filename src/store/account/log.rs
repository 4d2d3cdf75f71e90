//! Detects a database that was restored from an older copy, and makes it safe to use.
//!
//! A restored database lacks what was sent since the copy was made. Its ratchets would reuse keys,
//! and its event numbers would repeat. The restore is detected by marks when an account is loaded
//! under a new lease: see [`RestoreEvidence`]. Then a new log begins: records written in an earlier
//! log no longer encrypt, and event numbers continue above all numbers used before.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use tokio::sync::watch;

use crate::clock::Surroundings;
use crate::crypto::random;
use crate::ids::TenantId;
use crate::session::account::Account;
use crate::store::account::marks::{self, Kept, UnitName};
use crate::store::db::unit::FencedTransaction;
use crate::store::db::{Db, Row, Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::lease::{FENCE_POSTGRES, FENCE_SQLITE, Lease};
use crate::store::tenants::FENCE;
use crate::store::tenants::api_keys::{Audit, insert_audit};
use crate::store::transfer::report::TransferError;
use crate::store::{Owner, Store};

const TABLE: &str = "wmctl_log";

/// How many pre-key ids a new log skips: more than are used up between a backup and its restore.
/// Not many more, because a pre-key that the server still hands out is deleted once ids are 2,048
/// ahead.
const PRE_KEYS_LEFT_OUT: i64 = 1_000;
/// The number of pre-key ids: three bytes, without the first and the last value.
const PRE_KEY_IDS: i64 = 0xFF_FFFE;
const LOG_ID_BYTES: usize = 16;

/// Selects the newest log, where the rows were last used, and where they are now.
const FOUND_SQLITE: &str = "
    SELECT a.last_unit, g.number, g.log_id, p.account, p.place, p.line, p.run, TRUE,
        $2, '', CAST(0 AS BIGINT)
    FROM wmctl_account a
    LEFT JOIN wmctl_place p ON p.business_id = a.business_id
    LEFT JOIN wmctl_log g ON g.business_id = a.business_id
        AND g.number = (SELECT MAX(number) FROM wmctl_log WHERE business_id = $1)
    WHERE a.business_id = $1";

/// The same for PostgreSQL. `xmin` of a row has only 32 bits of the transaction number.
const FOUND_POSTGRES: &str = "
    SELECT a.last_unit, g.number, g.log_id, p.account, p.place, p.line, p.run,
        COALESCE(CAST(CAST(p.xmin AS TEXT) AS BIGINT) = p.tx % 4294967296, FALSE),
        wmctl_here(), wmctl_line(), wmctl_run()
    FROM wmctl_account a
    LEFT JOIN wmctl_place p ON p.business_id = a.business_id
    LEFT JOIN wmctl_log g ON g.business_id = a.business_id
        AND g.number = (SELECT MAX(number) FROM wmctl_log WHERE business_id = $1)
    WHERE a.business_id = $1";

const IS_EARLIER: &str = "SELECT 1 FROM wmctl_log WHERE business_id = $1 AND log_id = $2";

const PLACE_SQLITE: &str = "
    INSERT INTO wmctl_place (business_id, account, place, line, run, tx)
    VALUES ($1, $2, $3, '', 0, 0)
    ON CONFLICT (business_id) DO UPDATE SET account = excluded.account, place = excluded.place";

const PLACE_POSTGRES: &str = "
    INSERT INTO wmctl_place (business_id, account, place, line, run, tx)
    VALUES ($1, $2, wmctl_here(), wmctl_line(), wmctl_run(), txid_current())
    ON CONFLICT (business_id) DO UPDATE SET account = excluded.account, place = excluded.place,
        line = excluded.line, run = excluded.run, tx = excluded.tx";

/// The server restarted and lost nothing: the last unit is the one that this process committed
/// last.
const SAME_YET: &str = "
    UPDATE wmctl_place SET run = wmctl_run(), tx = txid_current()
    WHERE business_id = $1 AND account = $2 AND run <> wmctl_run()
        AND place = wmctl_here() AND line = wmctl_line()
        AND CAST(CAST(xmin AS TEXT) AS BIGINT) = tx % 4294967296
        AND EXISTS (SELECT 1 FROM wmctl_account WHERE business_id = $1 AND last_unit = $3)
        AND EXISTS (SELECT 1 FROM wmctl_lease WHERE business_id = $1 AND epoch = $4
            AND owner = $5)
    RETURNING run";

const FIRST: &str = "
    INSERT INTO wmctl_log (business_id, number, log_id, since_ms, first_seq)
    SELECT business_id, 0, $2, $3, event_seq + 1 FROM wmctl_account WHERE business_id = $1";

/// The same beside a pairing, whose event is the first.
const FIRST_OF: &str = "
    INSERT INTO wmctl_log (business_id, number, log_id, since_ms, first_seq)
    SELECT business_id, 0, $2, $3, $4 FROM wmctl_account WHERE business_id = $1
        AND NOT EXISTS (SELECT 1 FROM wmctl_log WHERE business_id = $1)";

/// Raises the event number above any that a lost event may have had. The result is below 2^53, so
/// that it is exact in every language.
const LEAP: &str = "
    UPDATE wmctl_account SET event_seq = (event_seq / 1000000000 + 1) * 1000000000,
        next_pre_key_id = (next_pre_key_id - 1 + $2) % $3 + 1
    WHERE business_id = $1";

/// Ids of pre-keys go on behind this one.
const LEFT_OFF: &str = "UPDATE wmctl_account SET next_pre_key_id = $2 WHERE business_id = $1";

/// Begins the next log. Records without a log number belong to log 0, so the second log is 1, even
/// if the first one was never recorded.
const NEXT: &str = "
    INSERT INTO wmctl_log (business_id, number, log_id, since_ms, first_seq, mark)
    SELECT business_id, COALESCE((SELECT MAX(number) FROM wmctl_log WHERE business_id = $1), 0) + 1,
        $2, $3, event_seq + 1, $4
    FROM wmctl_account WHERE business_id = $1";

/// Deletes device lists and group members: they may have changed since, without another notice.
const FORGET: [&str; 3] = [
    "DELETE FROM wmctl_device_list WHERE business_id = $1",
    "DELETE FROM wmctl_group WHERE business_id = $1",
    "DELETE FROM wmctl_sender_key_share WHERE business_id = $1",
];

const LOGS: &str = "
    SELECT business_id, number, log_id, since_ms, first_seq, mark FROM wmctl_log
    WHERE ($1 = '' OR business_id = $1) AND ($2 <= since_ms OR mark IS NULL)
    ORDER BY business_id, number";

/// The reasons to treat rows as older than what was sent from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestoreEvidence {
    /// This machine committed a unit of work that the rows lack.
    Unit,
    /// This machine knows a log that the rows lack.
    Log,
    /// This process committed a unit of work that the rows lack.
    Memory,
    /// WhatsApp was given a pre-key of which the rows know nothing.
    PreKey,
    /// The rows are in another database, table or file than when they were last used.
    Place,
    /// The server was promoted, and this machine cannot tell whether anything is missing.
    Promoted,
    /// The server was restarted, and this machine cannot tell whether anything is missing.
    Restarted,
    /// This machine's record of the account's last unit of work is gone.
    Unmarked,
    /// An operator declared the database restored.
    Declared,
    /// Another program used the keys in the meantime.
    Exported,
    /// The rows were imported from another database, which may be older than what was sent.
    Imported,
}

impl RestoreEvidence {
    /// Returns its stable name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Log => "log",
            Self::Memory => "memory",
            Self::PreKey => "pre_key",
            Self::Place => "place",
            Self::Promoted => "promoted",
            Self::Restarted => "restarted",
            Self::Unmarked => "unmarked",
            Self::Declared => "declared",
            Self::Exported => "exported",
            Self::Imported => "imported",
        }
    }
}

/// What a process saw itself of rows that are older than what was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It committed a unit of work that they lack.
    Memory,
    /// WhatsApp was given a pre-key with this id, which comes after theirs.
    PreKey(u32),
}

/// One log of a tenant's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub tenant: TenantId,
    /// 0 for the first log.
    pub number: i64,
    /// A random id, which no other log has.
    pub id: String,
    /// When the log began, in milliseconds since 1970.
    pub since_ms: i64,
    /// The smallest number that an event of this log may have.
    pub first_seq: i64,
    /// The name of the [`RestoreEvidence`] that began the log; `None` for the first log.
    pub mark: Option<String>,
}

/// The log that an account's rows are written in now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    pub id: String,
    /// Records with a smaller log number must not encrypt.
    pub number: u64,
    /// The log has just begun, so rows loaded before are out of date.
    pub begun: bool,
}

/// What the rows and the server say.
#[derive(Clone, Debug, Default)]
struct Found {
    last: UnitName,
    log: Option<(i64, String)>,
    was: Option<RowLocation>,
    here: RowLocation,
    /// The row in `wmctl_place` was written by the transaction that it names. After a restore or an
    /// import it was not.
    own: bool,
    /// The database is an SQLite file.
    file: bool,
}

/// Where rows are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct RowLocation {
    account: String,
    place: String,
    line: String,
    run: i64,
}

/// What this machine's mark file says about the account's last unit of work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Knows {
    Nothing,
    /// It names an earlier log.
    Earlier,
    /// It names an earlier unit of work than the rows.
    Less,
    /// It names the same unit of work.
    Exactly,
    /// It names a later unit of work.
    More,
    /// It names a log that the rows lack.
    AnotherLog,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RestoreVerdict {
    /// These rows have not been checked before.
    First,
    Same,
    Older(RestoreEvidence),
}

fn judge(found: &Found, knows: Knows) -> RestoreVerdict {
    let Some(was) = &found.was else {
        return match (knows, &found.log) {
            (Knows::More, _) => RestoreVerdict::Older(RestoreEvidence::Unit),
            (Knows::AnotherLog, None) => RestoreVerdict::Older(RestoreEvidence::Log),
            // Imported rows begin a log of their own.
            _ => RestoreVerdict::First,
        };
    };
    let here = &found.here;
    if was.account != here.account {
        return RestoreVerdict::First;
    }
    let exactly = knows == Knows::Exactly;
    match knows {
        Knows::More => RestoreVerdict::Older(RestoreEvidence::Unit),
        Knows::AnotherLog => RestoreVerdict::Older(RestoreEvidence::Log),
        _ if was.place != here.place || !found.own => RestoreVerdict::Older(RestoreEvidence::Place),
        _ if was.line != here.line && !exactly => RestoreVerdict::Older(RestoreEvidence::Promoted),
        _ if was.run != here.run && !exactly => RestoreVerdict::Older(RestoreEvidence::Restarted),
        Knows::Nothing if found.file => RestoreVerdict::Older(RestoreEvidence::Unmarked),
        _ => RestoreVerdict::Same,
    }
}

fn draw_id() -> String {
    let bytes: [u8; LOG_ID_BYTES] = random::bytes(&mut *Surroundings::system().entropy.random());
    hex::encode(bytes)
}

/// Returns what distinguishes a file from its copies: its inode number and its creation time.
fn place_of(path: &Path) -> Result<String, StoreError> {
    let found = fs::metadata(path).map_err(StoreError::File)?;
    // Some file systems do not record the creation time.
    let born = found.created().ok();
    let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let born = born.unwrap_or_default().as_nanos();
    Ok(format!("{}/{born}", found.ino()))
}

/// Begins a new log, in which the present ratchets and sender keys no longer encrypt.
///
/// Call this in the transaction that makes the rows older than what was, or may have been, sent
/// from them. The account must be loaded again afterwards: either its epoch must rise, or its lease
/// must be free.
pub(in crate::store) async fn begin(
    tx: &mut Tx,
    tenant: &TenantId,
    mark: RestoreEvidence,
    now_ms: i64,
) -> Result<(), StoreError> {
    let tenant = tenant.as_str();
    let leap = args![tenant, PRE_KEYS_LEFT_OUT, PRE_KEY_IDS];
    tx.run(LEAP, leap).await?;
    let row = args![tenant, draw_id(), now_ms, mark.word()];
    tx.run(NEXT, row).await?;
    for forget in FORGET {
        tx.run(forget, args![tenant]).await?;
    }
    Ok(())
}

/// Begins the first log of a tenant that has none.
pub(in crate::store) async fn begin_first(
    tx: &mut Tx,
    tenant: &TenantId,
    now_ms: i64,
) -> Result<(), StoreError> {
    if newest(tx, tenant).await?.is_none() {
        let row = args![tenant.as_str(), draw_id(), now_ms];
        tx.run(FIRST, row).await?;
    }
    Ok(())
}

/// The same in a unit of work that pairs a device, if there is none yet.
pub(in crate::store) async fn begin_paired(
    unit: &mut FencedTransaction,
    owner: &Owner,
    first_seq: i64,
) -> Result<(), StoreError> {
    let now_ms = Surroundings::system().clock.unix_ms();
    let row = args![owner.tenant.as_str(), draw_id(), now_ms, first_seq];
    unit.run(FIRST_OF, row).await
}

impl Store {
    /// Sets the folder that holds this machine's mark files, outside the database.
    pub fn keep_marks_in(&mut self, folder: &Path) {
        self.marks.folder = Some(folder.to_owned());
    }

    /// Checks the rows of an account that was loaded under a new lease, before they are used.
    /// Begins a new log if they are, or may be, older than what was sent from them. `seen` says
    /// that this process already knows that they are.
    pub async fn recognise(
        &self,
        lease: &Lease,
        account: &Account,
        seen: Option<Seen>,
    ) -> Result<Current, StoreError> {
        let tag = marks::tag(account);
        let found = self.found(&lease.tenant, &tag).await?;
        let knows = self.knows(&lease.tenant, &tag, &found).await?;
        let verdict = match seen {
            Some(Seen::Memory) => RestoreVerdict::Older(RestoreEvidence::Memory),
            Some(Seen::PreKey(_)) => RestoreVerdict::Older(RestoreEvidence::PreKey),
            // Wrong on purpose, never in a release: the scenes of a restore must notice it.
            None if cfg!(feature = "mutants") => RestoreVerdict::Same,
            None => judge(&found, knows),
        };
        let current = match (&found.log, verdict) {
            (Some((number, id)), RestoreVerdict::Same)
                if found.was.as_ref() == Some(&found.here) =>
            {
                Current {
                    id: id.clone(),
                    number: u64::try_from(*number).unwrap_or(0),
                    begun: false,
                }
            }
            (_, verdict) => self.write_down(lease, &found.here, verdict, seen).await?,
        };
        if let RestoreVerdict::Older(mark) = verdict {
            tracing::warn!(
                business_id = %lease.tenant,
                mark = mark.word(),
                log = current.id,
                "the database is older than what was sent from it, or may be: its keys encrypt \
                 nothing any more, and events are numbered anew"
            );
        }
        self.mark(&lease.tenant, &tag, &current.id, found.last);
        Ok(current)
    }

    /// Writes the account's last unit of work to the mark file, outside the database.
    fn mark(&self, tenant: &TenantId, tag: &str, log: &str, unit: UnitName) {
        let log = log.to_owned();
        if let Err(error) = self.marks.keep(tag, tenant, &Kept { log, unit }) {
            tracing::warn!(
                business_id = %tenant,
                %error,
                "how far the account has come cannot be written down"
            );
        }
    }

    /// Writes the mark file after a unit of work was committed, and before any of it is
    /// transmitted.
    pub fn mark_unit(&self, tenant: &TenantId, account: &str, log: &str, unit: &str) {
        self.mark(tenant, account, log, UnitName::read(unit));
    }

    /// When the server was started, as far as connections tell, and each change of it; it never
    /// changes where there is no server.
    pub fn runs(&self) -> watch::Receiver<i64> {
        match &self.db {
            Db::Postgres(server) => server.lines.runs(),
            Db::Sqlite { .. } => watch::Sender::new(0).subscribe(),
        }
    }

    /// Records that the rows survived a restart of the server. `unit` is the last unit that this
    /// process committed under the lease. Changes nothing if it is not the last one in the rows.
    pub async fn lived_through(
        &self,
        lease: &Lease,
        account: &str,
        unit: &str,
    ) -> Result<(), StoreError> {
        if let Db::Postgres(_) = self.db {
            let owner = lease.owner.to_string();
            let row = args![lease.tenant.as_str(), account, unit, lease.epoch, owner];
            self.db.row(SAME_YET, row).await?;
        }
        Ok(())
    }

    /// Returns the account's name for [`Store::mark_unit`].
    pub fn mark_of(account: &Account) -> String {
        marks::tag(account)
    }

    async fn found(&self, tenant: &TenantId, tag: &str) -> Result<Found, StoreError> {
        let file = self.file.as_deref();
        let here = file.map(place_of).transpose()?;
        let row = match here {
            Some(here) => {
                let args = args![tenant.as_str(), here];
                self.db.row(FOUND_SQLITE, args).await?
            }
            None => self.db.row(FOUND_POSTGRES, args![tenant.as_str()]).await?,
        };
        let Some(row) = row else {
            return Ok(Found::default());
        };
        let place = |account: String, at: usize| -> Result<RowLocation, StoreError> {
            Ok(RowLocation {
                account,
                place: row.column(TABLE, at)?,
                line: row.column(TABLE, at + 1)?,
                run: row.column(TABLE, at + 2)?,
            })
        };
        let last: String = row.column(TABLE, 0)?;
        let number: Option<i64> = row.column(TABLE, 1)?;
        let account: Option<String> = row.column(TABLE, 3)?;
        Ok(Found {
            last: UnitName::read(&last),
            log: match number {
                Some(number) => Some((number, row.column(TABLE, 2)?)),
                None => None,
            },
            was: account.map(|account| place(account, 4)).transpose()?,
            own: row.column(TABLE, 7)?,
            here: place(tag.to_owned(), 8)?,
            file: file.is_some(),
        })
    }

    async fn knows(
        &self,
        tenant: &TenantId,
        tag: &str,
        found: &Found,
    ) -> Result<Knows, StoreError> {
        let mut knows = Knows::Nothing;
        for kept in self.marks.of(tag, tenant) {
            let log = found.log.as_ref().map(|(_, id)| id);
            let this = match kept.unit.cmp(&found.last) {
                _ if log != Some(&kept.log) => {
                    let row = args![tenant.as_str(), kept.log];
                    match self.db.row(IS_EARLIER, row).await? {
                        Some(_) => Knows::Earlier,
                        None => Knows::AnotherLog,
                    }
                }
                std::cmp::Ordering::Less => Knows::Less,
                std::cmp::Ordering::Equal => Knows::Exactly,
                std::cmp::Ordering::Greater => Knows::More,
            };
            knows = knows.max(this);
        }
        Ok(knows)
    }

    /// Records the verdict in the database.
    async fn write_down(
        &self,
        lease: &Lease,
        here: &RowLocation,
        verdict: RestoreVerdict,
        seen: Option<Seen>,
    ) -> Result<Current, StoreError> {
        let tenant = lease.tenant.as_str();
        let now_ms = Surroundings::system().clock.unix_ms();
        let mut tx = self.db.begin_briefly().await?;
        let fence = args![tenant, lease.epoch, lease.owner.to_string()];
        let (fenced, placed): (_, (&'static str, Vec<Val>)) = match self.db {
            Db::Sqlite { .. } => {
                let row = args![tenant, here.account.as_str(), here.place.as_str()];
                (tx.row(FENCE_SQLITE, fence).await?, (PLACE_SQLITE, row))
            }
            Db::Postgres(_) => {
                let row = args![tenant, here.account.as_str()];
                (tx.row(FENCE_POSTGRES, fence).await?, (PLACE_POSTGRES, row))
            }
        };
        fenced.ok_or(StoreError::LeaseLost { held: lease.epoch })?;
        if let Some(Seen::PreKey(id)) = seen {
            tx.run(LEFT_OFF, args![tenant, id]).await?;
        }
        match verdict {
            RestoreVerdict::Older(mark) => begin(&mut tx, &lease.tenant, mark, now_ms).await?,
            RestoreVerdict::First | RestoreVerdict::Same => {
                begin_first(&mut tx, &lease.tenant, now_ms).await?
            }
        }
        tx.run(placed.0, placed.1).await?;
        let log = newest(&mut tx, &lease.tenant).await?;
        tx.commit().await?;
        let log = log.ok_or(StoreError::Corrupt {
            table: TABLE,
            column: 1,
        })?;
        Ok(Current {
            id: log.1,
            number: u64::try_from(log.0).unwrap_or(0),
            begun: matches!(verdict, RestoreVerdict::Older(_)),
        })
    }

    /// Returns the current log of a tenant's events; `None` before the account first ran.
    pub async fn log(&self, tenant: &TenantId) -> Result<Option<Log>, StoreError> {
        let rows = self.db.rows(LOGS, args![tenant.as_str(), 0_i64]).await?;
        rows.last().map(decode).transpose()
    }

    /// Returns the logs of all tenants that began at `since_ms` or later (milliseconds since 1970),
    /// without each tenant's first log.
    pub async fn logs_begun(&self, since_ms: i64) -> Result<Vec<Log>, StoreError> {
        let rows = self.db.rows(LOGS, args!["", since_ms]).await?;
        let logs: Result<Vec<Log>, _> = rows.iter().map(decode).collect();
        Ok(logs?.into_iter().filter(|log| log.mark.is_some()).collect())
    }

    /// Begins a new log because an operator says that the database was restored. Refuses while a
    /// live process holds the lease. Returns whether the tenant has an account.
    pub async fn declare_restored(
        &self,
        tenant: &TenantId,
        audit: &Audit,
    ) -> Result<bool, TransferError> {
        let mut tx = self.db.begin_briefly().await?;
        let lock = self.hold(&mut tx, tenant).await?;
        let known = Self::account_in(&mut tx, tenant).await?.is_some();
        if known {
            tx.run(FENCE, args![tenant.as_str()]).await?;
            begin(&mut tx, tenant, RestoreEvidence::Declared, audit.at_ms).await?;
            insert_audit(&mut tx, audit).await?;
            tx.commit().await?;
        }
        drop(lock);
        Ok(known)
    }
}

/// Returns number and id of a tenant's newest log.
async fn newest(tx: &mut Tx, tenant: &TenantId) -> Result<Option<(i64, String)>, StoreError> {
    const NEWEST: &str = "
        SELECT number, log_id FROM wmctl_log WHERE business_id = $1
        ORDER BY number DESC LIMIT 1";
    let row = tx.row(NEWEST, args![tenant.as_str()]).await?;
    let read = |row: Row| Ok((row.column(TABLE, 0)?, row.column(TABLE, 1)?));
    row.map(read).transpose()
}

fn decode(row: &Row) -> Result<Log, StoreError> {
    Ok(Log {
        tenant: row.parsed(TABLE, 0)?,
        number: row.column(TABLE, 1)?,
        id: row.column(TABLE, 2)?,
        since_ms: row.column(TABLE, 3)?,
        first_seq: row.column(TABLE, 4)?,
        mark: row.column(TABLE, 5)?,
    })
}

/// The number of a tenant's newest log; 0 where there is none.
pub(in crate::store) async fn highest(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(newest(tx, tenant).await?.map_or(0, |(number, _)| number))
}

/// The account that a tenant has, as marks name it. One that cannot be read may be any: its name is
/// empty.
pub(in crate::store) async fn tag_in(
    tx: &mut Tx,
    tenant: &TenantId,
) -> Result<Option<String>, StoreError> {
    match Store::account_in(tx, tenant).await {
        Ok(account) => Ok(account.as_ref().map(marks::tag)),
        Err(StoreError::Corrupt { .. }) => Ok(Some(String::new())),
        Err(error) => Err(error),
    }
}

impl Store {
    /// Begins the log of rows that were taken over from elsewhere. `before` is the account that the
    /// tenant had. One that was run here may have sent more since than those rows know of.
    pub(in crate::store) async fn begin_taken(
        &self,
        tx: &mut Tx,
        tenant: &TenantId,
        before: Option<String>,
        now_ms: i64,
    ) -> Result<(), StoreError> {
        let tag = tag_in(tx, tenant).await?.unwrap_or_default();
        let known = before.is_some_and(|before| before.is_empty() || before == tag);
        let used = known || !self.marks.of(&tag, tenant).is_empty();
        // Wrong on purpose under `mutants`, never in a release: the same file is imported twice.
        match used && !cfg!(feature = "mutants") {
            true => begin(tx, tenant, RestoreEvidence::Imported, now_ms).await,
            false => begin_first(tx, tenant, now_ms).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(place: &str, line: &str, run: i64) -> RowLocation {
        RowLocation {
            account: String::from("account"),
            place: place.to_owned(),
            line: line.to_owned(),
            run,
        }
    }

    /// Checks one verdict, on PostgreSQL or on SQLite.
    fn check(file: bool, was: Option<RowLocation>, knows: Knows, expected: RestoreVerdict) {
        let found = Found {
            log: was.as_ref().map(|_| (0, String::from("log"))),
            was,
            here: place("here", "1", 7),
            own: true,
            file,
            ..Found::default()
        };
        assert_eq!(judge(&found, knows), expected, "{found:?} {knows:?}");
    }

    #[test]
    fn rows_are_judged_by_their_marks() {
        use Knows::{AnotherLog, Earlier, Exactly, Less, More, Nothing};
        use RestoreVerdict::{First, Older, Same};
        let same = || Some(place("here", "1", 7));
        for file in [false, true] {
            for (was, knows, expected) in [
                (None, Nothing, First),
                (None, AnotherLog, Older(RestoreEvidence::Log)),
                (same(), Less, Same),
                (same(), Exactly, Same),
                (same(), Earlier, Same),
                (same(), More, Older(RestoreEvidence::Unit)),
                (same(), AnotherLog, Older(RestoreEvidence::Log)),
                // A copied database is a copy, even if the mark file was copied with it.
                (
                    Some(place("there", "1", 7)),
                    Exactly,
                    Older(RestoreEvidence::Place),
                ),
                (
                    Some(place("there", "1", 7)),
                    Nothing,
                    Older(RestoreEvidence::Place),
                ),
            ] {
                check(file, was, knows, expected);
            }
        }
        check(true, same(), Nothing, Older(RestoreEvidence::Unmarked));
        for (was, knows, expected) in [
            (same(), Nothing, Same),
            (Some(place("here", "0", 7)), Exactly, Same),
            (
                Some(place("here", "0", 7)),
                Less,
                Older(RestoreEvidence::Promoted),
            ),
            (Some(place("here", "1", 6)), Exactly, Same),
            (
                Some(place("here", "1", 6)),
                Less,
                Older(RestoreEvidence::Restarted),
            ),
            (
                Some(place("here", "1", 6)),
                Earlier,
                Older(RestoreEvidence::Restarted),
            ),
            (
                Some(place("here", "1", 6)),
                Nothing,
                Older(RestoreEvidence::Restarted),
            ),
        ] {
            check(false, was, knows, expected);
        }
    }

    #[test]
    fn rows_that_a_restore_wrote_are_a_copy() {
        let found = Found {
            log: Some((0, String::from("log"))),
            was: Some(place("here", "1", 7)),
            here: place("here", "1", 7),
            ..Found::default()
        };
        assert_eq!(
            judge(&found, Knows::Exactly),
            RestoreVerdict::Older(RestoreEvidence::Place)
        );
    }
}
