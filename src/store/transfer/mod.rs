//! Imports an account from another database, and exports it: to and from the layout of whatsmeow,
//! of its multi-tenant fork, or our own.
//!
//! A move is one transaction of the target, so an interrupted move changes nothing there. Sessions
//! continue, and the phone does not notice. The account must not run during the move.

mod catalog;
mod check;
mod convert;
mod copy;
mod export;
pub mod foreign;
mod import;
mod layout;
pub(super) mod report;
mod shape;
mod source;
mod stale;

pub use crate::store::transfer::export::{ExportOptions, Exported};
pub use crate::store::transfer::import::{ImportOptions, Imported, Keep};
pub use crate::store::transfer::report::{
    Damage, FORK_VERSION, Moved, Origin, Progress, TransferError, WHATSMEOW_VERSION,
    WHATSMEOW_VERSION_MIN, Watcher,
};
