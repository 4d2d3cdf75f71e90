//! Reads accounts of other libraries into one common type, whatever their format.
//!
//! A reader changes nothing in the source, trusts nothing in it, and reports each damaged part by
//! name. The same code then writes every account, in one transaction.

pub(super) mod account;
mod baileys;
mod people;
pub(super) mod whatsapp_rust;
mod write;

pub use crate::store::transfer::foreign::account::ForeignAccount;

use std::path::Path;

use crate::store::transfer::report::TransferError;

impl ForeignAccount {
    /// Reads a folder that Baileys keeps with `useMultiFileAuthState`.
    pub fn of_folder(folder: &Path, now_s: i64) -> Result<Self, TransferError> {
        baileys::read(folder, now_s)
    }
}
