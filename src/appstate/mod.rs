//! App state: settings, names and chat flags that all devices of an account share.
//!
//! Five collections contain records. Each record is encrypted and authenticated with keys that the
//! phone shared with its companions. The server stores a snapshot and numbered patches and can read
//! neither. A lattice hash over all records detects omitted, added and modified records.
//!
//! [`collection`] applies and creates patches and snapshots. [`mutation`] is a single record.
//!
//! Source: whatsmeow 33cfac51 `appstate/`.

pub mod blob;
pub mod collection;
pub mod hash;
pub mod keys;
pub mod mutation;

#[cfg(test)]
mod tests;

/// The five collections.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Collection {
    CriticalBlock,
    CriticalUnblockLow,
    RegularHigh,
    RegularLow,
    Regular,
}

impl Collection {
    /// All collections, the most urgent first.
    pub const ALL: [Self; 5] = [
        Self::CriticalBlock,
        Self::CriticalUnblockLow,
        Self::RegularHigh,
        Self::RegularLow,
        Self::Regular,
    ];

    /// Returns the name in the protocol and in the tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CriticalBlock => "critical_block",
            Self::CriticalUnblockLow => "critical_unblock_low",
            Self::RegularHigh => "regular_high",
            Self::RegularLow => "regular_low",
            Self::Regular => "regular",
        }
    }

    /// Returns the collection with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|collection| collection.name() == name)
    }
}

/// Why a patch, a snapshot or a record is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppStateError {
    /// The phone has not shared this key.
    #[error("the key is missing")]
    MissingKey(Vec<u8>),
    /// A part is missing or has the wrong length.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// More records than the limit.
    #[error("too many records")]
    TooMany,
    /// A record was modified, or is not authenticated with this key.
    #[error("a record's MAC is wrong")]
    ValueMac,
    /// A record is stored under another record's index.
    #[error("an index MAC is wrong")]
    IndexMac,
    /// The records differ from those of the author.
    #[error("the snapshot MAC is wrong")]
    SnapshotMac,
    /// The patch was modified.
    #[error("the patch MAC is wrong")]
    PatchMac,
    /// A blob differs from its announcement.
    #[error("a downloaded blob is not what was announced")]
    Blob,
}
