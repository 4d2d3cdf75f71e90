//! Pre-key bundles for devices without a ratchet: fetched, used once, never stored.

use crate::ids::Jid;
use crate::session::input::Input;
use crate::session::keys::prekeys::read_bundle;
use crate::session::link::requests::{Query, Request, refusal};
use crate::session::machine::Session;
use crate::session::unit::WorkContext;
use crate::wire::node::Node;

/// Maximum number of held bundles.
const HELD_MAX: usize = 8_192;
/// Maximum number of devices in one request.
const DEVICES_MAX: usize = 1_024;
/// Time in ms before a device without keys is asked for again.
const BARREN_MS: u64 = 30_000;
/// Wait in ms before a request is repeated if too many are pending.
const ASK_PAUSE_MS: u64 = 1_000;

impl Session {
    /// Requests bundles. `input` is handled again after the answer.
    pub(in crate::session) fn ask_bundles(
        &mut self,
        unit: &mut WorkContext<'_>,
        devices: &[Jid],
        input: &Input,
    ) {
        let mut missing = Vec::new();
        for device in devices {
            if !self
                .pending
                .join(input, |query| query.is_for_bundle_of(device))
            {
                missing.push(device.clone());
            }
        }
        for devices in missing.chunks(DEVICES_MAX) {
            let user = |device: &Jid| {
                Node::new("user")
                    .attr("jid", device.clone())
                    .attr("reason", "identity")
            };
            let key = Node::new("key").with_children(devices.iter().map(user));
            let waiting = vec![input.clone()];
            let query = Query::Bundles {
                devices: devices.to_vec(),
                waiting,
            };
            if !self.ask(unit, query, Request::get("encrypt", vec![key])) {
                return self.put_off(unit, input.clone(), ASK_PAUSE_MS);
            }
        }
    }

    /// Handles the answer. A device without a usable bundle counts as having none for a while.
    pub(in crate::session) fn bundles_fetched(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        devices: &[Jid],
        waiting: Vec<Input>,
    ) {
        if let Some(code) = refusal(node) {
            return self.question_refused(unit, code, waiting);
        }
        let now = unit.now.mono_ms;
        let list = node.child("list");
        for device in devices {
            let of_device = |user: &&Node| user.attr_jid("jid").as_ref() == Some(device);
            let user = list.and_then(|list| list.children_named("user").find(of_device));
            let bundle = user.filter(|user| user.child("error").is_none());
            let bundle = bundle.and_then(|user| read_bundle(user, None));
            match bundle.filter(|_| self.bundles.held.len() < HELD_MAX) {
                Some(bundle) => {
                    self.bundles.held.insert(device.address(), bundle);
                }
                None => {
                    self.bundles
                        .barren
                        .insert(device.address(), now + BARREN_MS);
                }
            }
        }
        self.wake(unit, waiting);
    }
}
