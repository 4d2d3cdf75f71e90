//! Device lists: requests to the server (usync) and the cache of its answers.
//!
//! Source: whatsmeow 33cfac51 `user.go` (`usync`).

use crate::ids::Jid;
use crate::session::input::Input;
use crate::session::keys::addresses::{self, plain};
use crate::session::link::requests::{Query, Request, refusal};
use crate::session::machine::Session;
use crate::session::rows::{DeviceList, Row, RowKey};
use crate::session::unit::{Lookup, WorkContext};
use crate::wire::node::Node;

/// Maximum number of devices read for one account. WhatsApp allows far fewer.
const DEVICES_MAX: usize = 64;
/// Maximum age of a device list in ms. A notification may have been missed.
const FRESH_MS: i64 = 24 * 3_600_000;
/// Maximum age of an empty list in ms. It means that the user is not registered, which may change.
const EMPTY_FRESH_MS: i64 = 60_000;
/// Wait in ms before a request is repeated that could not be sent or was not answered.
const ASK_PAUSE_MS: u64 = 5_000;
/// Maximum number of users in one request.
const USERS_MAX: usize = 512;

impl Session {
    /// Returns the devices of a user by their wire addresses; `None` if the server must be asked
    /// first.
    pub(in crate::session) fn devices(
        &self,
        lookup: &mut impl Lookup,
        user: &Jid,
    ) -> Option<Vec<Jid>> {
        let home = addresses::home(&self.account, lookup, user);
        let now = lookup.unix_ms();
        let Some(Row::Devices(list)) = lookup.row(&RowKey::Devices(home.clone())) else {
            return None;
        };
        let limit = if list.devices.is_empty() {
            EMPTY_FRESH_MS
        } else {
            FRESH_MS
        };
        let fresh = now.is_none_or(|now| (0..limit).contains(&(now - list.fetched_ms)));
        fresh.then(|| {
            list.devices
                .iter()
                .map(|(id, _)| addresses::device(user, *id))
                .collect()
        })
    }

    /// Requests the devices of these users. `input` is handled again after the answer.
    pub(in crate::session) fn ask_devices(
        &mut self,
        unit: &mut WorkContext<'_>,
        users: &[Jid],
        input: &Input,
    ) {
        let mut missing = Vec::new();
        for user in users {
            if !self
                .pending
                .join(input, |query| query.is_for_devices_of(user))
            {
                missing.push(plain(user));
            }
        }
        for users in missing.chunks(USERS_MAX) {
            let waiting = vec![input.clone()];
            let query = Query::Devices {
                users: users.to_vec(),
                waiting,
            };
            let request = Request::get("usync", vec![self.usync(users)]);
            if !self.ask(unit, query, request) {
                return self.put_off(unit, input.clone(), ASK_PAUSE_MS);
            }
        }
    }

    fn usync(&mut self, users: &[Jid]) -> Node {
        let list = users
            .iter()
            .map(|user| Node::new("user").attr("jid", user.clone()));
        let query = Node::new("query")
            .with_child(Node::new("devices").attr("version", "2"))
            .with_child(Node::new("lid"));
        Node::new("usync")
            .attr("sid", self.pending.next_id())
            .attr("mode", "query")
            .attr("last", "true")
            .attr("index", "0")
            .attr("context", "message")
            .with_child(query)
            .with_child(Node::new("list").with_children(list))
    }

    /// Requests the rows for an answer of the server.
    pub(in crate::session) fn want_answer(&self, lookup: &mut impl Lookup, node: &Node) {
        for (user, answer) in listed(node) {
            if let Some(lid) = lid_of(answer) {
                addresses::want_pair(lookup, &user, &lid);
            }
            addresses::home(&self.account, lookup, &user);
        }
        self.want_group(lookup, node);
        self.want_newest_key(lookup, node);
        // A refusal fails the sends that wait for the answer, so their rows are needed.
        let waiting = node
            .attr_text("id")
            .and_then(|id| self.pending.waiting_for(&id));
        for input in waiting.unwrap_or_default() {
            if let Input::Send(id) = input {
                lookup.row(&RowKey::Outbox(id.clone()));
            }
        }
    }

    /// Handles the answer to a device query: stores the lists and the address pairs.
    pub(in crate::session) fn devices_listed(
        &mut self,
        unit: &mut WorkContext<'_>,
        node: &Node,
        users: &[Jid],
        waiting: Vec<Input>,
    ) {
        if let Some(code) = refusal(node) {
            return self.question_refused(unit, code, waiting);
        }
        let mut silent: Vec<Jid> = users.to_vec();
        for (user, answer) in listed(node) {
            if let Some(lid) = lid_of(answer) {
                self.learn(unit, &user, &lid);
            }
            silent.retain(|asked| *asked != user);
            self.file_devices(unit, &user, read_list(answer));
        }
        for user in silent {
            self.file_devices(unit, &user, Vec::new());
        }
        self.wake(unit, waiting);
    }

    /// Stores a device list.
    fn file_devices(&mut self, unit: &mut WorkContext<'_>, user: &Jid, devices: Vec<(u16, u32)>) {
        let home = addresses::home(&self.account, unit, user);
        let list = DeviceList {
            devices,
            fetched_ms: unit.now.unix_ms,
        };
        unit.put(RowKey::Devices(home), Row::Devices(list));
    }

    /// Deletes a user's cached device list, so that it is fetched before the next send.
    pub(in crate::session) fn forget_devices(&mut self, unit: &mut WorkContext<'_>, user: &Jid) {
        let home = addresses::home(&self.account, unit, user);
        unit.delete(RowKey::Devices(home));
    }

    /// Handles an error response to a request that sends wait for.
    pub(in crate::session) fn question_refused(
        &mut self,
        unit: &mut WorkContext<'_>,
        code: u32,
        waiting: Vec<Input>,
    ) {
        for input in waiting {
            match input {
                Input::Send(id) if is_final(code) => {
                    self.fail_send(unit, &id, format!("server_{code}"));
                }
                // The requester will send its receipt again.
                Input::Node(_) if is_final(code) => (),
                input => self.put_off(unit, input, ASK_PAUSE_MS),
            }
        }
    }
}

/// Returns whether repeating the request is pointless.
fn is_final(code: u32) -> bool {
    (400..500).contains(&code) && code != 408 && code != 429
}

fn listed(node: &Node) -> impl Iterator<Item = (Jid, &Node)> {
    let list = node.child("usync").and_then(|usync| usync.child("list"));
    let users = list
        .into_iter()
        .flat_map(|list| list.children_named("user"));
    users.take(USERS_MAX).filter_map(|user| {
        let jid = user.attr_jid("jid").filter(Jid::is_account)?;
        Some((plain(&jid), user))
    })
}

fn lid_of(user: &Node) -> Option<Jid> {
    user.child("lid")?.attr_jid("val").filter(Jid::is_lid)
}

fn read_list(user: &Node) -> Vec<(u16, u32)> {
    let list = user
        .child("devices")
        .and_then(|devices| devices.child("device-list"));
    let devices = list
        .into_iter()
        .flat_map(|list| list.children_named("device"));
    let read = |device: &Node| {
        let id = u16::try_from(device.attr_u64("id")?).ok()?;
        let index = device
            .attr_u64("key-index")
            .and_then(|index| index.try_into().ok());
        // Companions without a key index are not signed by the phone and get no messages.
        (id == 0 || index.is_some()).then(|| (id, index.unwrap_or(0)))
    };
    devices.filter_map(read).take(DEVICES_MAX).collect()
}
