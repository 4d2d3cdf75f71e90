//! An in-memory ledger that can inject faults, and connections whose other end is the test.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex};

use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{Notify, mpsc};

use crate::appstate::blob::Reference;
use crate::clock::{Entropy, Surroundings, SystemClock};
use crate::crypto::random::Random;
use crate::engine::ledger::{AccountStore, AccountStoreError, Attempt, OpenSends};
use crate::engine::line::{Connector, Hello, Line, LineError};
use crate::ids::{Jid, MessageId};
use crate::session::account::Account;
use crate::session::changes::{Change, Event, EventBody};
use crate::session::pairing::DeviceKeys;
use crate::session::pairing::device_identity::AdvIdentity;
use crate::session::rows::{Row, RowKey};
use crate::wire::node::Node;

/// What the next call of a fake ledger does.
#[derive(Debug)]
pub(super) enum Fault {
    Fail(AccountStoreError),
    /// Applies the changes, but reports an unknown outcome.
    Lose,
    Panic,
}

#[derive(Debug, Default)]
struct State {
    account: Option<Account>,
    rows: HashMap<RowKey, Row>,
    events: Vec<Event>,
    faults: VecDeque<Fault>,
    open: Vec<crate::session::rows::OutboxRow>,
    /// The last changes were applied, but their outcome was reported as unknown.
    lost: bool,
    /// A text that no change may contain.
    unwelcome: Option<&'static str>,
    /// A message whose row cannot be read.
    unreadable: Option<MessageId>,
    loads: u32,
}

/// Rows in memory; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Memory {
    state: Arc<Mutex<State>>,
    changed: Arc<Notify>,
    /// Commits wait while the test holds this lock.
    gate: Arc<tokio::sync::Mutex<()>>,
}

impl Memory {
    pub(super) fn with_account() -> Self {
        let memory = Self::default();
        memory.state.lock().unwrap().account = Some(account());
        memory
    }

    pub(super) fn fail_next(&self, faults: impl IntoIterator<Item = Fault>) {
        self.state.lock().unwrap().faults.extend(faults);
    }

    /// Returns the number of events, without those about the link itself.
    pub(super) fn events(&self) -> usize {
        let state = self.state.lock().unwrap();
        let of_link = |event: &&Event| matches!(event.body, EventBody::State { .. });
        state.events.len() - state.events.iter().filter(of_link).count()
    }

    /// Returns the events for applications.
    pub(super) fn told(&self) -> Vec<EventBody> {
        let state = self.state.lock().unwrap();
        state
            .events
            .iter()
            .map(|event| event.body.clone())
            .collect()
    }

    /// Refuses changes that contain this text, except as raw bytes.
    pub(super) fn refuse(&self, text: &'static str) {
        self.state.lock().unwrap().unwelcome = Some(text);
    }

    /// Adds a message to send whose row cannot be read.
    pub(super) fn spoil(&self, id: MessageId) {
        self.state.lock().unwrap().unreadable = Some(id);
        self.changed.notify_one();
    }

    pub(super) fn row(&self, key: &RowKey) -> Option<Row> {
        self.state.lock().unwrap().rows.get(key).cloned()
    }

    pub(super) fn loads(&self) -> u32 {
        self.state.lock().unwrap().loads
    }

    pub(super) fn ended(&self) -> bool {
        let state = self.state.lock().unwrap();
        state
            .account
            .as_ref()
            .is_some_and(|account| account.ended.is_some())
    }

    /// Blocks all commits until the returned guard is dropped.
    pub(super) async fn hold_commits(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.gate).lock_owned().await
    }

    fn apply(&self, changes: &[Change]) -> i64 {
        let mut state = self.state.lock().unwrap();
        for change in changes {
            match change {
                Change::Put(key, row) => drop(state.rows.insert(key.clone(), row.clone())),
                Change::Delete(key) => drop(state.rows.remove(key)),
                Change::Event(event) => state.events.push((**event).clone()),
                Change::Update(update) => {
                    if let (Some(ended), Some(account)) = (&update.ended, &mut state.account) {
                        account.ended.clone_from(ended);
                    }
                }
                _ => (),
            }
        }
        i64::try_from(state.events.len()).unwrap()
    }
}

