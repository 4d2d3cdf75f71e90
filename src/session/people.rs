//! Who is who: one person has a phone-number address and a hidden one (LID), and several devices.
//!
//! Everything that is filed by person is filed under the LID where it is known ("home"), whatever
//! address a stanza used.

use crate::ids::{DEVICE_HOSTED, Jid, Server};
use crate::session::account::Account;
use crate::session::rows::{Row, RowKey};
use crate::session::unit::{Lookup, Unit};

/// The account without device, and without the difference between own and hosted devices.
pub(super) fn plain(jid: &Jid) -> Jid {
    let server = match jid.server {
        Server::Hosted | Server::Legacy => Server::User,
        Server::HostedLid => Server::Lid,
        other => other,
    };
    Jid::new(jid.user.clone(), server)
}

/// Whether this is one of the account's own addresses, with whatever device.
pub(super) fn is_own(account: &Account, jid: &Jid) -> bool {
    let plain = plain(jid);
    plain.same_account(&account.jid)
        || account
            .lid
            .as_ref()
            .is_some_and(|lid| plain.same_account(lid))
}

/// The address under which everything of this person is filed.
pub(super) fn home(account: &Account, lookup: &mut impl Lookup, user: &Jid) -> Jid {
    let plain = plain(user);
    if plain.server != Server::User {
        return plain;
    }
    if let Some(lid) = &account.lid
        && plain.same_account(&account.jid)
    {
        return lid.bare();
    }
    match lookup.row(&RowKey::LidOf(plain.clone())) {
        Some(Row::User(lid)) => lid.clone(),
        _ => plain,
    }
}

/// The person's phone-number address, where it is known.
pub(super) fn phone_number(account: &Account, lookup: &mut impl Lookup, user: &Jid) -> Option<Jid> {
    let plain = plain(user);
    match plain.server {
        Server::User => Some(plain),
        Server::Lid
            if account
                .lid
                .as_ref()
                .is_some_and(|lid| plain.same_account(lid)) =>
        {
            Some(account.jid.bare())
        }
        Server::Lid => match lookup.row(&RowKey::PnOf(plain)) {
            Some(Row::User(pn)) => Some(pn.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// A device of that account, as it is addressed in stanzas.
pub(super) fn device(user: &Jid, device: u16) -> Jid {
    let mut jid = plain(user).with_device(device);
    if device == DEVICE_HOSTED {
        jid.server = match jid.server {
            Server::Lid => Server::HostedLid,
            _ => Server::Hosted,
        };
    }
    jid
}

/// Asks for the two rows that tie these addresses together, and goes on as if they did already.
pub(super) fn want_pair(lookup: &mut impl Lookup, one: &Jid, other: &Jid) {
    if let Some((lid, pn)) = pair(one, other) {
        let (by_number, by_lid) = (RowKey::LidOf(pn.clone()), RowKey::PnOf(lid.clone()));
        lookup.row(&by_number);
        lookup.row(&by_lid);
        lookup.assume(by_number, Row::User(lid));
        lookup.assume(by_lid, Row::User(pn));
    }
}

/// Learns that both addresses are one person's, if one is a LID and the other a phone number.
pub(super) fn learn(unit: &mut Unit<'_>, one: &Jid, other: &Jid) {
    if let Some((lid, pn)) = pair(one, other) {
        unit.put(RowKey::LidOf(pn.clone()), Row::User(lid.clone()));
        unit.put(RowKey::PnOf(lid), Row::User(pn));
    }
}

fn pair(one: &Jid, other: &Jid) -> Option<(Jid, Jid)> {
    let (one, other) = (plain(one), plain(other));
    if one.user.is_empty() || other.user.is_empty() {
        return None;
    }
    match (one.server, other.server) {
        (Server::Lid, Server::User) => Some((one, other)),
        (Server::User, Server::Lid) => Some((other, one)),
        _ => None,
    }
}
