//! The source database of an import: it is opened for reading only, and its layout and its users
//! are determined.

use std::fs::{self, File, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::config::DatabaseUrl;
use crate::ids::{Jid, TenantId};
use crate::store::Store;
use crate::store::db::{Db, Tx, args};
use crate::store::error::StoreError;
use crate::store::transfer::catalog;
use crate::store::transfer::foreign::whatsapp_rust;
use crate::store::transfer::report::{
    FORK_VERSION, Origin, TransferError, WHATSMEOW_VERSION, WHATSMEOW_VERSION_MIN,
};

const DEVICE: &str = "whatsmeow_device";
const VERSION_TABLE: &str = "whatsmeow_version";
/// The maximum number of programs that a message names.
const USERS_SHOWN: usize = 5;

impl Store {
    /// Opens a database for reading only. A file is neither created nor changed.
    pub async fn open_source(url: &DatabaseUrl) -> Result<Self, TransferError> {
        match url {
            DatabaseUrl::Sqlite(path) if !path.exists() => {
                Err(TransferError::NoFile(path.to_owned()))
            }
            DatabaseUrl::Sqlite(path) if !is_database(path).map_err(StoreError::File)? => {
                Err(TransferError::NoDatabase(path.to_owned()))
            }
            DatabaseUrl::Sqlite(path) => Ok(Self::open_file_to_read(path).await?),
            DatabaseUrl::Postgres(url) => Ok(Self::open_server_to_read(url).await?),
        }
    }

    /// Returns the programs that have the database open, or that run the tenant in it, as far as
    /// can be determined. For a file these are programs on this machine, for PostgreSQL sessions in
    /// the same database.
    pub async fn users(&self, tenant: &TenantId) -> Result<Vec<String>, TransferError> {
        const SESSIONS: &str = "
            SELECT CAST(pid AS BIGINT), COALESCE(NULLIF(application_name, ''), 'a program'),
                COALESCE(CAST(usename AS TEXT), '')
            FROM pg_stat_activity
            WHERE datname = current_database() AND backend_type = 'client backend'
                AND pid <> pg_backend_pid() ORDER BY pid";
        if let Some(path) = &self.file {
            return Ok(users_of_file(path, tenant));
        }
        let rows = self.db.rows(SESSIONS, args![]).await?;
        let mut users = Vec::new();
        for row in rows.iter().take(USERS_SHOWN) {
            let pid: i64 = row.column("pg_stat_activity", 0)?;
            let name: String = row.column("pg_stat_activity", 1)?;
            let user: String = row.column("pg_stat_activity", 2)?;
            users.push(format!("{name} (user {user}, session {pid})"));
        }
        Ok(users)
    }

    /// Returns whether both are the same database of the same server, in two schemas.
    pub async fn shares_server(&self, other: &Self) -> Result<bool, TransferError> {
        const PLACE: &str = "
            SELECT current_database() || ' ' || CAST(pg_postmaster_start_time() AS TEXT)";
        let (Db::Postgres(_), Db::Postgres(_)) = (&self.db, &other.db) else {
            return Ok(false);
        };
        let mut places = Vec::new();
        for store in [self, other] {
            let row = store.db.row(PLACE, args![]).await?;
            let place = row.map(|row| row.column::<String>("pg_database", 0));
            places.push(place.transpose()?);
        }
        Ok(places[0] == places[1])
    }
}

/// Returns whether a file starts with SQLite's header, or is empty.
fn is_database(path: &Path) -> std::io::Result<bool> {
    const BEGINNING: &[u8] = b"SQLite format 3\0";
    let mut beginning = Vec::new();
    let file = File::open(path)?.take(BEGINNING.len() as u64);
    { file }.read_to_end(&mut beginning)?;
    Ok(beginning.is_empty() || beginning == BEGINNING)
}

/// Returns the processes of this machine that have a file open, and the holder of the tenant's
/// lock.
fn users_of_file(path: &Path, tenant: &TenantId) -> Vec<String> {
    let mut users = Vec::new();
    let mut lock = path.as_os_str().to_owned();
    lock.push(format!(".{tenant}.lock"));
    let held = File::open(PathBuf::from(lock)).map(|file| file.try_lock());
    if matches!(held, Ok(Err(TryLockError::WouldBlock))) {
        users.push(format!("a wmctl that runs {tenant}"));
    }
    let Ok(wanted) = fs::metadata(path) else {
        return users;
    };
    let own = std::process::id();
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    for process in processes {
        let name = process.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // The open files of other users' processes are not visible.
        let files = fs::read_dir(process.path().join("fd"));
        let mut files = files.into_iter().flatten().flatten();
        let is_it = |file: fs::DirEntry| {
            fs::metadata(file.path())
                .is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()))
        };
        if pid != own && files.any(is_it) && users.len() < USERS_SHOWN {
            let program = fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            users.push(format!("{} (process {pid})", program.trim()));
        }
    }
    users
}

