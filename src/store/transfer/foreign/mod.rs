//! Accounts as other libraries keep them, each read into the same value, whatever its form.
//!
//! A reader changes nothing in the source, takes nothing on trust, and names each part that is
//! damaged. What it gives is written in one transaction, by the same code for all of them.

mod baileys;
mod people;
pub(super) mod whatsapp_rust;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use crate::ids::Jid;
use crate::session::account::Account;
use crate::session::rows::{Row, RowKey};
use crate::store::transfer::source::Origin;
use crate::store::transfer::{Damage, TransferError};

/// One account.
#[derive(Debug)]
pub struct Foreign {
    pub(super) origin: Origin,
    pub(super) account: Account,
    pub(super) rows: BTreeMap<RowKey, Row>,
    /// The salt of tokens for people whom nobody gave us one for.
    pub(super) salt: Option<Vec<u8>>,
    /// When we gave each person our own privacy token, in seconds.
    pub(super) token_times: BTreeMap<Jid, i64>,
    /// What could not be read.
    pub(super) damaged: Vec<Damage>,
    /// How long ago the source was changed, in seconds, if that was while it was looked at or
    /// shortly before.
    pub(super) changed_s: Option<u64>,
}

impl Foreign {
    /// Reads a folder that Baileys keeps with `useMultiFileAuthState`.
    pub fn of_folder(folder: &Path, now_s: i64) -> Result<Self, TransferError> {
        baileys::read(folder, now_s)
    }

    /// How many seconds ago the source was changed, if that was just now: whatever runs the account
    /// may still run.
    pub fn changed_s(&self) -> Option<u64> {
        self.changed_s
    }
}
