//! The files of a folder: listed once, read one by one, without following links out of the folder.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

use crate::store::error::StoreError;
use crate::store::transfer::foreign::baileys::name::Name;
use crate::store::transfer::report::TransferError;

/// The file that marks a folder as one of Baileys.
pub(super) const CREDS: &str = "creds.json";

/// The maximum number of files read. An account with a hundred thousand contacts has fewer.
const FILES_MAX: usize = 1_000_000;
/// The maximum size of a file, in bytes. The largest files hold all MACs of a collection.
const FILE_BYTES_MAX: u64 = 64 << 20;
/// The maximum length of a file name in a message.
const SHOWN_CHARS: usize = 80;
/// If the last change is no older than this, a program may still be writing.
const RECENT_S: i64 = 30;

/// A listed folder.
pub(super) struct Folder {
    path: PathBuf,
    files: BTreeMap<String, (Name, Stamp)>,
}

/// Detects that a file was written in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    inode: u64,
    bytes: u64,
    changed_s: i64,
    changed_ns: i64,
}

impl Folder {
    /// Lists the files of a folder that has credentials.
    pub(super) fn list(path: &Path) -> Result<Self, TransferError> {
        let files = listed(path)?;
        if !files.contains_key(CREDS) {
            return Err(TransferError::NoCreds(path.to_owned()));
        }
        let path = path.to_owned();
        Ok(Self { path, files })
    }

    /// Returns the relevant files, ordered by name.
    pub(super) fn files(&self) -> impl Iterator<Item = (&str, &Name)> {
        let named = self.files.iter().map(|(file, (name, _))| (&file[..], name));
        named.filter(|(_, name)| **name != Name::Other)
    }

    /// Parses a file. The error says what is wrong with it.
    pub(super) fn read<T: DeserializeOwned>(&self, file: &str) -> Result<T, &'static str> {
        let text = self.bytes(file)?;
        serde_json::from_slice(&text).map_err(|error| fault(&error))
    }

    fn bytes(&self, file: &str) -> Result<Zeroizing<Vec<u8>>, &'static str> {
        const UNREADABLE: &str = "it cannot be read";
        let path = self.path.join(file);
        let listed = fs::symlink_metadata(&path).map_err(|_| UNREADABLE)?;
        if !listed.is_file() {
            return Err("it is a link, a folder or something else that is no file");
        }
        if FILE_BYTES_MAX < listed.len() {
            return Err("it has more than 64 MiB");
        }
        let opened = File::open(&path).map_err(|_| UNREADABLE)?;
        let found = opened.metadata().map_err(|_| UNREADABLE)?;
        if (found.dev(), found.ino()) != (listed.dev(), listed.ino()) {
            return Err("it was replaced while it was read");
        }
        let mut text = Zeroizing::new(Vec::new());
        let read = opened.take(FILE_BYTES_MAX).read_to_end(&mut text);
        read.map_err(|_| UNREADABLE)?;
        Ok(text)
    }

    /// Returns how many seconds before `now_s` the last change was, if it was recent. Refuses a
    /// folder that changed since it was listed, because the files read do not belong to one moment.
    pub(super) fn changed(&self, now_s: i64) -> Result<Option<u64>, TransferError> {
        let again = listed(&self.path)?;
        let stamp = |files: &BTreeMap<String, (Name, Stamp)>, file: &str| {
            files.get(file).map(|(_, stamp)| *stamp)
        };
        let mut names = self.files.keys().chain(again.keys());
        let changed = names.find(|file| stamp(&self.files, file) != stamp(&again, file));
        if let Some(file) = changed {
            return Err(TransferError::Changing(shown(file)));
        }
        let newest = again.values().map(|(_, stamp)| stamp.changed_s).max();
        let ago_s = newest.map(|newest| now_s.saturating_sub(newest).max(0));
        let ago_s = ago_s.filter(|ago_s| *ago_s < RECENT_S);
        Ok(ago_s.and_then(|ago_s| u64::try_from(ago_s).ok()))
    }
}

fn listed(path: &Path) -> Result<BTreeMap<String, (Name, Stamp)>, TransferError> {
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(path).map_err(StoreError::File)? {
        let entry = entry.map_err(StoreError::File)?;
        // Baileys writes no names that are not UTF-8.
        let Ok(file) = entry.file_name().into_string() else {
            continue;
        };
        let name = Name::of(&file);
        if name == Name::Other && file != CREDS {
            continue;
        }
        let found = match entry.metadata() {
            Ok(found) => found,
            // Deleted since; the second listing shows it.
            Err(_) => continue,
        };
        let stamp = Stamp {
            inode: found.ino(),
            bytes: found.len(),
            changed_s: found.mtime(),
            changed_ns: found.mtime_nsec(),
        };
        files.insert(file, (name, stamp));
        if FILES_MAX < files.len() {
            return Err(TransferError::TooMany(FILES_MAX));
        }
    }
    Ok(files)
}

/// Returns what is wrong with a text, without quoting it.
pub(super) fn fault(error: &serde_json::Error) -> &'static str {
    use serde_json::error::Category;
    match error.classify() {
        Category::Eof => "it ends too early",
        Category::Data => "a value is missing or of another type",
        Category::Io | Category::Syntax => "it is not JSON, or too deep",
    }
}

/// Escapes and shortens a file name so that it can be shown anywhere.
pub(super) fn shown(file: &str) -> String {
    let escaped = file.chars().flat_map(char::escape_default);
    escaped.take(SHOWN_CHARS).collect()
}