impl AccountStore for Memory {
    async fn check(&self) -> Result<(), AccountStoreError> {
        let fault = self.state.lock().unwrap().faults.pop_front();
        match fault {
            Some(Fault::Fail(error)) => Err(error),
            Some(Fault::Panic) => panic!("asked for by the test"),
            Some(Fault::Lose) => Err(AccountStoreError::Unavailable(String::from("asked for"))),
            None => Ok(()),
        }
    }

    async fn account(&self) -> Result<Option<Account>, AccountStoreError> {
        let mut state = self.state.lock().unwrap();
        state.loads += 1;
        Ok(state.account.clone())
    }

    async fn read(&self, keys: &[RowKey]) -> Result<Vec<(RowKey, Option<Row>)>, AccountStoreError> {
        let state = self.state.lock().unwrap();
        let unreadable = state.unreadable.clone().map(RowKey::Outbox);
        if unreadable.is_some_and(|unreadable| keys.contains(&unreadable)) {
            return Err(AccountStoreError::Refused(String::from("unreadable")));
        }
        Ok(keys
            .iter()
            .map(|key| (key.clone(), state.rows.get(key).cloned()))
            .collect())
    }

    async fn commit(&self, attempt: Attempt, changes: &[Change]) -> Result<i64, AccountStoreError> {
        let _open = self.gate.lock().await;
        let unwelcome = self.state.lock().unwrap().unwelcome;
        let is_unwelcome = |change: &Change| match change {
            Change::Event(event) if matches!(event.body, EventBody::Refused { .. }) => false,
            change => unwelcome.is_some_and(|text| format!("{change:?}").contains(text)),
        };
        if changes.iter().any(is_unwelcome) {
            return Err(AccountStoreError::Refused(String::from("unwelcome")));
        }
        let fault = self.state.lock().unwrap().faults.pop_front();
        match fault {
            Some(Fault::Fail(error)) => Err(error),
            Some(Fault::Panic) => panic!("asked for by the test"),
            Some(Fault::Lose) => {
                self.apply(changes);
                self.state.lock().unwrap().lost = true;
                Err(AccountStoreError::Unknown)
            }
            None => {
                let lost = std::mem::take(&mut self.state.lock().unwrap().lost);
                match attempt {
                    Attempt::Again if lost => Ok(0),
                    _ => Ok(self.apply(changes)),
                }
            }
        }
    }

    async fn open_sends(&self, cursor: i64, limit: u32) -> Result<OpenSends, AccountStoreError> {
        let state = self.state.lock().unwrap();
        let skip = usize::try_from(cursor).unwrap();
        let limit = usize::try_from(limit).unwrap();
        let rows: Vec<_> = state.open.iter().skip(skip).take(limit).cloned().collect();
        let cursor = cursor + i64::try_from(rows.len()).unwrap();
        let failed = |id: &MessageId| state.rows.contains_key(&RowKey::Outbox(id.clone()));
        let unreadable = state.unreadable.clone().filter(|id| !failed(id));
        Ok(OpenSends {
            unreadable: unreadable.into_iter().collect(),
            more: rows.len() == limit,
            rows,
            cursor,
        })
    }

    fn older(&self, _: u32) {}

    async fn outbox_changed(&self) {
        self.changed.notified().await;
    }
}

/// The test's end of one connection.
pub(super) struct Peer {
    pub(super) hello: Hello,
    to_client: mpsc::UnboundedSender<Vec<Node>>,
    from_client: mpsc::UnboundedReceiver<Node>,
}

impl Peer {
    pub(super) fn say(&self, node: Node) {
        self.to_client.send(vec![node]).unwrap();
    }

