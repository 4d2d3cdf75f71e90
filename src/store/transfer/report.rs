//! The results of a move: its progress, what happened to the rows, and why it failed.

use std::path::PathBuf;

use crate::store::error::StoreError;

/// The layout of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// whatsmeow, without tenants. The number is its schema version.
    Whatsmeow(i64),
    /// The fork with tenants. The number is its schema version.
    Fork(i64),
    /// wmctl.
    Wmctl,
    /// A folder of Baileys.
    Baileys,
    /// A file of whatsapp-rust, which may hold several accounts.
    WhatsappRust,
}

/// The schema version of whatsmeow that [`Store::export`](crate::store::Store::export) writes, and
/// the newest that can be read.
pub const WHATSMEOW_VERSION: i64 = 15;
/// The oldest schema version of whatsmeow that can be read. All versions since are compatible with
/// each other.
pub const WHATSMEOW_VERSION_MIN: i64 = 8;
/// The schema version of the fork with tenants, which has its own numbering.
pub const FORK_VERSION: i64 = 12;

/// The progress of a move, in rows of all tables together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// The table that is being read.
    pub table: String,
    pub done: u64,
    pub total: u64,
}

/// A callback that shows the progress of a move.
pub type Watcher<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// What happened to the rows of one table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Moved {
    pub table: String,
    /// The number of rows of this account in the source.
    pub read: u64,
    /// The number of rows in the target, counted there after they were written.
    pub written: u64,
}

/// A damaged row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    pub table: String,
    /// Identifies the row.
    pub row: String,
    pub what: &'static str,
}

/// The reason why nothing was moved. The target is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{} does not exist", .0.display())]
    NoFile(PathBuf),
    /// The source has none of the known layouts.
    #[error(
        "the source has neither whatsmeow_device (of whatsmeow or wmctl) nor device with \
         lid_pn_mapping (of whatsapp-rust)"
    )]
    NoDevices,
    #[error("{} is no SQLite database", .0.display())]
    NoDatabase(PathBuf),
    #[error("{} has no creds.json, as a folder of Baileys has", .0.display())]
    NoCreds(PathBuf),
    #[error("{file} is damaged: {what}")]
    File { file: String, what: &'static str },
    #[error("the source has no paired device: {0}")]
    SourceUnpaired(&'static str),
    #[error("{0} was changed while the source was read")]
    Changing(String),
    #[error("the source has more than {0} files")]
    TooMany(usize),
    #[error("the source has no whatsmeow_version: whatsmeow never finished its set-up")]
    NoVersion,
    #[error("the source's schema is {what} v{found}; v{oldest} to v{newest} can be read")]
    Version {
        what: &'static str,
        found: i64,
        oldest: i64,
        newest: i64,
    },
    /// The tenant or the device is not in the source. `there` lists what the source has.
    #[error("the source has no {wanted}")]
    Absent { wanted: String, there: Vec<String> },
    #[error("the source has {} devices", there.len())]
    Several { there: Vec<String> },
    /// The address of a device cannot be parsed.
    #[error("the source names a device in a way that cannot be read: {0}")]
    Name(String),
    #[error("the source was exported to {0}: it is of the past")]
    SourceExported(String),
    #[error("the source is in use by {}", .0.join(", "))]
    InUse(Vec<String>),
    #[error("{tenant} has rows here already ({table})")]
    Occupied { tenant: String, table: String },
    #[error("{} of {} is damaged: {}", .0.row, .0.table, .0.what)]
    Damaged(Damage),
    #[error("the keys do not fit together: {0}")]
    Keys(&'static str),
    /// Another program wrote at the same time, or a constraint dropped rows.
    #[error("{table} has {found} rows after {written} were written")]
    Counts {
        table: String,
        written: u64,
        found: u64,
    },
    #[error("column {column} of {table} has a type that cannot be moved")]
    Type { table: String, column: String },
    #[error("{0} has no paired device")]
    Unpaired(String),
    #[error("the target is not empty: it has {0}")]
    NotEmpty(String),
    #[error("{0} messages in the outbox are not sent yet")]
    Unsent(u64),
    #[error("nothing was exported")]
    NotExported,
}

impl From<sqlx::Error> for TransferError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(StoreError::from(error))
    }
}
