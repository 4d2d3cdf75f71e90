//! Who is who in a source: which phone number belongs to which hidden number (LID).
//!
//! Our own rows file everything under a person's LID where it is known, so that both addresses of
//! one person lead to one ratchet.

use std::collections::BTreeMap;

use crate::ids::{Jid, Server};
use crate::session::account::Account;
use crate::session::rows::{Row, RowKey};

/// Pairs of numbers, each number in one pair at most.
#[derive(Debug, Default)]
pub(super) struct People {
    lids: BTreeMap<String, String>,
    numbers: BTreeMap<String, String>,
}

impl People {
    /// Ties both together, unless one of them is tied to another already.
    pub(super) fn learn(&mut self, number: &str, lid: &str) {
        if !self.lids.contains_key(number) && !self.numbers.contains_key(lid) {
            self.lids.insert(number.to_owned(), lid.to_owned());
            self.numbers.insert(lid.to_owned(), number.to_owned());
        }
    }

    /// The account itself: it is in no row, but is filed like everybody.
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

    /// Whether this user is known to be a phone number, or a LID.
    pub(super) fn kind(&self, user: &str) -> Option<Server> {
        if self.lids.contains_key(user) {
            return Some(Server::User);
        }
        self.numbers.contains_key(user).then_some(Server::Lid)
    }

    /// The address under which this device is filed: its person's LID where that is known. Devices
    /// that a hosting provider runs are filed like the others.
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

    /// The rows that tell it.
    pub(super) fn rows(&self) -> impl Iterator<Item = (RowKey, Row)> {
        self.lids.iter().map(|(number, lid)| {
            let key = RowKey::LidOf(Jid::user(number));
            (key, Row::User(Jid::lid(lid)))
        })
    }
}
