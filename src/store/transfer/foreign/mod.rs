//! Accounts as other libraries keep them, each read into the same value, whatever its form.
//!
//! A reader changes nothing in the source, takes nothing on trust, and names each part that is
//! damaged. What it gives is written in one transaction, by the same code for all of them.

pub(super) mod account;
mod baileys;
mod people;
pub(super) mod whatsapp_rust;
mod write;

pub use crate::store::transfer::foreign::account::Foreign;

use std::path::Path;

use crate::store::transfer::report::TransferError;

impl Foreign {
    /// Reads a folder that Baileys keeps with `useMultiFileAuthState`.
    pub fn of_folder(folder: &Path, now_s: i64) -> Result<Self, TransferError> {
        baileys::read(folder, now_s)
    }
}
