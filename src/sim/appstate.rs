//! App state of simulated accounts: the server's copy, and the phone that writes and reads it.
//!
//! A phone creates its first key with its first companion or setting. It sends its keys to each
//! companion at the next login.

use crate::sim::collections::{CollectionView, Kept, SharedKey};

use prost::Message as _;
use wmctl_proto::appstate::{ExternalBlobReference, SyncdMutations, SyncdPatch, SyncdVersion};
use wmctl_proto::message::protocol_message::Type;
use wmctl_proto::message::{
    AppStateSyncKey, AppStateSyncKeyData, AppStateSyncKeyFingerprint, AppStateSyncKeyId,
    AppStateSyncKeyShare, Message, ProtocolMessage,
};

use crate::appstate::Collection;
use crate::appstate::blob::{self, Kind, Reference};
use crate::appstate::collection::Author;
use crate::appstate::keys::Keys;
use crate::crypto::random;
use crate::ids::Jid;
use crate::sim::error::SimError;
use crate::sim::settings::Setting;
use crate::sim::stanza;
use crate::sim::world::World;
use crate::wire::node::Node;

/// Patches per response. Clients must request the remaining ones.
const PATCHES_PER_ANSWER: usize = 5;
/// A patch with more mutations is stored as a blob on the media server.
const INLINE_MUTATIONS_MAX: usize = 20;
/// Path prefix of blobs on the media server.
pub(super) const BLOB_PATH: &str = "/mms/";

/// A client's request for one collection.
struct Asked {
    collection: Collection,
    version: u64,
    snapshot: bool,
    patch: Option<Vec<u8>>,
}

impl Asked {
    fn of(node: &Node) -> Option<Self> {
        Some(Self {
            collection: Collection::named(&node.attr_text("name")?)?,
            version: node.attr_u64("version").unwrap_or(0),
            snapshot: node.attr_is("return_snapshot", "true"),
            patch: node
                .child("patch")
                .and_then(Node::content_bytes)
                .map(<[u8]>::to_vec),
        })
    }
}

impl World {
    /// Answers a request for each collection that it names.
    pub(super) fn app_state(&mut self, id: &str, device: &Jid, query: &Node) -> Node {
        let asked = query.child("sync").map(Node::children).unwrap_or_default();
        let answers: Vec<Node> = asked
            .iter()
            .map(|node| match Asked::of(node) {
                Some(asked) => self.collection_answer(device, asked),
                None => refused(
                    Node::new("collection").attr_opt("name", node.attr_text("name")),
                    400,
                    "bad-request",
                ),
            })
            .collect();
        stanza::result(id).with_child(Node::new("sync").with_children(answers))
    }

    fn collection_answer(&mut self, device: &Jid, asked: Asked) -> Node {
        let Asked {
            collection,
            version,
            snapshot,
            patch,
        } = asked;
        let node = Node::new("collection").attr("name", collection.name());
        let Some(account) = self.accounts.get_mut(device) else {
            return refused(node, 404, "item-not-found");
        };
        let state = &mut account.app_state;
        let Some(patch) = patch else {
            return news(node, state.collections.get(&collection), version, snapshot);
        };
        if version != state.version(collection) {
            // Another device wrote first: the client must apply the earlier patches and retry.
            let kept = state.collections.get(&collection);
            return refused(news(node, kept, version, false), 409, "conflict");
        }
        let Ok(mut patch) = SyncdPatch::decode(&patch[..]) else {
            return refused(node, 400, "bad-request");
        };
        patch.version = Some(SyncdVersion {
            version: Some(version + 1),
        });
        // A real server cannot decrypt patches, but the phone can and would reset app state on all
        // devices. So refuse an invalid patch here.
        if let Err(error) = state.take(collection, &patch) {
            tracing::warn!(%error, collection = collection.name(), "a patch is refused");
            return refused(node, 400, "bad-request");
        }
        if let Some(kept) = state.collections.get_mut(&collection) {
            kept.patches.push(patch);
        }
        self.tell_app_state(device, collection);
        node.attr("version", version + 1)
    }

