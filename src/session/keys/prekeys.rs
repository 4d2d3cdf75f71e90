//! One-time pre-keys: generating and uploading ours, and reading those of other devices.
//!
//! Source: whatsmeow 33cfac51 `prekeys.go` (812 keys first, then 50; refill below 5; form of the
//! upload).

use crate::crypto::curve::{KeyPair, PublicKey, SIGNAL_PREFIX};
use crate::secret::Secret;
use crate::session::account::Account;
use crate::session::changes::Change;
use crate::session::link::requests::{Query, Request};
use crate::session::machine::Session;
use crate::session::rows::{PreKeyRow, Row, RowKey};
use crate::session::unit::Unit;
use crate::signal::bundle::Bundle;
use crate::signal::prekey::{PreKey, SignedPreKey};
use crate::wire::node::Node;

/// Number of pre-keys in a device's first upload.
const FIRST_UPLOAD: usize = 812;
/// Number of pre-keys in every later upload.
const LATER_UPLOAD: usize = 50;
/// If the server has fewer pre-keys than this, new ones are uploaded.
const LOW_WATER: u64 = 5;
/// Number of newest pre-keys that are kept, whether used or not. Older ones were given out for
/// messages that never arrived. The first upload and dozens of later ones fit in.
pub(in crate::session) const KEPT: u32 = 2_048;
/// The largest id. Ids have three bytes on the wire and wrap to 1.
const ID_MAX: u32 = 0xFF_FFFE;

impl Session {
    /// Requests the number of our pre-keys on the server.
    pub(in crate::session) fn count_pre_keys(&mut self, unit: &mut Unit<'_>, login: bool) {
        let request = Request::get("encrypt", vec![Node::new("count")]);
        self.ask(unit, Query::PreKeyCount { login }, request);
    }

    /// Uploads new pre-keys if the server has few left. Returns whether an upload was started.
    pub(in crate::session) fn refill_pre_keys(
        &mut self,
        unit: &mut Unit<'_>,
        left: u64,
        login: bool,
    ) -> bool {
        let uploading = |query: &Query| matches!(query, Query::PreKeyUpload { .. });
        if LOW_WATER <= left || self.pending.any(uploading) {
            return false;
        }
        let first = self.account.next_pre_key_id == 1 && left == 0;
        let keys = self.new_pre_keys(unit, if first { FIRST_UPLOAD } else { LATER_UPLOAD });
        let up_to = keys.last().map_or(0, |key| key.id);
        let request = Request::set("encrypt", upload(&self.account, &keys));
        self.ask(unit, Query::PreKeyUpload { up_to, login }, request)
    }

    /// Generates pre-keys and records them. They are committed before their public halves are sent.
    pub(in crate::session) fn new_pre_keys(
        &mut self,
        unit: &mut Unit<'_>,
        count: usize,
    ) -> Vec<PreKey> {
        let mut keys = Vec::with_capacity(count);
        for _ in 0..count {
            let id = self.account.next_pre_key_id.clamp(1, ID_MAX);
            self.account.next_pre_key_id = id % ID_MAX + 1;
            let pair = KeyPair::generate(unit.rng);
            let private = Secret::new(*pair.private.expose());
            let row = PreKeyRow {
                private,
                uploaded: false,
            };
            unit.rows.set(RowKey::PreKey(id), Some(Row::PreKey(row)));
            keys.push(PreKey { id, pair });
        }
        unit.change(Change::NewPreKeys(keys.clone()));
        self.forget_old_pre_keys(unit);
        keys
    }

    /// Deletes unused pre-keys that are older than the newest `KEPT`.
    fn forget_old_pre_keys(&self, unit: &mut Unit<'_>) {
        let to = self.account.next_pre_key_id.saturating_sub(KEPT);
        if to <= 1 {
            return;
        }
        unit.rows.edit(|key, row| {
            if matches!(key, RowKey::PreKey(id) if *id < to) {
                *row = None;
            }
        });
        unit.change(Change::ForgetPreKeys { from: 1, to });
    }
}

/// Returns the upload, with identity key and signed pre-key, so that the server's set is complete.
fn upload(account: &Account, keys: &[PreKey]) -> Vec<Node> {
    let list = keys.iter().map(|key| one_time("key", key));
    vec![
        registration(account),
        Node::new("type").bytes(vec![SIGNAL_PREFIX]),
        Node::new("identity").bytes(account.identity.public.0.to_vec()),
        Node::new("list").with_children(list),
        signed(&account.signed_pre_key),
    ]
}

/// Returns our registration id as a stanza child.
pub(in crate::session) fn registration(account: &Account) -> Node {
    Node::new("registration").bytes(account.registration_id.to_be_bytes().to_vec())
}

/// Returns one of our pre-keys as a stanza child.
pub(in crate::session) fn one_time(tag: &str, key: &PreKey) -> Node {
    Node::new(tag)
        .with_child(Node::new("id").bytes(id_bytes(key.id)))
        .with_child(Node::new("value").bytes(key.pair.public.0.to_vec()))
}

/// Returns our signed pre-key as a stanza child.
pub(in crate::session) fn signed(key: &SignedPreKey) -> Node {
    Node::new("skey")
        .with_child(Node::new("id").bytes(id_bytes(key.id)))
        .with_child(Node::new("value").bytes(key.pair.public.0.to_vec()))
        .with_child(Node::new("signature").bytes(key.signature.to_vec()))
}

fn id_bytes(id: u32) -> Vec<u8> {
    id.to_be_bytes()[1..].to_vec()
}

/// Reads another device's pre-keys from a `user` element or from a retry receipt's `keys`.
///
/// `registration` is a sibling of the keys in a retry receipt, and a child of them elsewhere.
pub(in crate::session) fn read_bundle(keys: &Node, registration: Option<&Node>) -> Option<Bundle> {
    let registration = registration.or_else(|| keys.child("registration"))?;
    let one_time = match keys.child("key") {
        Some(key) => Some(read_public(key)?),
        None => None,
    };
    let skey = keys.child("skey")?;
    let (signed_id, signed_public) = read_public(skey)?;
    let identity = keys.child("identity")?.content_bytes()?;
    Some(Bundle {
        registration_id: u32::from_be_bytes(registration.content_bytes()?.try_into().ok()?),
        identity: PublicKey::from_slice(identity)?,
        signed_id,
        signed_public,
        signature: skey.child("signature")?.content_bytes()?.try_into().ok()?,
        one_time,
    })
}

fn read_public(key: &Node) -> Option<(u32, PublicKey)> {
    let [high, middle, low] = *key.child("id")?.content_bytes()? else {
        return None;
    };
    let value = PublicKey::from_slice(key.child("value")?.content_bytes()?)?;
    Some((u32::from_be_bytes([0, high, middle, low]), value))
}
