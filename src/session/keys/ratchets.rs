//! Ratchets with other devices: finding them, starting them and encrypting with them.
//!
//! A ratchet is stored under the LID if it is known. One that was stored under the phone number
//! earlier is moved when it is used.

use crate::crypto::hash;
use crate::ids::{Address, Jid};
use crate::session::changes::{Change, EventBody};
use crate::session::keys::addresses;
use crate::session::machine::Session;
use crate::session::output::Notice;
use crate::session::rows::{Dedupe, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::signal::bundle::Bundle;
use crate::signal::padding;
use crate::signal::ratchet::{self, Ratchet};
use crate::signal::sealed::{Identity, Kind};
use crate::wire::node::Node;

/// The addresses under which the ratchet with a device may be stored.
pub(in crate::session) struct StoredAddresses {
    home: Address,
    /// The address used before the LID was known.
    earlier: Option<Address>,
}

/// One ciphertext for one device.
pub(in crate::session) struct Encrypted {
    kind: &'static str,
    bytes: Vec<u8>,
}

/// Why nothing was encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum EncryptError {
    /// There is neither a ratchet nor a usable bundle.
    NoKeys,
    /// The stored ratchet was unusable. It is deleted, so that a bundle is fetched.
    PutAside,
}

impl Encrypted {
    /// Returns whether the receiver needs our device identity to accept this.
    pub(in crate::session) fn starts_ratchet(&self) -> bool {
        self.kind == "pkmsg"
    }

    /// Returns the stanza child.
    pub(in crate::session) fn node(self) -> Node {
        Node::new("enc")
            .attr("v", "2")
            .attr("type", self.kind)
            .bytes(self.bytes)
    }
}

impl Session {
    /// Returns our identity in the form that ratchets need.
    pub(in crate::session) fn own_identity(&self) -> Identity {
        Identity {
            pair: self.account.identity.clone(),
            registration_id: self.account.registration_id,
        }
    }

    /// Returns the addresses under which the ratchet with a device may be stored.
    pub(in crate::session) fn filed(
        &self,
        lookup: &mut impl Lookup,
        device: &Jid,
    ) -> StoredAddresses {
        let home = addresses::home(&self.account, lookup, device);
        let number = if home.is_lid() {
            addresses::phone_number(&self.account, lookup, &home)
        } else {
            None
        };
        let at = |user: Jid| user.with_device(device.device).address();
        StoredAddresses {
            earlier: number.map(at),
            home: at(home),
        }
    }

    /// Returns the addresses under which rows of this device may be stored, the home address first.
    pub(in crate::session) fn places(
        &self,
        lookup: &mut impl Lookup,
        device: &Jid,
    ) -> Vec<Address> {
        let StoredAddresses { home, earlier } = self.filed(lookup, device);
        [Some(home), earlier].into_iter().flatten().collect()
    }

    /// Returns whether a ratchet for sending to this device exists. Also requests all rows that its
    /// use needs.
    pub(in crate::session) fn has_ratchet(&self, lookup: &mut impl Lookup, device: &Jid) -> bool {
        let StoredAddresses { home, earlier } = self.filed(lookup, device);
        lookup.row(&RowKey::Identity(home.clone()));
        let mut found = is_in_use(lookup.row(&RowKey::Ratchet(home)));
        if let Some(earlier) = earlier {
            lookup.row(&RowKey::Identity(earlier.clone()));
            found |= is_in_use(lookup.row(&RowKey::Ratchet(earlier)));
        }
        found
    }

    /// Returns the ratchet with this device, moved to its home address if needed, and that address.
    pub(in crate::session) fn ratchet(
        &self,
        unit: &mut WorkContext<'_>,
        device: &Jid,
    ) -> (Option<Ratchet>, Address) {
        let StoredAddresses { home, earlier } = self.filed(unit, device);
        if let Some(earlier) = earlier {
            move_ratchet(
                unit,
                RowKey::Ratchet(earlier.clone()),
                RowKey::Ratchet(home.clone()),
            );
            move_row(
                unit,
                RowKey::Identity(earlier),
                RowKey::Identity(home.clone()),
            );
        }
        let ratchet = match unit.row(&RowKey::Ratchet(home.clone())) {
            // A record that cannot be decoded counts as missing: a new ratchet replaces it.
            Some(Row::Record(record)) => Ratchet::decode(record).ok(),
            _ => None,
        };
        (ratchet, home)
    }

