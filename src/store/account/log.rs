//! Whether the rows are those that were used last, and what happens when they are not.
//!
//! A database that was restored from a copy does not know what was sent since. Its chains would
//! use keys again, its numbers name other events. It is recognised by marks when an account is
//! loaded under a new lease: see [`Mark`]. Then another log begins: nothing is encrypted with a
//! record that was written in a log before, and numbers go on above all that anybody has seen.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::clock::Surroundings;
use crate::crypto::random;
use crate::ids::TenantId;
use crate::session::account::Account;
use crate::store::Store;
use crate::store::account::marks::{self, Kept, UnitName};
use crate::store::db::{Db, Row, Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::lease::{FENCE_POSTGRES, FENCE_SQLITE, Lease};
use crate::store::tenants::FENCE;
use crate::store::tenants::api_keys::{Audit, insert_audit};
use crate::store::transfer::report::TransferError;

const TABLE: &str = "wmctl_log";

/// Ids of pre-keys that are left out: more than anybody is given between a backup and its end. Not
/// many more: those that the server still hands out are forgotten 2,048 ids later.
const PRE_KEYS_LEFT_OUT: i64 = 1_000;
/// As many ids as there are: three bytes, without the first value and the last.
const PRE_KEY_IDS: i64 = 0xFF_FFFE;
const LOG_ID_BYTES: usize = 16;

/// The newest log, where the rows were used last, and where they are.
const FOUND_SQLITE: &str = "
    SELECT a.last_unit, g.number, g.log_id, p.account, p.place, p.line, p.run, TRUE,
        $2, '', CAST(0 AS BIGINT)
    FROM wmctl_account a
    LEFT JOIN wmctl_place p ON p.business_id = a.business_id
    LEFT JOIN wmctl_log g ON g.business_id = a.business_id
        AND g.number = (SELECT MAX(number) FROM wmctl_log WHERE business_id = $1)
    WHERE a.business_id = $1";

/// A transaction number has 32 bits in a row.
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

const FIRST: &str = "
    INSERT INTO wmctl_log (business_id, number, log_id, since_ms, first_seq)
    SELECT business_id, 0, $2, $3, event_seq + 1 FROM wmctl_account WHERE business_id = $1";

/// Above everything that a lost event may have had for a number, and exact in every language.
const LEAP: &str = "
    UPDATE wmctl_account SET event_seq = (event_seq / 1000000000 + 1) * 1000000000,
        next_pre_key_id = (next_pre_key_id - 1 + $2) % $3 + 1
    WHERE business_id = $1";

/// Records without a number are of log 0: the second log is 1, also where nobody wrote down the
/// first.
const NEXT: &str = "
    INSERT INTO wmctl_log (business_id, number, log_id, since_ms, first_seq, mark)
    SELECT business_id, COALESCE((SELECT MAX(number) FROM wmctl_log WHERE business_id = $1), 0) + 1,
        $2, $3, event_seq + 1, $4
    FROM wmctl_account WHERE business_id = $1";

/// At least this number: records of another database carry theirs.
const RAISE: &str = "
    UPDATE wmctl_log SET number = number + $2 WHERE business_id = $1
        AND number = (SELECT MAX(number) FROM wmctl_log WHERE business_id = $1)";

/// What others told of themselves may have changed since, and nobody says so again.
const FORGET: [&str; 3] = [
    "DELETE FROM wmctl_device_list WHERE business_id = $1",
    "DELETE FROM wmctl_group WHERE business_id = $1",
    "DELETE FROM wmctl_sender_key_share WHERE business_id = $1",
];

const LOGS: &str = "
    SELECT business_id, number, log_id, since_ms, first_seq, mark FROM wmctl_log
    WHERE ($1 = '' OR business_id = $1) AND ($2 <= since_ms OR mark IS NULL)
    ORDER BY business_id, number";

/// By what rows are recognised as older than what was sent from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// This machine committed a unit of work that the rows lack.
    Unit,
    /// This machine knows a log that the rows do not.
    Log,
    /// This process committed a unit of work that the rows lack.
    Memory,
    /// The rows are in another database, table or file than those that were used last.
    Place,
    /// The server was promoted, and this machine cannot tell that nothing is missing.
    Promoted,
    /// The server was started anew, and this machine cannot tell that nothing is missing.
    Restarted,
    /// This machine kept nothing of how far the account had come.
    Unmarked,
    /// An operator said so.
    Declared,
    /// Another program had the keys meanwhile.
    Exported,
    /// The rows came from another database of ours, which may have been a backup.
    Imported,
}

