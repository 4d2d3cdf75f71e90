//! An account as another library kept it.

use std::collections::BTreeMap;

use crate::ids::Jid;
use crate::session::account::Account;
use crate::session::rows::{Row, RowKey};
use crate::store::transfer::report::{Damage, Origin};

/// One account.
#[derive(Debug)]
pub struct Foreign {
    pub(in crate::store::transfer) origin: Origin,
    pub(in crate::store::transfer) account: Account,
    pub(in crate::store::transfer) rows: BTreeMap<RowKey, Row>,
    /// The salt of tokens for people whom nobody gave us one for.
    pub(in crate::store::transfer) salt: Option<Vec<u8>>,
    /// When we gave each person our own privacy token, in seconds.
    pub(in crate::store::transfer) token_times: BTreeMap<Jid, i64>,
    /// What could not be read.
    pub(in crate::store::transfer) damaged: Vec<Damage>,
    /// How long ago the source was changed, in seconds, if that was while it was looked at or
    /// shortly before.
    pub(in crate::store::transfer) changed_s: Option<u64>,
}

impl Foreign {
    /// How many seconds ago the source was changed, if that was just now: whatever runs the account
    /// may still run.
    pub fn changed_s(&self) -> Option<u64> {
        self.changed_s
    }
}