    /// Changes a setting on the phone and publishes the patch.
    pub(super) fn set(&mut self, account: &Jid, setting: &Setting) -> Result<u64, SimError> {
        let now_ms = i64::try_from(self.unix_s()).unwrap_or(0) * 1_000;
        self.accounts.get(account).ok_or(SimError::UnknownAccount)?;
        self.first_app_state_key(account);
        self.give_app_state_keys(account);
        let (collection, actions) = setting.actions(now_ms);
        let id = self.take_id();
        let owner = self.accounts.get_mut(account);
        let owner = owner.ok_or(SimError::UnknownAccount)?;
        if let Setting::PushName { name } = setting {
            owner.name.clone_from(name);
        }
        let state = &mut owner.app_state;
        let Some(key) = state.keys.last().cloned() else {
            return Err(SimError::UnknownAccount);
        };
        let keys = Keys::expand(&key.data);
        let author = Author {
            key_id: &key.id,
            keys: &keys,
        };
        let kept = state.collections.entry(collection).or_default();
        let random = &mut *self.random;
        let (mut patch, _) = author.patch(collection, &kept.state, &actions, &kept.macs, random);
        if let Err(error) = state.take(collection, &patch) {
            tracing::error!(%error, "the phone cannot read its own patch");
        }
        if INLINE_MUTATIONS_MAX < patch.mutations.len() {
            let mutations = SyncdMutations {
                mutations: std::mem::take(&mut patch.mutations),
            };
            let path = format!("{BLOB_PATH}{id}.enc?oh=1&oe=2");
            let plain = mutations.encode_to_vec();
            let (reference, sealed) = blob::seal(Kind::AppState, &plain, path, random);
            self.blobs.insert(format!("{BLOB_PATH}{id}.enc"), sealed);
            patch.external_mutations = Some(external(&reference, plain.len()));
        }
        let version = state.version(collection);
        if let Some(kept) = state.collections.get_mut(&collection) {
            kept.patches.push(patch);
        }
        self.tell_app_state(account, collection);
        Ok(version)
    }

    /// Notifies all companions of a change, except its author.
    fn tell_app_state(&mut self, author: &Jid, collection: Collection) {
        let Some(account) = self.accounts.get(author) else {
            return;
        };
        let version = account.app_state.version(collection);
        let mut others = account.companions();
        others.retain(|other| other.device != author.device);
        for other in others {
            let child = Node::new("collection")
                .attr("name", collection.name())
                .attr("version", version);
            self.notify(&other, &Jid::server(), "server_sync", child);
        }
    }

    fn make_app_state_key(&mut self, account: &Jid) -> Result<(), SimError> {
        let made_ms = i64::try_from(self.unix_s()).unwrap_or(0) * 1_000;
        let (data, tail) = (
            random::bytes(&mut *self.random),
            random::bytes::<4>(&mut *self.random),
        );
        let owner = self.accounts.get_mut(account);
        let state = &mut owner.ok_or(SimError::UnknownAccount)?.app_state;
        let number = u16::try_from(state.keys.len()).unwrap_or(u16::MAX);
        // Key id: the phone's device number, then a rising number.
        let id = [&[0, 0], &number.to_be_bytes()[..], &tail[2..]].concat();
        state.keys.push(SharedKey { id, data, made_ms });
        Ok(())
    }

    /// Creates a new key. With `withhold`, companions receive it only on request.
    pub(super) fn rotate_app_state_key(
        &mut self,
        account: &Jid,
        withhold: bool,
    ) -> Result<(), SimError> {
        self.make_app_state_key(account)?;
        if let Some(owner) = self.accounts.get_mut(account) {
            owner.app_state.withheld = withhold;
        }
        self.give_app_state_keys(account);
        Ok(())
    }

    /// Creates the first key when the first companion is linked, even if there are no settings.
    pub(super) fn first_app_state_key(&mut self, account: &Jid) {
        let keys = self
            .accounts
            .get(account)
            .map(|owner| &owner.app_state.keys);
        if keys.is_some_and(Vec::is_empty)
            && let Err(error) = self.make_app_state_key(account)
        {
            tracing::error!(%error, "the phone cannot make a key for its settings");
        }
    }

    /// Sends the keys to all companions that lack some.
    pub(super) fn give_app_state_keys(&mut self, account: &Jid) {
        let Some(owner) = self.accounts.get(account) else {
            return;
        };
        let state = &owner.app_state;
        let lacking = |device: &Jid| {
            let given = state.given.get(&device.device).copied().unwrap_or(0);
            // A companion that has not logged in yet gets the keys at its first login.
            let known = owner.devices.get(&device.device);
            given < state.keys.len() && known.is_some_and(|device| device.was_here)
        };
        if state.withheld {
            return;
        }
        let lacking: Vec<Jid> = owner.companions().into_iter().filter(lacking).collect();
        for device in lacking {
            self.share_app_state_keys(&device, false);
        }
    }

