//! The sync state of each app state collection while the link lasts.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;
use wmctl_proto::appstate::{ExternalBlobReference, SyncdMutations, SyncdPatch, SyncdSnapshot};

use crate::appstate::Collection;
use crate::appstate::blob::{Kind, Reference};
use crate::wire::node::Node;

/// Maximum number of patches in one response.
const PATCHES_MAX: usize = 5_000;
/// Maximum number of blobs in one response.
const BLOBS_MAX: usize = 64;

/// The sync state of all collections. It is lost with the link; the rows hold the rest.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct AppStateSync {
    pub(in crate::session) collections: BTreeMap<Collection, CollectionSync>,
    /// Keys that must be requested from the phone.
    pub(in crate::session) missing: BTreeSet<Vec<u8>>,
    /// Keys that were requested from the phone on this link.
    pub(in crate::session) requested: BTreeSet<Vec<u8>>,
    /// Blobs being downloaded: the collection, and the place in its response.
    pub(in crate::session) fetches: BTreeMap<u64, (Collection, BlobSlot)>,
    pub(in crate::session) next_fetch: u64,
}

impl AppStateSync {
    /// Returns an id for a download that is unique on this link.
    pub(in crate::session) fn fetch_id(&mut self) -> u64 {
        self.next_fetch += 1;
        self.next_fetch
    }
}

/// One collection.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct CollectionSync {
    pub(in crate::session) step: SyncStep,
    /// True if the collection changed after the request was sent.
    pub(in crate::session) again: bool,
    /// True if the stored state is unusable or missing, so that a snapshot is needed.
    pub(in crate::session) from_scratch: bool,
    /// True if the whole collection is being loaded, so that its settings cause no events.
    pub(in crate::session) full: bool,
    /// True if the server's collection was empty, so that everything that follows is news.
    pub(in crate::session) was_empty: bool,
    /// Number of failures on this link.
    pub(in crate::session) failures: u32,
}

/// The sync state of one collection.
#[derive(Clone, Debug, Default)]
pub(in crate::session) enum SyncStep {
    #[default]
    Idle,
    Wanted,
    Asked,
    /// Blobs are being downloaded.
    Fetching(Box<Answer>),
    /// Ready to be applied.
    Answered(Box<Answer>),
    /// Waiting for keys.
    Blocked,
}

/// The server's response for one collection.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Answer {
    pub(in crate::session) snapshot: Option<SyncdSnapshot>,
    pub(in crate::session) patches: Vec<SyncdPatch>,
    pub(in crate::session) more: bool,
    /// Number of blobs that are not downloaded yet.
    pub(in crate::session) waiting: usize,
}

/// The place of a blob in a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) enum BlobSlot {
    Snapshot,
    Patch(usize),
}

/// Why a response is unusable: a stable word.
pub(in crate::session) struct Unusable(pub(in crate::session) &'static str);

impl Answer {
    /// Reads a `collection` element. Also returns the blobs that must be downloaded for it.
    pub(in crate::session) fn read(
        node: &Node,
    ) -> Result<(Self, Vec<(BlobSlot, Reference)>), Unusable> {
        let mut answer = Self {
            more: node.attr_is("has_more_patches", "true"),
            ..Self::default()
        };
        let mut fetches = Vec::new();
        if let Some(bytes) = node.child("snapshot").and_then(Node::content_bytes) {
            let external =
                ExternalBlobReference::decode(bytes).map_err(|_| Unusable("snapshot"))?;
            fetches.push((BlobSlot::Snapshot, reference(&external)?));
        }
        let patches = node.child("patches").unwrap_or(node);
        for patch in patches.children_named("patch") {
            let bytes = patch.content_bytes().unwrap_or_default();
            let patch = SyncdPatch::decode(bytes).map_err(|_| Unusable("patch"))?;
            if let Some(external) = &patch.external_mutations {
                fetches.push((BlobSlot::Patch(answer.patches.len()), reference(external)?));
            }
            answer.patches.push(patch);
        }
        if PATCHES_MAX < answer.patches.len() || BLOBS_MAX < fetches.len() {
            return Err(Unusable("too_many"));
        }
        answer.waiting = fetches.len();
        Ok((answer, fetches))
    }

    /// Inserts a downloaded blob.
    pub(in crate::session) fn fill(
        &mut self,
        place: BlobSlot,
        bytes: &[u8],
    ) -> Result<(), Unusable> {
        match place {
            BlobSlot::Snapshot => {
                let snapshot = SyncdSnapshot::decode(bytes).map_err(|_| Unusable("blob"))?;
                self.snapshot = Some(snapshot);
            }
            BlobSlot::Patch(index) => {
                let mutations = SyncdMutations::decode(bytes).map_err(|_| Unusable("blob"))?;
                let patch = self.patches.get_mut(index).ok_or(Unusable("blob"))?;
                patch.mutations = mutations.mutations;
            }
        }
        self.waiting = self.waiting.saturating_sub(1);
        Ok(())
    }
}

/// Checks and converts a blob's announcement.
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
