//! Handles units of work that the database refuses: it rejects their values, or a row that they
//! depend on cannot be read.
//!
//! Nothing of such a unit was committed, and the session is ahead of its rows. The actor reloads
//! it, and for a while makes each input its own unit. An input that is refused alone is stored as
//! an event with its bytes and acknowledged. The account then continues.

use std::collections::BTreeSet;

use crate::crypto::hash::sha256;
use crate::session::input::Input;
use crate::wire::encode::encode;
use crate::wire::node::Node;

/// Number of single-input units after a refusal. It covers the inputs that the server may deliver
/// again before the refused one.
const CAREFUL_INPUTS: u32 = 512;
/// Most refused inputs that are remembered to be skipped. They cannot be acknowledged, so they come
/// again.
const PASSED_OVER_MAX: usize = 256;

/// The precautions that an actor takes after a refusal.
#[derive(Debug, Default)]
pub(super) struct RefusalPolicy {
    /// Remaining inputs that are each handled as a unit of their own.
    single: u32,
    passed_over: BTreeSet<[u8; 16]>,
}

impl RefusalPolicy {
    /// Returns the most inputs that may share a unit; `usual` if no precaution applies.
    pub(super) fn inputs_max(&self, usual: usize) -> usize {
        if 0 < self.single { 1 } else { usual }
    }

    /// Records that an input was handled.
    pub(super) fn worked(&mut self) {
        self.single = self.single.saturating_sub(1);
    }

    /// Records that a unit was refused.
    pub(super) fn refused(&mut self) {
        self.single = CAREFUL_INPUTS;
    }

    /// Records a refused input that cannot be acknowledged and therefore comes again. It was stored
    /// as an event once; from now on the actor skips it.
    pub(super) fn pass_over(&mut self, input: &Input) {
        if let Some(name) = name(input) {
            if PASSED_OVER_MAX <= self.passed_over.len() {
                self.passed_over.pop_first();
            }
            self.passed_over.insert(name);
        }
    }

    /// Returns true if the input was refused before and is to be skipped.
    pub(super) fn passes_over(&self, input: &Input) -> bool {
        // Usually empty: skip the hash.
        !self.passed_over.is_empty()
            && name(input).is_some_and(|name| self.passed_over.contains(&name))
    }
}

/// Returns a digest that stays the same when the input comes again on another link. Returns `None`
/// for inputs that are acknowledged, or that never come again in the same form.
fn name(input: &Input) -> Option<[u8; 16]> {
    let bytes = match input {
        // The `id` attribute differs each time, so only the content is hashed.
        Input::Node(node) if node.tag == "iq" && !node.children().is_empty() => {
            let mut inside = Node::new("iq");
            inside.content = node.content.clone();
            encode(&inside)
        }
        Input::SyncAppState => b"sync_app_state".to_vec(),
        Input::AskAppStateKeys => b"ask_app_state_keys".to_vec(),
        Input::AskPhone => b"ask_phone".to_vec(),
        Input::ApplyAppState(collection) => collection.name().as_bytes().to_vec(),
        _ => return None,
    };
    let digest = sha256(&[&bytes]);
    let mut name = [0; 16];
    name.copy_from_slice(&digest[..16]);
    Some(name)
}
