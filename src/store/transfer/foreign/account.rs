//! An account as another library stored it.

use std::collections::BTreeMap;

use crate::ids::Jid;
use crate::session::account::Account;
use crate::session::rows::{Row, RowKey};
use crate::store::transfer::report::{Damage, Origin};

/// One account.
#[derive(Debug)]
pub struct ForeignAccount {
    pub(in crate::store::transfer) origin: Origin,
    pub(in crate::store::transfer) account: Account,
    pub(in crate::store::transfer) rows: BTreeMap<RowKey, Row>,
    /// The salt for privacy tokens of people who have not sent us one.
    pub(in crate::store::transfer) salt: Option<Vec<u8>>,
    /// When we gave each person our own privacy token, in seconds since 1970.
    pub(in crate::store::transfer) token_times: BTreeMap<Jid, i64>,
    /// The parts that could not be read.
    pub(in crate::store::transfer) damaged: Vec<Damage>,
    /// How many seconds ago the source was changed, if it was changed while it was read or shortly
    /// before.
    pub(in crate::store::transfer) changed_s: Option<u64>,
}

impl ForeignAccount {
    /// Returns how many seconds ago the source was changed, if that was only just: the program that
    /// runs the account may still be running.
    pub fn changed_s(&self) -> Option<u64> {
        self.changed_s
    }
}