    /// Sends like `say`, but ignores a closed connection.
    pub(super) fn try_say(&self, node: Node) {
        let _ = self.to_client.send(vec![node]);
    }

    /// Returns the next stanza that is not an `iq`; answers each `iq` on the way.
    pub(super) async fn hear(&mut self) -> Option<Node> {
        loop {
            let node = self.from_client.recv().await?;
            if node.tag != "iq" {
                return Some(node);
            }
            let answer = Node::new("iq")
                .attr("type", "result")
                .attr("from", Jid::server());
            let answer = answer.attr("id", node.value("id").unwrap().clone());
            let count = Node::new("count").attr("value", "500");
            let _ = self.to_client.send(vec![answer.with_child(count)]);
        }
    }

    /// Returns all stanzas received so far, requests included.
    pub(super) fn heard(&mut self) -> Vec<Node> {
        std::iter::from_fn(|| self.from_client.try_recv().ok()).collect()
    }

    /// Accepts the login and waits until it is complete.
    pub(super) async fn accept(&mut self) {
        self.say(Node::new("success").attr("t", "1700000000"));
        while self.hear().await.unwrap().tag != "presence" {}
    }
}

/// Hands the other end of each connection to the test.
#[derive(Clone, Debug)]
pub(super) struct Lines {
    peers: mpsc::UnboundedSender<Peer>,
}

impl Lines {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Peer>) {
        let (peers, accepted) = mpsc::unbounded_channel();
        (Self { peers }, accepted)
    }
}

impl std::fmt::Debug for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Peer")
    }
}

impl Connector for Lines {
    fn fetch(&self, _: Reference) -> impl Future<Output = Option<Vec<u8>>> + Send + 'static {
        std::future::ready(None)
    }

    type Line = Wire;

    async fn dial(&self, hello: &Hello) -> Result<Wire, LineError> {
        let (to_client, receive) = mpsc::unbounded_channel();
        let (send, from_client) = mpsc::unbounded_channel();
        let peer = Peer {
            hello: hello.clone(),
            to_client,
            from_client,
        };
        self.peers
            .send(peer)
            .map_err(|_| LineError::Down(String::from("no test")))?;
        Ok(Wire { receive, send })
    }
}

/// The client's end of one connection.
pub(super) struct Wire {
    receive: mpsc::UnboundedReceiver<Vec<Node>>,
    send: mpsc::UnboundedSender<Node>,
}

impl Line for Wire {
    async fn receive(&mut self) -> Result<Vec<Node>, LineError> {
        self.receive
            .recv()
            .await
            .ok_or_else(|| LineError::Down(String::from("gone")))
    }

    async fn send(&mut self, nodes: &[Node]) -> Result<(), LineError> {
        for node in nodes {
            let sent = self.send.send(node.clone());
            sent.map_err(|_| LineError::Down(String::from("gone")))?;
        }
        Ok(())
    }

    async fn close(self) {}
}

struct Seeded;

impl Entropy for Seeded {
    fn random(&self) -> Box<dyn Random + Send> {
        Box::new(StdRng::seed_from_u64(7))
    }
}

pub(super) fn surroundings() -> Surroundings {
    Surroundings {
        clock: Arc::new(SystemClock::start()),
        entropy: Arc::new(Seeded),
    }
}

fn account() -> Account {
    let keys = DeviceKeys::generate(&mut StdRng::seed_from_u64(1));
    Account {
        jid: Jid::user("4915112345621").with_device(7),
        lid: None,
        registration_id: keys.registration_id,
        noise: keys.noise,
        identity: keys.identity,
        signed_pre_key: keys.signed_pre_key,
        adv_secret: keys.adv_secret,
        adv: AdvIdentity {
            details: Vec::new(),
            account_signature: [0; 64],
            account_signature_key: [0; 32],
            device_signature: [0; 64],
        },
        platform: String::new(),
        business_name: String::new(),
        push_name: String::new(),
        next_pre_key_id: 1_000,
        routing_info: None,
        ended: None,
    }
}
