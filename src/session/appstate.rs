//! App state: settings and names that the phone shares with its companions.
//!
//! A collection is asked for from the version that is stored. Its answer waits until all blobs
//! that it names are there; then patches, MACs, names, settings and the new version are one unit
//! of work. What cannot be right is asked for from the beginning, a few times for each link.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use wmctl_proto::appstate::{ExternalBlobReference, SyncdMutations, SyncdPatch, SyncdSnapshot};
use wmctl_proto::message::protocol_message::Type;
use wmctl_proto::message::{
    AppStateSyncKeyId, AppStateSyncKeyRequest, AppStateSyncKeyShare, Message, ProtocolMessage,
};

use crate::appstate::Collection;
use crate::appstate::blob::{Kind, Reference};
use crate::ids::MessageId;
use crate::session::adv;
use crate::session::content;
use crate::session::input::Input;
use crate::session::iq::{Query, Request, refusal};
use crate::session::machine::{Phase, Session};
use crate::session::output::{Fetch, Notice};
use crate::session::people;
use crate::session::ratchets::Unsealed;
use crate::session::rows::{AppStateKey, Row, RowKey};
use crate::session::unit::{Lookup, Unit};
use crate::wire::node::Node;

/// Most keys that one message may bring.
const KEYS_MAX: usize = 256;
/// Most missing keys that are asked for on one link.
const MISSING_MAX: usize = 64;
/// After pairing the phone shares its keys unasked; only then it is asked.
const KEY_PATIENCE_MS: u64 = 5_000;
/// How often one collection may fail on one link before it is left alone until the next.
const FAILURES_MAX: u32 = 3;
/// How long to wait after the server had trouble.
const TROUBLE_MS: u64 = 5_000;
/// Most patches of one answer.
const PATCHES_MAX: usize = 5_000;
/// Most blobs of one answer.
const BLOBS_MAX: usize = 64;

/// What is being done about each collection; lost with the link, the rows know the rest.
#[derive(Clone, Debug, Default)]
pub(super) struct Syncing {
    collections: BTreeMap<Collection, One>,
    /// Keys that the phone has to be asked for.
    missing: BTreeSet<Vec<u8>>,
    requested: BTreeSet<Vec<u8>>,
    /// Blobs under way: which collection's, and where in its answer.
    fetches: BTreeMap<u64, (Collection, Place)>,
    next_fetch: u64,
}

impl Syncing {
    /// A number for a blob to be fetched, which no other of this link has.
    pub(super) fn fetch_id(&mut self) -> u64 {
        self.next_fetch += 1;
        self.next_fetch
    }
}

/// One collection.
#[derive(Clone, Debug, Default)]
struct One {
    step: Step,
    /// Something changed after the question.
    again: bool,
    /// The stored state is no good: start from nothing.
    from_scratch: bool,
    /// Everything comes anew, so that nothing of it is news.
    full: bool,
    /// The server had nothing of it, so that whatever comes is news.
    was_empty: bool,
    failures: u32,
}

#[derive(Clone, Debug, Default)]
enum Step {
    #[default]
    Idle,
    Wanted,
    Asked,
    /// Blobs are missing.
    Fetching(Box<Answer>),
    /// Ready to be applied.
    Answered(Box<Answer>),
    /// Keys are missing.
    Blocked,
}

/// What the server says of one collection.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    pub(super) snapshot: Option<SyncdSnapshot>,
    pub(super) patches: Vec<SyncdPatch>,
    pub(super) more: bool,
    /// Blobs that are not there yet.
    waiting: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Snapshot,
    Patch(usize),
}

