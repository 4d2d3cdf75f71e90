//! What is being done about each collection of app state while the link stands.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use wmctl_proto::appstate::{ExternalBlobReference, SyncdMutations, SyncdPatch, SyncdSnapshot};

use crate::appstate::Collection;
use crate::appstate::blob::{Kind, Reference};
use crate::wire::node::Node;

/// Most patches of one answer.
const PATCHES_MAX: usize = 5_000;
/// Most blobs of one answer.
const BLOBS_MAX: usize = 64;

/// What is being done about each collection; lost with the link, the rows know the rest.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Syncing {
    pub(in crate::session) collections: BTreeMap<Collection, One>,
    /// Keys that the phone has to be asked for.
    pub(in crate::session) missing: BTreeSet<Vec<u8>>,
    pub(in crate::session) requested: BTreeSet<Vec<u8>>,
    /// Blobs under way: which collection's, and where in its answer.
    pub(in crate::session) fetches: BTreeMap<u64, (Collection, Place)>,
    pub(in crate::session) next_fetch: u64,
}

impl Syncing {
    /// A number for a blob to be fetched, which no other of this link has.
    pub(in crate::session) fn fetch_id(&mut self) -> u64 {
        self.next_fetch += 1;
        self.next_fetch
    }
}

/// One collection.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct One {
    pub(in crate::session) step: Step,
    /// Something changed after the question.
    pub(in crate::session) again: bool,
    /// The stored state is no good: start from nothing.
    pub(in crate::session) from_scratch: bool,
    /// Everything comes anew, so that nothing of it is news.
    pub(in crate::session) full: bool,
    /// The server had nothing of it, so that whatever comes is news.
    pub(in crate::session) was_empty: bool,
    pub(in crate::session) failures: u32,
}

#[derive(Clone, Debug, Default)]
pub(in crate::session) enum Step {
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
pub(in crate::session) struct Answer {
    pub(in crate::session) snapshot: Option<SyncdSnapshot>,
    pub(in crate::session) patches: Vec<SyncdPatch>,
    pub(in crate::session) more: bool,
    /// Blobs that are not there yet.
    pub(in crate::session) waiting: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum Place {
    Snapshot,
    Patch(usize),
}

/// Why an answer is no good.
pub(in crate::session) struct Unusable(pub(in crate::session) &'static str);

impl Answer {
    /// Reads a `collection`, and what has to be fetched for it.
    pub(in crate::session) fn read(
        node: &Node,
    ) -> Result<(Self, Vec<(Place, Reference)>), Unusable> {
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
    pub(in crate::session) fn fill(&mut self, place: Place, bytes: &[u8]) -> Result<(), Unusable> {
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

pub(in crate::session) fn reference(
    external: &ExternalBlobReference,
) -> Result<Reference, Unusable> {
    let reference = Reference::new(
        Kind::AppState,
        external.media_key.as_deref(),
        external.direct_path.as_deref(),
        external.file_sha256.as_deref(),
        external.file_enc_sha256.as_deref(),
    );
    reference.ok_or(Unusable("blob_reference"))
}
