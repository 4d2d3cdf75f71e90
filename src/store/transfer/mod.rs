//! Taking an account over from another database, and giving it away: whatsmeow's own layout, that
//! of its multi-tenant fork, or ours.
//!
//! Everything happens in one transaction of the target: a move that does not end changes nothing
//! there. Sessions go on, and the phone notices nothing. What moves must not run meanwhile.

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
