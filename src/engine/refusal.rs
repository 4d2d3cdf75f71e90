//! What an actor does about a unit of work that the database refuses: values that it does not take,
//! or a row that cannot be read.
//!
//! Nothing of such a unit was committed, and the session is ahead of its rows: it is loaded again,
//! and for a while each input is a unit of its own. The one that is refused then becomes an event
//! with its bytes and is acknowledged, and the account goes on.

use std::collections::BTreeSet;

use crate::crypto::hash::sha256;
use crate::session::input::Input;
use crate::wire::encode::encode;
use crate::wire::node::Node;

/// Units of one input each after a refusal: whatever the server may deliver again before the one
/// that was refused.
const CAREFUL_INPUTS: u32 = 512;
/// Inputs that are passed over from now on, as nobody takes them back.
const PASSED_OVER_MAX: usize = 256;

/// How carefully an actor works.
#[derive(Debug, Default)]
pub(super) struct Care {
    /// Inputs that are still to be units of their own.
    single: u32,
    passed_over: BTreeSet<[u8; 16]>,
}

impl Care {
    /// Most inputs that may share a unit, of so many.
    pub(super) fn inputs_max(&self, usual: usize) -> usize {
        if 0 < self.single { 1 } else { usual }
    }

    /// An input was worked on.
    pub(super) fn worked(&mut self) {
        self.single = self.single.saturating_sub(1);
    }

    /// A unit was refused.
    pub(super) fn refused(&mut self) {
        self.single = CAREFUL_INPUTS;
    }

    /// An input was refused that will come again, as it cannot be acknowledged: it is told of once,
    /// and passed over from now on.
    pub(super) fn pass_over(&mut self, input: &Input) {
        if let Some(name) = name(input) {
            if PASSED_OVER_MAX <= self.passed_over.len() {
                self.passed_over.pop_first();
            }
            self.passed_over.insert(name);
        }
    }

    pub(super) fn passes_over(&self, input: &Input) -> bool {
        // Almost always there are none.
        !self.passed_over.is_empty()
            && name(input).is_some_and(|name| self.passed_over.contains(&name))
    }
}

/// What is the same of an input when it comes again on another link; `None` for what is
/// acknowledged, or never comes again as it is.
fn name(input: &Input) -> Option<[u8; 16]> {
    let bytes = match input {
        // Its id is another one each time.
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