impl Mark {
    /// A stable word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Unit => "unit",
            Self::Log => "log",
            Self::Memory => "memory",
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

/// One log of a tenant's events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub tenant: TenantId,
    /// 0 for the first.
    pub number: i64,
    /// Drawn when it began: no other log has it.
    pub id: String,
    /// When it began (milliseconds since 1970).
    pub since_ms: i64,
    /// No event of it has a smaller number.
    pub first_seq: i64,
    /// The word of the [`Mark`] that began it; none for the first.
    pub mark: Option<String>,
}

/// The log that an account's rows are written in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    pub id: String,
    /// Records of a smaller number encrypt nothing.
    pub number: u64,
    /// It has just begun: what was loaded before is out of date.
    pub begun: bool,
}

/// What rows and server say.
#[derive(Clone, Debug, Default)]
struct Found {
    last: UnitName,
    log: Option<(i64, String)>,
    was: Option<Place>,
    here: Place,
    /// The row that says where the rows were was written where it says.
    own: bool,
    /// The database is a file.
    file: bool,
}

/// Where rows are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Place {
    account: String,
    place: String,
    line: String,
    run: i64,
}

/// What this machine knows of how far the account has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Knows {
    Nothing,
    /// A log before this one.
    Earlier,
    /// Less than the rows say.
    Less,
    /// As much.
    Exactly,
    /// More.
    More,
    /// A log that the rows do not name.
    AnotherLog,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Nobody judged these rows before.
    First,
    Same,
    Older(Mark),
}

fn judge(found: &Found, knows: Knows) -> Verdict {
    let Some(was) = &found.was else {
        return match (knows, &found.log) {
            (Knows::More, _) => Verdict::Older(Mark::Unit),
            (Knows::AnotherLog, None) => Verdict::Older(Mark::Log),
            // What was imported begins a log of its own.
            _ => Verdict::First,
        };
    };
    let here = &found.here;
    if was.account != here.account {
        return Verdict::First;
    }
    let exactly = knows == Knows::Exactly;
    match knows {
        Knows::More => Verdict::Older(Mark::Unit),
        Knows::AnotherLog => Verdict::Older(Mark::Log),
        _ if was.place != here.place || !found.own => Verdict::Older(Mark::Place),
        _ if was.line != here.line && !exactly => Verdict::Older(Mark::Promoted),
        _ if was.run != here.run && !exactly => Verdict::Older(Mark::Restarted),
        Knows::Nothing if found.file => Verdict::Older(Mark::Unmarked),
        _ => Verdict::Same,
    }
}

fn draw_id() -> String {
    let bytes: [u8; LOG_ID_BYTES] = random::bytes(&mut *Surroundings::system().entropy.random());
    hex::encode(bytes)
}

/// What tells a file from its copies: its number, and when it came to be.
fn place_of(path: &Path) -> Result<String, StoreError> {
    let found = fs::metadata(path).map_err(StoreError::File)?;
    // Some file systems do not keep it.
    let born = found.created().ok();
    let born = born.and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    let born = born.unwrap_or_default().as_nanos();
    Ok(format!("{}/{born}", found.ino()))
}

