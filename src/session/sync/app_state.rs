//! App state: settings and names that the phone shares with its companions.
//!
//! A collection is requested from the stored version on. The response waits until all blobs that it
//! references are downloaded. Then patches, MACs, names, settings and the new version are one unit
//! of work. If a response is invalid, the whole collection is requested, a few times per link.

use crate::session::sync::collections::{Answer, BlobSlot, SyncStep, Unusable};

use prost::Message as _;
use wmctl_proto::message::protocol_message::Type;
use wmctl_proto::message::{
    AppStateSyncKeyId, AppStateSyncKeyRequest, AppStateSyncKeyShare, Message, ProtocolMessage,
};

use crate::appstate::Collection;
use crate::appstate::blob::Reference;
use crate::ids::MessageId;
use crate::session::input::Input;
use crate::session::keys::addresses;
use crate::session::keys::ratchets::EncryptError;
use crate::session::link::requests::{Query, Request, refusal};
use crate::session::machine::{Phase, Session};
use crate::session::messages::content;
use crate::session::output::{Fetch, Notice};
use crate::session::pairing::device_identity;
use crate::session::rows::{AppStateKey, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// Maximum number of keys read from one message.
const KEYS_MAX: usize = 256;
/// Maximum number of missing keys that are requested on one link.
const MISSING_MAX: usize = 64;
/// Wait in ms before missing keys are requested. After pairing the phone sends its keys unasked.
const KEY_PATIENCE_MS: u64 = 5_000;
/// Maximum number of failures of one collection per link.
const FAILURES_MAX: u32 = 3;
/// Wait in ms after a server failure.
const TROUBLE_MS: u64 = 5_000;

impl Session {
    /// Stores the app state keys that the phone shares.
    pub(in crate::session) fn take_app_state_keys(
        &mut self,
        unit: &mut WorkContext<'_>,
        share: AppStateSyncKeyShare,
    ) {
        for key in share.keys.into_iter().take(KEYS_MAX) {
            let id = key.key_id.and_then(|id| id.key_id);
            let Some((id, data)) = id.zip(key.key_data) else {
                continue;
            };
            let row = AppStateKey {
                data: data.key_data.unwrap_or_default(),
                fingerprint: data.fingerprint.unwrap_or_default().encode_to_vec(),
                timestamp: data.timestamp.unwrap_or(0),
            };
            self.syncing.missing.remove(&id);
            unit.put(RowKey::AppStateKey(id), Row::AppStateKey(row));
        }
        self.sync_app_state(unit, &Collection::ALL);
    }

    /// Schedules requests for these collections; they are sent after login.
    pub(in crate::session) fn sync_app_state(
        &mut self,
        unit: &mut WorkContext<'_>,
        collections: &[Collection],
    ) {
        for collection in collections {
            let one = self.syncing.collections.entry(*collection).or_default();
            match one.step {
                SyncStep::Idle | SyncStep::Blocked => one.step = SyncStep::Wanted,
                SyncStep::Wanted => (),
                SyncStep::Asked | SyncStep::Fetching(_) | SyncStep::Answered(_) => one.again = true,
            }
        }
        if self.phase == Phase::Ready {
            unit.again(Input::SyncAppState);
        }
    }

    /// Handles the server's notification about changed collections.
    pub(in crate::session) fn app_state_changed(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
    ) {
        let names = node.children_named("collection");
        let changed: Vec<Collection> = names
            .filter_map(|one| Collection::named(&one.attr_text("name")?))
            .take(Collection::ALL.len())
            .collect();
        self.sync_app_state(unit, &changed);
    }

    fn wanted(&self) -> Vec<Collection> {
        let all = self.syncing.collections.iter();
        all.filter(|(_, one)| matches!(one.step, SyncStep::Wanted))
            .map(|(collection, _)| *collection)
            .collect()
    }

    /// Requests the versions of all wanted collections.
    pub(in crate::session) fn want_app_state_versions(&self, lookup: &mut impl Lookup) {
        for collection in self.wanted() {
            lookup.row(&RowKey::AppStateVersion(collection));
        }
    }

    /// Requests all wanted collections.
    pub(in crate::session) fn ask_app_state(&mut self, unit: &mut WorkContext<'_>) {
        let wanted = self.wanted();
        if self.phase != Phase::Ready || wanted.is_empty() {
            return;
        }
        let mut nodes = Vec::new();
        for collection in &wanted {
            let version = match unit.row(&RowKey::AppStateVersion(*collection)) {
                Some(Row::AppStateVersion { version, .. }) => Some(*version),
                _ => None,
            };
            let one = self.syncing.collections.entry(*collection).or_default();
            one.from_scratch |= version.is_none();
            one.full |= one.from_scratch && !one.was_empty;
            let node = Node::new("collection").attr("name", collection.name());
            nodes.push(match version.filter(|_| !one.from_scratch) {
                Some(version) => node
                    .attr("version", version.to_string())
                    .attr("return_snapshot", "false"),
                None => node.attr("return_snapshot", "true"),
            });
        }
        let sync = Node::new("sync").with_children(nodes);
        let request = Request::set("w:sync:app:state", vec![sync]);
        let query = Query::AppState(wanted.clone());
        if !self.ask(unit, query, request) {
            return self.put_off(unit, Input::SyncAppState, TROUBLE_MS);
        }
        for collection in wanted {
            self.step(collection, SyncStep::Asked);
        }
    }

    fn step(&mut self, collection: Collection, step: SyncStep) {
        self.syncing.collections.entry(collection).or_default().step = step;
    }

    /// Handles the server's response for some collections.
    pub(in crate::session) fn app_state_answered(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        asked: &[Collection],
    ) {
        if refusal(node).is_some() {
            return self.app_state_unanswered(unit, asked);
        }
        let listed = node.child("sync").map(Node::children).unwrap_or_default();
        for collection in asked {
            let named = |node: &&Node| node.attr_is("name", collection.name());
            let Some(node) = listed.iter().find(named) else {
                self.fail(unit, *collection, "missing");
                continue;
            };
            match (refusal(node), Answer::read(node)) {
                (Some(code), _) if 500 <= code => self.app_state_unanswered(unit, &[*collection]),
                (Some(_), _) => self.fail(unit, *collection, "refused"),
                (None, Err(Unusable(reason))) => self.fail(unit, *collection, reason),
                (None, Ok((answer, fetches))) => {
                    self.fetch_or_apply(unit, *collection, answer, fetches);
                }
            }
        }
    }

    /// Starts the downloads for a response, or schedules it if it needs none.
    fn fetch_or_apply(
        &mut self,
        unit: &mut WorkContext<'_>,
        collection: Collection,
        answer: Answer,
        fetches: Vec<(BlobSlot, Reference)>,
    ) {
        if fetches.is_empty() {
            self.step(collection, SyncStep::Answered(Box::new(answer)));
            return unit.again(Input::ApplyAppState(collection));
        }
        self.step(collection, SyncStep::Fetching(Box::new(answer)));
        for (place, reference) in fetches {
            let id = self.syncing.fetch_id();
            self.syncing.fetches.insert(id, (collection, place));
            unit.out.fetches.push(Fetch { id, reference });
        }
    }

    /// Handles the end of a download: the blob is verified and decrypted, or `None` on failure.
    pub(in crate::session) fn take_blob(
        &mut self,
        unit: &mut WorkContext<'_>,
        id: u64,
        blob: Option<&[u8]>,
    ) {
        let Some((collection, place)) = self.syncing.fetches.remove(&id) else {
            return;
        };
        let one = self.syncing.collections.entry(collection).or_default();
        let SyncStep::Fetching(answer) = &mut one.step else {
            return;
        };
        let filled = blob
            .ok_or(Unusable("blob_unavailable"))
            .and_then(|blob| answer.fill(place, blob));
        if let Err(Unusable(reason)) = filled {
            return self.fail(unit, collection, reason);
        }
        if answer.waiting == 0 {
            one.step = SyncStep::Answered(std::mem::take(answer));
            unit.again(Input::ApplyAppState(collection));
        }
    }

    /// Retries later: there was no answer, or the server failed.
    pub(in crate::session) fn app_state_unanswered(
        &mut self,
        unit: &mut WorkContext<'_>,
        asked: &[Collection],
    ) {
        for collection in asked {
            let one = self.syncing.collections.entry(*collection).or_default();
            one.failures += 1;
            one.step = match one.failures <= FAILURES_MAX {
                true => SyncStep::Wanted,
                false => SyncStep::Idle,
            };
        }
        self.put_off(unit, Input::SyncAppState, TROUBLE_MS);
    }

    /// Discards an invalid response. The whole collection is requested, or dropped after too many
    /// failures.
    pub(in crate::session) fn fail(
        &mut self,
        unit: &mut WorkContext<'_>,
        collection: Collection,
        reason: &'static str,
    ) {
        let one = self.syncing.collections.entry(collection).or_default();
        one.failures += 1;
        one.from_scratch = true;
        let again = one.failures <= FAILURES_MAX;
        one.step = if again {
            SyncStep::Wanted
        } else {
            SyncStep::Idle
        };
        unit.notice(Notice::AppStateUnusable { collection, reason });
        if again {
            unit.again(Input::SyncAppState);
        }
    }

    /// Returns the response that can be applied now, with the flags `from_scratch` and `full`.
    pub(in crate::session) fn answer_to_apply(
        &self,
        collection: Collection,
    ) -> Option<(&Answer, bool, bool)> {
        let one = self.syncing.collections.get(&collection)?;
        match &one.step {
            SyncStep::Answered(answer) => Some((answer, one.from_scratch, one.full)),
            _ => None,
        }
    }

    /// Records that a response was applied. Requests the next part if there is one.
    pub(in crate::session) fn app_state_applied(
        &mut self,
        unit: &mut WorkContext<'_>,
        collection: Collection,
        more: bool,
        empty: bool,
    ) {
        let one = self.syncing.collections.entry(collection).or_default();
        one.from_scratch = false;
        one.full &= more;
        one.was_empty = empty;
        let again = more || std::mem::take(&mut one.again);
        one.step = if again {
            SyncStep::Wanted
        } else {
            SyncStep::Idle
        };
        if again {
            unit.again(Input::SyncAppState);
        }
    }

    /// Marks a collection as waiting for keys, and schedules a request to the phone.
    pub(in crate::session) fn app_state_blocked(
        &mut self,
        unit: &mut WorkContext<'_>,
        collection: Collection,
        keys: Vec<Vec<u8>>,
    ) {
        self.step(collection, SyncStep::Blocked);
        let syncing = &mut self.syncing;
        let room = MISSING_MAX.saturating_sub(syncing.requested.len() + syncing.missing.len());
        let fresh = keys
            .into_iter()
            .filter(|id| !syncing.requested.contains(id));
        let fresh: Vec<_> = fresh.take(room).collect();
        if !fresh.is_empty() {
            syncing.missing.extend(fresh);
            self.put_off(unit, Input::AskAppStateKeys, KEY_PATIENCE_MS);
        }
    }

    /// Returns the home address of our own phone.
    pub(in crate::session) fn own_phone(&self) -> crate::ids::Jid {
        let own = self.account.lid.as_ref().unwrap_or(&self.account.jid);
        addresses::plain(own)
    }

    /// Requests the rows for a message to our own phone.
    pub(in crate::session) fn want_own_phone(&self, lookup: &mut impl Lookup) {
        if !self.syncing.missing.is_empty() {
            self.has_ratchet(lookup, &self.own_phone());
        }
    }

    /// Requests the missing keys from the phone, each key at most once per link.
    pub(in crate::session) fn ask_app_state_keys(&mut self, unit: &mut WorkContext<'_>) {
        if self.phase != Phase::Ready || self.syncing.missing.is_empty() {
            return;
        }
        let ids = self.syncing.missing.iter().cloned();
        let key_ids = ids.map(|id| AppStateSyncKeyId { key_id: Some(id) });
        let protocol = ProtocolMessage {
            r#type: Some(Type::AppStateSyncKeyRequest.into()),
            app_state_sync_key_request: Some(AppStateSyncKeyRequest {
                key_ids: key_ids.collect(),
            }),
            ..ProtocolMessage::default()
        };
        let message = Message {
            protocol_message: Some(Box::new(protocol)),
            ..Message::default()
        };
        let sent = self.send_to_phone(unit, &message, "high", &Input::AskAppStateKeys);
        if sent.is_some() {
            let asked = std::mem::take(&mut self.syncing.missing);
            self.syncing.requested.extend(asked);
        }
    }

    /// Sends a peer message to our own phone and returns its id. Returns `None` if that is
    /// impossible, or if bundles must be fetched first; then `again` is handled after the answer.
    pub(in crate::session) fn send_to_phone(
        &mut self,
        unit: &mut WorkContext<'_>,
        message: &Message,
        priority: &str,
        again: &Input,
    ) -> Option<MessageId> {
        let phone = self.own_phone();
        let lacking = self.without_keys(unit, std::slice::from_ref(&phone));
        if !lacking.is_empty() {
            self.ask_bundles(unit, &lacking, again);
            return None;
        }
        let bundle = self.bundle_if_needed(unit, &phone);
        let sealed = match self.encrypt_to(unit, &phone, &message.encode_to_vec(), bundle) {
            Ok(sealed) => sealed,
            Err(EncryptError::NoKeys) => return None,
            Err(EncryptError::PutAside) => {
                unit.again(again.clone());
                return None;
            }
        };
        let proof = sealed.starts_ratchet();
        let id = content::new_id(unit.rng);
        let mut node = Node::new("message")
            .attr("id", id.as_str())
            .attr("to", self.account.jid.bare())
            .attr("type", "text")
            .attr("category", "peer")
            .attr("push_priority", priority)
            .with_child(Node::new("meta").attr("appdata", "default"))
            .with_child(sealed.node());
        if proof {
            node = node.with_child(device_identity::node(&self.account.adv));
        }
        unit.transmit(node);
        Some(id)
    }
}
