//! Mark files: what this machine records, outside the database, about each account's last unit of
//! work.
//!
//! Each account has one small file in a folder of this machine. If the database is a file, it has a
//! second one beside that. The files are written after each commit and before anything is
//! transmitted. They go to the system's cache, so they survive the process. After a power cut a
//! file may be older than the rows, which proves nothing. Rows older than the file are older than
//! what was sent.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use crate::crypto::hash;
use crate::ids::TenantId;
use crate::session::account::Account;

const HEAD: &str = "wmctl-mark-1";
/// Maximum size of a file, in bytes: one line.
const BYTES_MAX: u64 = 256;
/// Attempts to lock a file, and the pause between them.
const LOCK_TRIES: u32 = 50;
const LOCK_PAUSE: Duration = Duration::from_millis(2);

/// The name of a unit of work: the epoch of its lease, and its number under that lease.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::store) struct UnitName {
    pub(in crate::store) epoch: i64,
    pub(in crate::store) number: u64,
}

impl UnitName {
    /// Parses a name. The empty name, before any unit, is the smallest one.
    pub(in crate::store) fn read(name: &str) -> Self {
        let parts = name.split_once('.');
        let parts = parts.and_then(|(epoch, number)| epoch.parse().ok().zip(number.parse().ok()));
        let (epoch, number) = parts.unwrap_or_default();
        Self { epoch, number }
    }
}

/// The account's last unit of work, according to one mark file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct Kept {
    pub(in crate::store) log: String,
    pub(in crate::store) unit: UnitName,
}

/// The locations of the mark files of one database.
#[derive(Clone, Debug, Default)]
pub(in crate::store) struct Marks {
    /// This machine's folder.
    pub(in crate::store) folder: Option<PathBuf>,
    /// The database file, if the database is one.
    pub(in crate::store) beside: Option<PathBuf>,
}

/// Returns a name that distinguishes an account from all others, including an earlier account of
/// the same tenant. It is a hash, so it reveals nothing.
pub(in crate::store) fn tag(account: &Account) -> String {
    let digest = hash::sha256(&[b"wmctl mark", &account.identity.public.0]);
    hex::encode(&digest[..16])
}

impl Marks {
    fn paths(&self, tag: &str, tenant: &TenantId) -> Vec<PathBuf> {
        let folder = self.folder.iter().map(|folder| folder.join(tag));
        folder.chain(self.beside_of(tenant)).collect()
    }

    fn beside_of(&self, tenant: &TenantId) -> Option<PathBuf> {
        let mut name = self.beside.clone()?.into_os_string();
        name.push(format!(".{tenant}.mark"));
        Some(PathBuf::from(name))
    }

    /// Returns what the mark files say about an account.
    pub(in crate::store) fn of(&self, tag: &str, tenant: &TenantId) -> Vec<Kept> {
        let paths = self.paths(tag, tenant);
        let read = paths.iter().filter_map(|path| {
            let mut file = File::open(path).ok()?;
            read(&mut file, tag)
        });
        read.collect()
    }

    /// Writes the account's last unit of work. If that fails, the file is deleted, because an
    /// outdated file would claim that nothing is missing.
    pub(in crate::store) fn keep(
        &self,
        tag: &str,
        tenant: &TenantId,
        kept: &Kept,
    ) -> io::Result<()> {
        let mut result = Ok(());
        for path in self.paths(tag, tenant) {
            if let Err(error) = write(&path, tag, kept) {
                // If the file cannot be deleted either, the folder is broken and later writes
                // report it.
                let _ = fs::remove_file(&path);
                result = Err(error);
            }
        }
        result
    }

    /// Removes the file beside the database of a deleted tenant.
    pub(in crate::store) fn forget(&self, tenant: &TenantId) {
        if let Some(path) = self.beside_of(tenant) {
            // If the file remains, it names an account that no longer exists.
            let _ = fs::remove_file(path);
        }
    }
}