/// Begins another log, in which nothing is encrypted with what the rows hold now.
///
/// To be called in the transaction that makes the rows be older than what was, or may have been,
/// sent from them. Whoever runs the account must load it anew: the epoch has to rise, or nobody may
/// have the lease.
pub(in crate::store) async fn begin(
    tx: &mut Tx,
    tenant: &TenantId,
    mark: Mark,
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

impl Store {
    /// Keeps in this folder how far accounts have come, outside the database.
    pub fn keep_marks_in(&mut self, folder: &Path) {
        self.marks.folder = Some(folder.to_owned());
    }

    /// Judges the rows of an account that was loaded under a new lease, before anything of them is
    /// used; begins another log if they are older than what was sent, or may be. `forgotten` says
    /// that this process knows so already.
    pub async fn recognise(
        &self,
        lease: &Lease,
        account: &Account,
        forgotten: bool,
    ) -> Result<Current, StoreError> {
        let tag = marks::tag(account);
        let found = self.found(&lease.tenant, &tag).await?;
        let knows = self.knows(&lease.tenant, &tag, &found).await?;
        let verdict = match forgotten {
            true => Verdict::Older(Mark::Memory),
            false => judge(&found, knows),
        };
        let current = match (&found.log, verdict) {
            (Some((number, id)), Verdict::Same) if found.was.as_ref() == Some(&found.here) => {
                Current {
                    id: id.clone(),
                    number: u64::try_from(*number).unwrap_or(0),
                    begun: false,
                }
            }
            (_, verdict) => self.write_down(lease, &found.here, verdict).await?,
        };
        if let Verdict::Older(mark) = verdict {
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

    /// Writes down outside the database how far an account has come.
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

    /// The same after a unit of work was committed, before anything of it is transmitted.
    pub fn mark_unit(&self, tenant: &TenantId, account: &str, log: &str, unit: &str) {
        self.mark(tenant, account, log, UnitName::read(unit));
    }

    /// How [`Store::mark_unit`] names an account.
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
        let place = |account: String, at: usize| -> Result<Place, StoreError> {
            Ok(Place {
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

    /// Writes down what was judged.
    async fn write_down(
        &self,
        lease: &Lease,
        here: &Place,
        verdict: Verdict,
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
        match verdict {
            Verdict::Older(mark) => begin(&mut tx, &lease.tenant, mark, now_ms).await?,
            Verdict::First | Verdict::Same => begin_first(&mut tx, &lease.tenant, now_ms).await?,
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
            begun: matches!(verdict, Verdict::Older(_)),
        })
    }

    /// The log that a tenant's events belong to now; `None` before the account first ran.
    pub async fn log(&self, tenant: &TenantId) -> Result<Option<Log>, StoreError> {
        let rows = self.db.rows(LOGS, args![tenant.as_str(), 0_i64]).await?;
        rows.last().map(decode).transpose()
    }

    /// The logs of all tenants that were begun since then (milliseconds since 1970), without each
    /// tenant's first.
    pub async fn logs_begun(&self, since_ms: i64) -> Result<Vec<Log>, StoreError> {
        let rows = self.db.rows(LOGS, args!["", since_ms]).await?;
        let logs: Result<Vec<Log>, _> = rows.iter().map(decode).collect();
        Ok(logs?.into_iter().filter(|log| log.mark.is_some()).collect())
    }

    /// Begins another log because somebody says that the database was restored. Refused while a
    /// process that lives has the lease. Whether the tenant has an account.
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
            begin(&mut tx, tenant, Mark::Declared, audit.at_ms).await?;
            insert_audit(&mut tx, audit).await?;
            tx.commit().await?;
        }
        drop(lock);
        Ok(known)
    }
}

/// Number and id of a tenant's newest log.
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

/// Begins the log of rows that came from another database of ours: records carry the numbers of
/// its logs, up to `highest`.
pub(in crate::store) async fn begin_imported(
    tx: &mut Tx,
    tenant: &TenantId,
    highest: i64,
    now_ms: i64,
) -> Result<(), StoreError> {
    begin(tx, tenant, Mark::Imported, now_ms).await?;
    let own = newest(tx, tenant).await?.map_or(0, |(number, _)| number);
    if own <= highest {
        let up = args![tenant.as_str(), highest + 1 - own];
        tx.run(RAISE, up).await?;
    }
    Ok(())
}

/// The number of the newest log of a tenant in another database of ours, which may be of before
/// there were any.
pub(in crate::store) async fn highest(tx: &mut Tx, tenant: &TenantId) -> Result<i64, StoreError> {
    Ok(newest(tx, tenant).await?.map_or(0, |(number, _)| number))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(place: &str, line: &str, run: i64) -> Place {
        Place {
            account: String::from("account"),
            place: place.to_owned(),
            line: line.to_owned(),
            run,
        }
    }

    /// On a server, or in a file.
    fn check(file: bool, was: Option<Place>, knows: Knows, expected: Verdict) {
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
        use Verdict::{First, Older, Same};
        let same = || Some(place("here", "1", 7));
        for file in [false, true] {
            for (was, knows, expected) in [
                (None, Nothing, First),
                (None, AnotherLog, Older(Mark::Log)),
                (same(), Less, Same),
                (same(), Exactly, Same),
                (same(), Earlier, Same),
                (same(), More, Older(Mark::Unit)),
                (same(), AnotherLog, Older(Mark::Log)),
                // A copy is a copy, whatever was copied with it.
                (Some(place("there", "1", 7)), Exactly, Older(Mark::Place)),
                (Some(place("there", "1", 7)), Nothing, Older(Mark::Place)),
            ] {
                check(file, was, knows, expected);
            }
        }
        check(true, same(), Nothing, Older(Mark::Unmarked));
        for (was, knows, expected) in [
            (same(), Nothing, Same),
            (Some(place("here", "0", 7)), Exactly, Same),
            (Some(place("here", "0", 7)), Less, Older(Mark::Promoted)),
            (Some(place("here", "1", 6)), Exactly, Same),
            (Some(place("here", "1", 6)), Less, Older(Mark::Restarted)),
            (Some(place("here", "1", 6)), Earlier, Older(Mark::Restarted)),
            (Some(place("here", "1", 6)), Nothing, Older(Mark::Restarted)),
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
        assert_eq!(judge(&found, Knows::Exactly), Verdict::Older(Mark::Place));
    }
}
