//! Addresses: one person has a phone-number address, a LID (hidden address), and several devices.
//!
//! All rows about a person are stored under the LID if it is known (the home address), regardless
//! of the address that a stanza used.

use std::collections::HashMap;

use crate::ids::{DEVICE_HOSTED, Jid, Server};
use crate::session::account::{Account, AccountUpdate};
use crate::session::changes::{Change, EventBody};
use crate::session::machine::Session;
use crate::session::rows::{Dedupe, Participant, Row, RowKey, Rows};
use crate::session::unit::{Lookup, Wants, WorkContext};

/// Returns the address without device. Hosted and legacy addresses become ordinary ones.
pub(in crate::session) fn plain(jid: &Jid) -> Jid {
    let server = match jid.server {
        Server::Hosted | Server::Legacy => Server::User,
        Server::HostedLid => Server::Lid,
        other => other,
    };
    Jid::new(jid.user.clone(), server)
}

/// Returns whether `jid` is one of the account's own addresses, with any device.
pub(in crate::session) fn is_own(account: &Account, jid: &Jid) -> bool {
    let plain = plain(jid);
    plain.same_account(&account.jid)
        || account
            .lid
            .as_ref()
            .is_some_and(|lid| plain.same_account(lid))
}

/// Returns whether a group member is the account itself, under any of its addresses.
pub(in crate::session) fn is_me(account: &Account, member: &Participant) -> bool {
    let names = [Some(&member.jid), member.pn.as_ref(), member.lid.as_ref()];
    names
        .into_iter()
        .flatten()
        .any(|name| is_own(account, name))
}

/// Returns the home address, under which all rows about this person are stored.
pub(in crate::session) fn home(account: &Account, lookup: &mut impl Lookup, user: &Jid) -> Jid {
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

/// Returns the person's phone-number address, if it is known.
pub(in crate::session) fn phone_number(
    account: &Account,
    lookup: &mut impl Lookup,
    user: &Jid,
) -> Option<Jid> {
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

/// Returns a device of the account by its wire address.
pub(in crate::session) fn device(user: &Jid, device: u16) -> Jid {
    let mut jid = plain(user).with_device(device);
    if device == DEVICE_HOSTED {
        jid.server = match jid.server {
            Server::Lid => Server::HostedLid,
            _ => Server::Hosted,
        };
    }
    jid
}

/// Requests the two rows that link these addresses, and assumes for this plan that they do.
pub(in crate::session) fn want_pair(lookup: &mut impl Lookup, one: &Jid, other: &Jid) {
    if let Some((lid, pn)) = pair(one, other) {
        let (by_number, by_lid) = (RowKey::LidOf(pn.clone()), RowKey::PnOf(lid.clone()));
        lookup.row(&by_number);
        lookup.row(&by_lid);
        lookup.assume(by_number, Row::User(lid));
        lookup.assume(by_lid, Row::User(pn));
    }
}

/// Requests the rows that hold both addresses of this account.
pub(in crate::session) fn want_names(account: &Account, lookup: &mut impl Lookup, jid: &Jid) {
    if jid.is_account() {
        let home = home(account, lookup, jid);
        phone_number(account, lookup, &home);
    }
}

/// Returns whether those rows are loaded.
pub(in crate::session) fn knows_names(account: &Account, rows: &Rows, jid: &Jid) -> bool {
    let mut wants = Wants::new(rows);
    want_names(account, &mut wants, jid);
    wants.is_complete()
}

impl Session {
    /// Records that both addresses belong to one person, if one is a LID and the other a phone
    /// number.
    pub(in crate::session) fn learn(&mut self, unit: &mut WorkContext<'_>, one: &Jid, other: &Jid) {
        if let Some(pair) = pair(one, other) {
            self.learn_pairs(unit, &[pair]);
        }
    }

    /// Does the same for many pairs of LID and phone number.
    pub(in crate::session) fn learn_pairs(
        &mut self,
        unit: &mut WorkContext<'_>,
        pairs: &[(Jid, Jid)],
    ) {
        let mut news: HashMap<&Jid, &Jid> = HashMap::new();
        for (lid, pn) in pairs {
            if self.account.lid.is_none() && pn.same_account(&self.account.jid) {
                self.take_own_lid(unit, lid);
            }
            if !is_known(unit, lid, pn) {
                news.insert(lid, pn);
            }
        }
        let numbers: HashMap<&Jid, &Jid> = news.iter().map(|(lid, pn)| (*pn, *lid)).collect();
        // A number has one owner, and a person has one number: earlier mappings are deleted.
        let before = |lid: &&Jid| match unit.rows.knows(&RowKey::PnOf((*lid).clone())) {
            true => match unit.rows.row(&RowKey::PnOf((*lid).clone())) {
                Some(Row::User(pn)) => Some(RowKey::LidOf(pn.clone())),
                _ => None,
            },
            false => None,
        };
        let mut old: Vec<RowKey> = match news.is_empty() {
            true => Vec::new(),
            false => unit.rows.keys_where(|key, row| match (key, row) {
                (RowKey::LidOf(pn), Row::User(lid)) => {
                    news.get(lid).is_some_and(|fresh| *fresh != pn)
                }
                (RowKey::PnOf(lid), Row::User(pn)) => {
                    numbers.get(pn).is_some_and(|fresh| *fresh != lid)
                }
                _ => false,
            }),
        };
        old.extend(news.keys().filter_map(before));
        old.retain(|key| !matches!(key, RowKey::LidOf(pn) if numbers.contains_key(pn)));
        old.sort_unstable();
        old.dedup();
        for key in old {
            unit.delete(key);
        }
        let mut news: Vec<(&Jid, &Jid)> = news.into_iter().collect();
        news.sort_unstable();
        for (lid, pn) in news {
            unit.put(RowKey::LidOf(pn.clone()), Row::User(lid.clone()));
            unit.put(RowKey::PnOf(lid.clone()), Row::User(pn.clone()));
        }
    }

    /// Records our own LID when the server sends it before a login does.
    fn take_own_lid(&mut self, unit: &mut WorkContext<'_>, lid: &Jid) {
        let lid = lid.clone().with_device(self.account.jid.device);
        self.account.lid = Some(lid.clone());
        unit.change(Change::Update(AccountUpdate {
            lid: Some(lid),
            ..AccountUpdate::default()
        }));
    }

    /// Emits an event. The person is named by the LID if it is known, regardless of the stanza's
    /// address. The other address is stored beside it.
    pub(in crate::session) fn tell(
        &self,
        unit: &mut WorkContext<'_>,
        dedupe: Option<Dedupe>,
        at_ms: i64,
        mut body: EventBody,
    ) {
        let mut alt = None;
        if let Some(name) = body.about().filter(|name| name.is_account()) {
            let home = home(&self.account, unit, name);
            alt = phone_number(&self.account, unit, &home).filter(|number| *number != home);
            *name = home;
        }
        unit.event(dedupe, at_ms, alt, body);
    }
}

/// Returns whether both mappings of this pair are known.
fn is_known(unit: &WorkContext<'_>, lid: &Jid, pn: &Jid) -> bool {
    let is = |key: RowKey, user: &Jid| {
        unit.rows.knows(&key)
            && matches!(unit.rows.row(&key), Some(Row::User(known)) if known == user)
    };
    is(RowKey::LidOf(pn.clone()), lid) && is(RowKey::PnOf(lid.clone()), pn)
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
