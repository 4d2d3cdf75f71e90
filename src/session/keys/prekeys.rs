//! One-time pre-keys: generating and uploading ours, and reading those of other devices.
//!
//! Source: whatsmeow 33cfac51 `prekeys.go` (812 keys first, then 50; refill below 5; form of the
//! upload).

use crate::crypto::curve::{KeyPair, PublicKey, SIGNAL_PREFIX};
use crate::secret::Secret;
use crate::session::account::Account;
use crate::session::changes::Change;
use crate::session::link::requests::{Query, Request, refusal};
use crate::session::machine::Session;
use crate::session::output::{Close, Notice};
use crate::session::rows::{PreKeyRow, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
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
/// Most ids that are read of what the server says it has: more than any client uploads.
const LISTED_MAX: usize = 16_384;
/// The server has no keys of ours.
const NONE_THERE: u32 = 404;

impl Session {
    /// Requests the number of our pre-keys on the server.
    pub(in crate::session) fn count_pre_keys(&mut self, unit: &mut WorkContext<'_>, login: bool) {
        let request = Request::get("encrypt", vec![Node::new("count")]);
        self.ask(unit, Query::PreKeyCount { login }, request);
    }

    /// Asks what the server has of our keys.
    pub(in crate::session) fn ask_key_digest(&mut self, unit: &mut WorkContext<'_>) {
        let request = Request::get("encrypt", vec![Node::new("digest")]);
        self.ask(unit, Query::KeyDigest, request);
    }

    /// Whether the newest pre-key that the server has is one of the rows.
    pub(in crate::session) fn want_newest_key(&self, lookup: &mut impl Lookup, node: &Node) {
        let is_asked = |id: &str| self.pending.is_for_keys(id);
        if node.attr_text("id").is_some_and(|id| is_asked(&id))
            && let Some(told) = Told::of(node)
            && let Some(newest) = told.newest(self.account.next_pre_key_id)
        {
            lookup.row(&RowKey::PreKey(newest));
        }
    }

    /// Compares what the server has of our keys with the rows, once after they were loaded.
    /// Contacts are given what it has: what we do not have is good for nothing, and tells that the
    /// rows are older than what was sent.
    pub(in crate::session) fn keys_told(&mut self, unit: &mut WorkContext<'_>, answer: &Node) {
        self.keys_compared = true;
        let told = match refusal(answer) {
            None => Told::of(answer),
            Some(NONE_THERE) => Some(Told::default()),
            Some(_) => None,
        };
        let Some(told) = told else {
            return self.count_pre_keys(unit, true);
        };
        let next = self.account.next_pre_key_id;
        if let Some(pre_key) = told.ahead(next) {
            return unit.close(Close::Older { pre_key });
        }
        let newest = told.newest(next).map(RowKey::PreKey);
        let lost = newest.is_some_and(|newest| unit.row(&newest).is_none());
        let other = told.others(&self.account);
        if lost || other {
            unit.notice(Notice::KeysRenewed);
        }
        let left = match lost || other {
            true => 0,
            false => u64::try_from(told.ids.len()).unwrap_or(u64::MAX),
        };
        if !self.refill_pre_keys(unit, left, true) {
            self.become_active(unit);
        }
    }

    /// Uploads new pre-keys if the server has few left. Returns whether an upload was started.
    pub(in crate::session) fn refill_pre_keys(
        &mut self,
        unit: &mut WorkContext<'_>,
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
        unit: &mut WorkContext<'_>,
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
    fn forget_old_pre_keys(&self, unit: &mut WorkContext<'_>) {
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

/// What the server says that it has of our keys.
#[derive(Default)]
struct Told {
    /// The one-time keys that are left.
    ids: Vec<u32>,
    /// Id and public half of the signed one.
    signed: Option<(u32, PublicKey)>,
    identity: Option<PublicKey>,
}

impl Told {
    fn of(answer: &Node) -> Option<Self> {
        let digest = answer.child("digest")?;
        let ids = digest.child("list").map(Node::children).unwrap_or_default();
        let identity = digest.child("identity").and_then(Node::content_bytes);
        Some(Self {
            ids: ids.iter().take(LISTED_MAX).filter_map(read_id).collect(),
            signed: digest.child("skey").and_then(read_public),
            identity: identity.and_then(PublicKey::from_slice),
        })
    }

    /// The newest one-time key among those before `next`: ids start over.
    fn newest(&self, next: u32) -> Option<u32> {
        self.ids.iter().copied().min_by_key(|id| steps(*id, next))
    }

    /// The farthest id that was given out after what the rows say comes next.
    fn ahead(&self, next: u32) -> Option<u32> {
        let ahead = self.ids.iter().map(|id| (steps(next, *id), *id));
        ahead
            .filter(|(steps, _)| *steps < ID_MAX / 2)
            .max()
            .map(|(_, id)| id)
    }

    /// Whether it has other keys than these for the device itself.
    fn others(&self, account: &Account) -> bool {
        let signed = &account.signed_pre_key;
        let ours = (signed.id, signed.pair.public);
        self.signed.is_some_and(|told| told != ours)
            || self
                .identity
                .is_some_and(|told| told != account.identity.public)
    }
}

/// How far it is from one id to another, upwards.
fn steps(from: u32, to: u32) -> u32 {
    let place = |id: u32| id.clamp(1, ID_MAX) - 1;
    (place(to) + ID_MAX - place(from)) % ID_MAX
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
    let id = read_id(key.child("id")?)?;
    let value = PublicKey::from_slice(key.child("value")?.content_bytes()?)?;
    Some((id, value))
}

fn read_id(id: &Node) -> Option<u32> {
    let [high, middle, low] = *id.content_bytes()? else {
        return None;
    };
    Some(u32::from_be_bytes([0, high, middle, low]))
}