/// Why an answer is no good.
struct Unusable(&'static str);

impl Answer {
    /// Reads a `collection`, and what has to be fetched for it.
    fn read(node: &Node) -> Result<(Self, Vec<(Place, Reference)>), Unusable> {
        let mut answer = Self {
            more: node.attr_is("has_more_patches", "true"),
            ..Self::default()
        };
        let mut fetches = Vec::new();
        if let Some(bytes) = node.child("snapshot").and_then(Node::content_bytes) {
            let external =
                ExternalBlobReference::decode(bytes).map_err(|_| Unusable("snapshot"))?;
            fetches.push((Place::Snapshot, reference(&external)?));
        }
        let patches = node.child("patches").unwrap_or(node);
        for patch in patches.children_named("patch") {
            let bytes = patch.content_bytes().unwrap_or_default();
            let patch = SyncdPatch::decode(bytes).map_err(|_| Unusable("patch"))?;
            if let Some(external) = &patch.external_mutations {
                fetches.push((Place::Patch(answer.patches.len()), reference(external)?));
            }
            answer.patches.push(patch);
        }
        if PATCHES_MAX < answer.patches.len() || BLOBS_MAX < fetches.len() {
            return Err(Unusable("too_many"));
        }
        answer.waiting = fetches.len();
        Ok((answer, fetches))
    }

    /// Puts a blob in its place.
    fn fill(&mut self, place: Place, bytes: &[u8]) -> Result<(), Unusable> {
        match place {
            Place::Snapshot => {
                let snapshot = SyncdSnapshot::decode(bytes).map_err(|_| Unusable("blob"))?;
                self.snapshot = Some(snapshot);
            }
            Place::Patch(index) => {
                let mutations = SyncdMutations::decode(bytes).map_err(|_| Unusable("blob"))?;
                let patch = self.patches.get_mut(index).ok_or(Unusable("blob"))?;
                patch.mutations = mutations.mutations;
            }
        }
        self.waiting = self.waiting.saturating_sub(1);
        Ok(())
    }
}

fn reference(external: &ExternalBlobReference) -> Result<Reference, Unusable> {
    let reference = Reference::new(
        Kind::AppState,
        external.media_key.as_deref(),
        external.direct_path.as_deref(),
        external.file_sha256.as_deref(),
        external.file_enc_sha256.as_deref(),
    );
    reference.ok_or(Unusable("blob_reference"))
}

impl Session {
    /// The phone shares the keys that the collections are encrypted with.
    pub(super) fn take_app_state_keys(&mut self, unit: &mut Unit<'_>, share: AppStateSyncKeyShare) {
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

    /// Has these collections asked for, once login is complete.
    pub(super) fn sync_app_state(&mut self, unit: &mut Unit<'_>, collections: &[Collection]) {
        for collection in collections {
            let one = self.syncing.collections.entry(*collection).or_default();
            match one.step {
                Step::Idle | Step::Blocked => one.step = Step::Wanted,
                Step::Wanted => (),
                Step::Asked | Step::Fetching(_) | Step::Answered(_) => one.again = true,
            }
        }
        if self.phase == Phase::Ready {
            unit.again(Input::SyncAppState);
        }
    }

    /// The server says which collections changed.
    pub(super) fn app_state_changed(&mut self, unit: &mut Unit<'_>, node: &Node) {
        let names = node.children_named("collection");
        let changed: Vec<Collection> = names
            .filter_map(|one| Collection::named(&one.attr_text("name")?))
            .take(Collection::ALL.len())
            .collect();
        self.sync_app_state(unit, &changed);
    }

    fn wanted(&self) -> Vec<Collection> {
        let all = self.syncing.collections.iter();
        all.filter(|(_, one)| matches!(one.step, Step::Wanted))
            .map(|(collection, _)| *collection)
            .collect()
    }

    pub(super) fn want_app_state_versions(&self, lookup: &mut impl Lookup) {
        for collection in self.wanted() {
            lookup.row(&RowKey::AppStateVersion(collection));
        }
    }

    /// Asks for all collections that are wanted.
    pub(super) fn ask_app_state(&mut self, unit: &mut Unit<'_>) {
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
            self.step(collection, Step::Asked);
        }
    }

    fn step(&mut self, collection: Collection, step: Step) {
        self.syncing.collections.entry(collection).or_default().step = step;
    }

    /// The server's answer for some collections.
    pub(super) fn app_state_answered(
        &mut self,
        unit: &mut Unit<'_>,
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

    fn fetch_or_apply(
        &mut self,
        unit: &mut Unit<'_>,
        collection: Collection,
        answer: Answer,
        fetches: Vec<(Place, Reference)>,
    ) {
        if fetches.is_empty() {
            self.step(collection, Step::Answered(Box::new(answer)));
            return unit.again(Input::ApplyAppState(collection));
        }
        self.step(collection, Step::Fetching(Box::new(answer)));
        for (place, reference) in fetches {
            let id = self.syncing.fetch_id();
            self.syncing.fetches.insert(id, (collection, place));
            unit.out.fetches.push(Fetch { id, reference });
        }
    }

    /// A blob is there, checked and decrypted; or it cannot be had.
    pub(super) fn take_blob(&mut self, unit: &mut Unit<'_>, id: u64, blob: Option<&[u8]>) {
        let Some((collection, place)) = self.syncing.fetches.remove(&id) else {
            return;
        };
        let one = self.syncing.collections.entry(collection).or_default();
        let Step::Fetching(answer) = &mut one.step else {
            return;
        };
        let filled = blob
            .ok_or(Unusable("blob_unavailable"))
            .and_then(|blob| answer.fill(place, blob));
        if let Err(Unusable(reason)) = filled {
            return self.fail(unit, collection, reason);
        }
        if answer.waiting == 0 {
            one.step = Step::Answered(std::mem::take(answer));
            unit.again(Input::ApplyAppState(collection));
        }
    }

    /// Nothing came, or the server has trouble: later again.
    pub(super) fn app_state_unanswered(&mut self, unit: &mut Unit<'_>, asked: &[Collection]) {
        for collection in asked {
            let one = self.syncing.collections.entry(*collection).or_default();
            one.failures += 1;
            one.step = match one.failures <= FAILURES_MAX {
                true => Step::Wanted,
                false => Step::Idle,
            };
        }
        self.put_off(unit, Input::SyncAppState, TROUBLE_MS);
    }

    /// What came cannot be used: the collection is asked for from the beginning, or left alone.
    pub(super) fn fail(
        &mut self,
        unit: &mut Unit<'_>,
        collection: Collection,
        reason: &'static str,
    ) {
        let one = self.syncing.collections.entry(collection).or_default();
        one.failures += 1;
        one.from_scratch = true;
        let again = one.failures <= FAILURES_MAX;
        one.step = if again { Step::Wanted } else { Step::Idle };
        unit.notice(Notice::AppStateUnusable { collection, reason });
        if again {
            unit.again(Input::SyncAppState);
        }
    }

    /// The answer that can be applied now, and what stands in its way.
    pub(super) fn answer_to_apply(&self, collection: Collection) -> Option<(&Answer, bool, bool)> {
        let one = self.syncing.collections.get(&collection)?;
        match &one.step {
            Step::Answered(answer) => Some((answer, one.from_scratch, one.full)),
            _ => None,
        }
    }

    /// An answer was applied: the next part, or the end.
    pub(super) fn app_state_applied(
        &mut self,
        unit: &mut Unit<'_>,
        collection: Collection,
        more: bool,
        empty: bool,
    ) {
        let one = self.syncing.collections.entry(collection).or_default();
        one.from_scratch = false;
        one.full &= more;
        one.was_empty = empty;
        let again = more || std::mem::take(&mut one.again);
        one.step = if again { Step::Wanted } else { Step::Idle };
        if again {
            unit.again(Input::SyncAppState);
        }
    }

    /// Keys are missing: the collection waits, and the phone is asked after a while.
    pub(super) fn app_state_blocked(
        &mut self,
        unit: &mut Unit<'_>,
        collection: Collection,
        keys: Vec<Vec<u8>>,
    ) {
        self.step(collection, Step::Blocked);
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

    pub(super) fn own_phone(&self) -> crate::ids::Jid {
        let own = self.account.lid.as_ref().unwrap_or(&self.account.jid);
        people::plain(own)
    }

    pub(super) fn want_own_phone(&self, lookup: &mut impl Lookup) {
        if !self.syncing.missing.is_empty() {
            self.has_ratchet(lookup, &self.own_phone());
        }
    }

    /// Asks the phone for the keys that are still missing, each once for a link.
    pub(super) fn ask_app_state_keys(&mut self, unit: &mut Unit<'_>) {
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

    /// Sends our own phone what only it understands; its id. `None` if that is impossible, or if
    /// `again` is handled again once the phone's keys are there.
    pub(super) fn send_to_phone(
        &mut self,
        unit: &mut Unit<'_>,
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
            Err(Unsealed::NoKeys) => return None,
            Err(Unsealed::PutAside) => {
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
            node = node.with_child(adv::node(&self.account));
        }
        unit.transmit(node);
        Some(id)
    }
}