/// Parses a mark file; `None` if it is about another account, or damaged.
fn read(file: &mut File, tag: &str) -> Option<Kept> {
    let mut text = String::new();
    file.take(BYTES_MAX).read_to_string(&mut text).ok()?;
    let mut words = text.split_ascii_whitespace();
    if words.next() != Some(HEAD) || words.next() != Some(tag) {
        return None;
    }
    let log = words.next()?.to_owned();
    let (epoch, number) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let unit = UnitName { epoch, number };
    Some(Kept { log, unit })
}

/// Locks a file. Others hold the lock only for a moment, and the account waits meanwhile.
fn lock(file: &File) -> io::Result<()> {
    for _ in 0..LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) => thread::sleep(LOCK_PAUSE),
        }
    }
    Err(io::ErrorKind::WouldBlock.into())
}

fn write(path: &Path, tag: &str, kept: &Kept) -> io::Result<()> {
    let open = || {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.mode(0o600).open(path)
    };
    let mut file = match (open(), path.parent()) {
        (Err(error), Some(folder)) if error.kind() == io::ErrorKind::NotFound => {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(0o700).create(folder)?;
            open()?
        }
        (opened, _) => opened?,
    };
    // A process that lost its lease may still be about to write an older unit of work.
    lock(&file)?;
    if let Some(known) = read(&mut file, tag)
        && known.log == kept.log
        && kept.unit < known.unit
    {
        return Ok(());
    }
    let UnitName { epoch, number } = kept.unit;
    // All lines have the same length, so that nothing of an earlier line remains.
    let line = format!("{HEAD} {tag} {} {epoch:020} {number:020}\n", kept.log);
    file.seek(SeekFrom::Start(0))?;
    file.write_all(line.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(log: &str, epoch: i64, number: u64) -> Kept {
        let log = log.to_owned();
        let unit = UnitName { epoch, number };
        Kept { log, unit }
    }

    #[test]
    fn units_are_in_the_order_of_their_commits() {
        let names = ["", "1.9", "1.10", "2.1", "10.1"].map(UnitName::read);
        assert!(names.is_sorted());
        assert_eq!(UnitName::read("12.345"), kept("", 12, 345).unit);
    }

    #[test]
    fn what_is_kept_is_the_newest_of_its_account() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let marks = Marks {
            folder: Some(folder.path().join("deep/marks")),
            beside: Some(folder.path().join("wmctl.db")),
        };
        let acme: TenantId = "acme".parse().unwrap();
        assert_eq!(marks.of("aa", &acme), []);
        for (write, expected) in [
            (kept("one", 1, 9), kept("one", 1, 9)),
            (kept("one", 2, 1), kept("one", 2, 1)),
            // A process that lost its lease writes late.
            (kept("one", 1, 10), kept("one", 2, 1)),
            (kept("two", 1, 1), kept("two", 1, 1)),
        ] {
            marks.keep("aa", &acme, &write).unwrap();
            assert_eq!(marks.of("aa", &acme), [expected.clone(), expected]);
        }
        assert_eq!(marks.of("bb", &acme), [], "another account's");
        let path = folder.path().join("wmctl.db.acme.mark");
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        fs::write(&path, "wmctl-mark-1 aa one x").unwrap();
        assert_eq!(marks.of("aa", &acme), [kept("two", 1, 1)]);
        marks.forget(&acme);
        assert!(!path.exists());
    }

    #[test]
    fn a_locked_file_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let marks = Marks {
            folder: None,
            beside: Some(folder.path().join("wmctl.db")),
        };
        let acme: TenantId = "acme".parse().unwrap();
        marks.keep("aa", &acme, &kept("one", 1, 1)).unwrap();
        let other = File::open(folder.path().join("wmctl.db.acme.mark")).unwrap();
        other.lock().unwrap();
        let refused = marks.keep("aa", &acme, &kept("one", 1, 2)).unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::WouldBlock);
        assert_eq!(marks.of("aa", &acme), []);
        marks.keep("aa", &acme, &kept("one", 1, 3)).unwrap();
        assert_eq!(marks.of("aa", &acme), [kept("one", 1, 3)]);
    }
}