    /// Sends a companion all keys. `fresh` starts a new Signal session.
    pub(super) fn share_app_state_keys(&mut self, device: &Jid, fresh: bool) {
        let id = format!("3EB0{:018X}", self.take_id());
        let Some(account) = self.accounts.get_mut(device) else {
            return;
        };
        let phone = account.pn(0);
        let state = &mut account.app_state;
        state.given.insert(device.device, state.keys.len());
        let keys = state.keys.iter().map(|key| AppStateSyncKey {
            key_id: Some(AppStateSyncKeyId {
                key_id: Some(key.id.clone()),
            }),
            key_data: Some(AppStateSyncKeyData {
                key_data: Some(key.data.to_vec()),
                fingerprint: Some(AppStateSyncKeyFingerprint {
                    raw_id: Some(1),
                    current_index: Some(0),
                    device_indexes: vec![0, device.device.into()],
                }),
                timestamp: Some(key.made_ms),
            }),
        });
        let protocol = ProtocolMessage {
            r#type: Some(Type::AppStateSyncKeyShare.into()),
            app_state_sync_key_share: Some(AppStateSyncKeyShare {
                keys: keys.collect(),
            }),
            ..ProtocolMessage::default()
        };
        let message = Message {
            protocol_message: Some(Box::new(protocol)),
            ..Message::default()
        };
        let Some(enc) = self.phone_encrypts(&phone, device, &message, fresh) else {
            return;
        };
        if let Some(node) = self.phone_message(&phone, None, &id) {
            self.deliver(device, node.attr("category", "peer").with_child(enc));
        }
    }

    /// Handles a companion's request for missing keys.
    pub(super) fn app_state_keys_asked(&mut self, device: &Jid) {
        if let Some(account) = self.accounts.get_mut(device) {
            account.app_state.withheld = false;
        }
        self.share_app_state_keys(device, false);
    }

    /// Replaces all patches by snapshots, which new companions download as blobs.
    pub(super) fn compact(&mut self, account: &Jid) -> Result<(), SimError> {
        for collection in Collection::ALL {
            let id = self.take_id();
            let owner = self.accounts.get_mut(account);
            let state = &mut owner.ok_or(SimError::UnknownAccount)?.app_state;
            let key = state.keys.last().cloned();
            let kept = state.collections.get_mut(&collection);
            let Some((key, kept)) = key.zip(kept.filter(|kept| 0 < kept.state.version)) else {
                continue;
            };
            let keys = Keys::expand(&key.data);
            let author = Author {
                key_id: &key.id,
                keys: &keys,
            };
            let records = kept.records.values().cloned().collect();
            let plain = author
                .snapshot(collection, &kept.state, records)
                .encode_to_vec();
            let path = format!("{BLOB_PATH}{id}.enc?oh=1&oe=2");
            let random = &mut *self.random;
            let (reference, sealed) = blob::seal(Kind::AppState, &plain, path, random);
            self.blobs.insert(format!("{BLOB_PATH}{id}.enc"), sealed);
            kept.snapshot = Some(external(&reference, plain.len()));
            kept.base = kept.state.version;
            kept.patches.clear();
        }
        Ok(())
    }

    pub(super) fn settings(&self, account: &Jid) -> Result<Vec<CollectionView>, SimError> {
        let account = self.accounts.get(account);
        Ok(account.ok_or(SimError::UnknownAccount)?.app_state.views())
    }
}

fn external(reference: &Reference, length: usize) -> ExternalBlobReference {
    ExternalBlobReference {
        media_key: Some(reference.media_key.expose().to_vec()),
        direct_path: Some(reference.direct_path.clone()),
        handle: None,
        file_size_bytes: u64::try_from(length).ok(),
        file_sha256: Some(reference.plain_sha256.to_vec()),
        file_enc_sha256: Some(reference.sealed_sha256.to_vec()),
    }
}

fn refused(node: Node, code: u16, text: &str) -> Node {
    let error = Node::new("error").attr("code", code).attr("text", text);
    node.attr("type", "error").with_child(error)
}

/// Returns the changes since `version`: patches, preceded by a snapshot if requested and available.
fn news(node: Node, kept: Option<&Kept>, version: u64, snapshot: bool) -> Node {
    let Some(kept) = kept else {
        return node.attr("version", 0).attr("has_more_patches", "false");
    };
    let mut node = node;
    let mut from = version;
    if let Some(reference) = kept.snapshot.as_ref().filter(|_| snapshot) {
        node.push(Node::new("snapshot").bytes(reference.encode_to_vec()));
        from = kept.base;
    } else if version < kept.base {
        return refused(node, 404, "item-not-found");
    }
    let skip = usize::try_from(from.saturating_sub(kept.base)).unwrap_or(usize::MAX);
    let rest = kept.patches.get(skip..).unwrap_or_default();
    let page = &rest[..rest.len().min(PATCHES_PER_ANSWER)];
    let more = page.len() < rest.len();
    let patches = page
        .iter()
        .map(|patch| Node::new("patch").bytes(patch.encode_to_vec()));
    node.attr("version", kept.state.version)
        .attr("has_more_patches", if more { "true" } else { "false" })
        .with_child(Node::new("patches").with_children(patches))
}
