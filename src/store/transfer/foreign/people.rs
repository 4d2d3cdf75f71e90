//! The mapping between phone numbers and LIDs in a source.
//!
//! Our rows store everything under a person's LID if it is known, so that both addresses of a
//! person lead to the same ratchet.

use std::collections::BTreeMap;

use crate::ids::{Jid, Server};
use crate::session::account::Account;
use crate::session::rows::{Row, RowKey};

/// Pairs of phone number and LID. Each number and each LID is in at most one pair.
#[derive(Debug, Default)]
pub(super) struct People {
    lids: BTreeMap<String, String>,
    numbers: BTreeMap<String, String>,
}

impl People {
    /// Adds a pair, unless one of its sides already belongs to another pair.
    pub(super) fn learn(&mut self, number: &str, lid: &str) {
        if !self.lids.contains_key(number) && !self.numbers.contains_key(lid) {
            self.lids.insert(number.to_owned(), lid.to_owned());
            self.numbers.insert(lid.to_owned(), number.to_owned());
        }
    }

    /// Adds the pair of the account itself: it is in no row, but is stored in the same way.
    pub(super) fn learn_own(&mut self, account: &Account) {
        if let Some(lid) = &account.lid {
            self.forget(&account.jid.user, &lid.user);
            self.learn(&account.jid.user, &lid.user);
        }
    }

    fn forget(&mut self, number: &str, lid: &str) {
        if let Some(lid) = self.lids.remove(number) {
            self.numbers.remove(&lid);
        }
        if let Some(number) = self.numbers.remove(lid) {
            self.lids.remove(&number);
        }
    }

    /// Returns whether this user is known to be a phone number or a LID.
    pub(super) fn kind(&self, user: &str) -> Option<Server> {
        if self.lids.contains_key(user) {
            return Some(Server::User);
        }
        self.numbers.contains_key(user).then_some(Server::Lid)
    }

    /// Returns the address under which this device is stored: with its person's LID if that is
    /// known. Devices of a hosting provider are stored like all others.
    pub(super) fn home(&self, device: &Jid) -> Jid {
        let server = match device.server {
            Server::Hosted | Server::Legacy => Server::User,
            Server::HostedLid => Server::Lid,
            other => other,
        };
        let plain = Jid::new(device.user.clone(), server).with_device(device.device);
        match (server, self.lids.get(&plain.user)) {
            (Server::User, Some(lid)) => Jid::lid(lid).with_device(device.device),
            _ => plain,
        }
    }

    /// Returns the rows for the mapping.
    pub(super) fn rows(&self) -> impl Iterator<Item = (RowKey, Row)> {
        self.lids.iter().map(|(number, lid)| {
            let key = RowKey::LidOf(Jid::user(number));
            (key, Row::User(Jid::lid(lid)))
        })
    }
}