/// Returns the layout of the database. Refuses a layout that cannot be read.
pub(super) async fn origin(tx: &mut Tx) -> Result<Origin, TransferError> {
    const VERSION: &str =
        "SELECT CAST(version AS BIGINT) FROM whatsmeow_version ORDER BY version DESC LIMIT 1";
    let device = catalog::columns(tx, DEVICE).await?;
    if device.is_empty() {
        return match whatsapp_rust::is_one(tx).await? {
            true => Ok(Origin::WhatsappRust),
            false => Err(TransferError::NoDevices),
        };
    }
    if catalog::exists(tx, "wmctl_migration").await? {
        return Ok(Origin::Wmctl);
    }
    if !catalog::exists(tx, VERSION_TABLE).await? {
        return Err(TransferError::NoVersion);
    }
    let row = tx.row(VERSION, args![]).await?;
    let row = row.ok_or(TransferError::NoVersion)?;
    let found: i64 = row.column(VERSION_TABLE, 0)?;
    let is_fork = device.iter().any(|column| column.name == "business_id");
    let (what, newest) = match is_fork {
        true => ("fork", FORK_VERSION),
        false => ("whatsmeow", WHATSMEOW_VERSION),
    };
    if !(WHATSMEOW_VERSION_MIN..=newest).contains(&found) {
        return Err(TransferError::Version {
            what,
            found,
            oldest: WHATSMEOW_VERSION_MIN,
            newest,
        });
    }
    Ok(match is_fork {
        true => Origin::Fork(found),
        false => Origin::Whatsmeow(found),
    })
}

/// Returns the device to move. Its address must be valid, whatever else the source contains.
pub(super) async fn only_device(
    tx: &mut Tx,
    origin: Origin,
    tenant: &TenantId,
    wanted: Option<&Jid>,
) -> Result<Jid, TransferError> {
    const ALL: &str = "SELECT jid FROM whatsmeow_device ORDER BY jid";
    const OF_TENANT: &str = "SELECT jid FROM whatsmeow_device WHERE business_id = $1 ORDER BY jid";
    const TENANTS: &str = "SELECT DISTINCT business_id FROM whatsmeow_device ORDER BY business_id";
    let rows = match origin {
        Origin::Whatsmeow(_) => tx.rows(ALL, args![]).await?,
        _ => tx.rows(OF_TENANT, args![tenant.as_str()]).await?,
    };
    let texts = |rows: &[crate::store::db::Row]| -> Result<Vec<String>, StoreError> {
        rows.iter().map(|row| row.column(DEVICE, 0)).collect()
    };
    let there = texts(&rows)?;
    if there.is_empty() && !matches!(origin, Origin::Whatsmeow(_)) {
        let wanted = format!("tenant {tenant}");
        let there = texts(&tx.rows(TENANTS, args![]).await?)?;
        return Err(TransferError::Absent { wanted, there });
    }
    let mut found = Vec::new();
    for text in &there {
        let jid = text.parse::<Jid>().ok();
        let jid = jid.filter(|jid| jid.to_string() == *text);
        found.push(jid.ok_or_else(|| TransferError::Name(text.clone()))?);
    }
    if let Some(wanted) = wanted {
        found.retain(|jid| jid == wanted);
    }
    match <[Jid; 1]>::try_from(found) {
        Ok([device]) => Ok(device),
        Err(none) if none.is_empty() => {
            let wanted = match wanted {
                Some(jid) => format!("device {jid}"),
                None => String::from("device"),
            };
            Err(TransferError::Absent { wanted, there })
        }
        Err(_) => Err(TransferError::Several { there }),
    }
}
