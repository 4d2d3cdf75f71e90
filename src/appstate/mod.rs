//! App state: settings, names and chat marks that all devices of an account share.
//!
//! Five collections hold records, each encrypted and signed under a key that the phone gave its
//! companions. The server keeps them as a snapshot and numbered patches, and can read none. A
//! lattice hash over all records says whether somebody left one out, added or changed one.
//!
//! [`collection`] applies and makes patches and snapshots, [`mutation`] is one record in them.

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
    /// All of them, the most urgent first.
    pub const ALL: [Self; 5] = [
        Self::CriticalBlock,
        Self::CriticalUnblockLow,
        Self::RegularHigh,
        Self::RegularLow,
        Self::Regular,
    ];

    /// The name that the protocol and the tables give it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::CriticalBlock => "critical_block",
            Self::CriticalUnblockLow => "critical_unblock_low",
            Self::RegularHigh => "regular_high",
            Self::RegularLow => "regular_low",
            Self::Regular => "regular",
        }
    }

    /// The collection of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|collection| collection.name() == name)
    }
}

/// Why a patch, a snapshot or a record is not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppStateError {
    /// The phone has not given us this key.
    #[error("the key is missing")]
    MissingKey(Vec<u8>),
    /// A part is missing or has the wrong length.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// More than anybody has.
    #[error("too many records")]
    TooMany,
    /// A record was changed, or is not under that key.
    #[error("a record's MAC is wrong")]
    ValueMac,
    /// A record stands under another record's index.
    #[error("an index MAC is wrong")]
    IndexMac,
    /// The records are not those that the author had.
    #[error("the snapshot MAC is wrong")]
    SnapshotMac,
    /// The patch is not as its author made it.
    #[error("the patch MAC is wrong")]
    PatchMac,
    /// A blob is not the one that was announced.
    #[error("a downloaded blob is not what was announced")]
    Blob,
}