    /// Stores a device's proven identity key. Emits an event if it changed.
    pub(in crate::session) fn trust(
        &self,
        unit: &mut WorkContext<'_>,
        device: &Jid,
        identity: [u8; 32],
    ) {
        let home = addresses::home(&self.account, unit, device);
        let key = RowKey::Identity(home.clone().with_device(device.device).address());
        let changed = match unit.row(&key) {
            Some(Row::Identity(known)) => *known != identity,
            _ => false,
        };
        if changed {
            let address = home.clone().with_device(device.device).address();
            let print = hash::sha256(&[&identity]);
            let dedupe = format!("identity|{address}|{}", hex::encode(&print[..8]));
            self.unshare(unit, vec![address]);
            let at_ms = unit.now.unix_ms;
            let body = EventBody::IdentityChanged { user: home };
            self.tell(unit, Some(Dedupe(dedupe)), at_ms, body);
        }
        unit.put(key, Row::Identity(identity));
    }

    /// Records that these devices lost our sender keys. They get them again in every group with the
    /// next message.
    pub(in crate::session) fn unshare(&self, unit: &mut WorkContext<'_>, devices: Vec<Address>) {
        unit.rows.edit(|_, row| {
            if let Some(Row::SenderKeyShare(share)) = row {
                share.devices.retain(|known| !devices.contains(known));
            }
        });
        unit.change(Change::Unshare(devices));
    }

    /// Encrypts for one device. If `bundle` is given, starts a new ratchet with it.
    pub(in crate::session) fn encrypt_to(
        &mut self,
        unit: &mut WorkContext<'_>,
        device: &Jid,
        plain: &[u8],
        bundle: Option<Bundle>,
    ) -> Result<Encrypted, EncryptError> {
        let (existing, place) = self.ratchet(unit, device);
        let stored = RowKey::Ratchet(place.clone());
        let mut ratchet = match bundle {
            Some(bundle) => {
                let own = self.own_identity();
                let started = Ratchet::start(existing, &own, &bundle, unit.rng);
                let started = started.map_err(|_| EncryptError::NoKeys)?;
                self.trust(unit, device, bundle.identity.0);
                started
            }
            // Unusable for sending. Without the row, a bundle is fetched.
            None if !existing.as_ref().is_some_and(Ratchet::is_open) => {
                // A closed ratchet is kept for decryption.
                if !is_in_use(unit.row(&stored)) {
                    return Err(EncryptError::NoKeys);
                }
                unit.delete(stored);
                unit.notice(Notice::PutAside("ratchet"));
                return Err(EncryptError::PutAside);
            }
            None => existing.ok_or(EncryptError::NoKeys)?,
        };
        let padded = padding::pad(plain, unit.rng);
        let sealed = ratchet.encrypt(&padded).map_err(|_| EncryptError::NoKeys)?;
        unit.put(RowKey::Ratchet(place), Row::Record(ratchet.encode()));
        let kind = match sealed.kind {
            Kind::PreKey => "pkmsg",
            Kind::Message => "msg",
        };
        Ok(Encrypted {
            kind,
            bytes: sealed.bytes,
        })
    }
}

impl StoredAddresses {
    /// Returns the home address and the earlier address.
    pub(in crate::session) fn into_parts(self) -> (Address, Option<Address>) {
        (self.home, self.earlier)
    }
}

/// Moves a ratchet behind the one that may already be stored at the new address. Clients that do
/// not know both addresses write to one device under each of them, and accept replies from either.
fn move_ratchet(unit: &mut WorkContext<'_>, from: RowKey, to: RowKey) {
    let stored = |unit: &mut WorkContext<'_>, key: &RowKey| match unit.row(key) {
        Some(Row::Record(record)) => Ratchet::decode(record).ok(),
        _ => None,
    };
    if let (Some(earlier), Some(home)) = (stored(unit, &from), stored(unit, &to)) {
        unit.put(to, Row::Record(home.with(earlier).encode()));
        unit.delete(from);
    } else {
        move_row(unit, from, to);
    }
}

/// Returns whether there is a ratchet for sending. A closed ratchet only decrypts.
fn is_in_use(row: Option<&Row>) -> bool {
    match row {
        Some(Row::Record(record)) => !ratchet::is_ended(record),
        _ => false,
    }
}

/// Moves a row unless the new place already has one.
pub(in crate::session) fn move_row(unit: &mut WorkContext<'_>, from: RowKey, to: RowKey) {
    let Some(row) = unit.row(&from).cloned() else {
        return;
    };
    if unit.row(&to).is_none() {
        unit.put(to, row);
    }
    unit.delete(from);
}
