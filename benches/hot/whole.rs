//! A message through the session, and a unit of work through the store.

use std::collections::HashMap;

use criterion::{BatchSize, Criterion};
use rand::rngs::StdRng;
use tokio::runtime::Runtime;
use wmctl::engine::room::ACCOUNT_BYTES_MAX;
use wmctl::ids::{HostId, Jid, TenantId};
use wmctl::secret::Secret;
use wmctl::session::account::Account;
use wmctl::session::changes::{Change, EventBody};
use wmctl::session::config::ClientConfig;
use wmctl::session::input::{Input, Now};
use wmctl::session::machine::Session;
use wmctl::session::messages::content;
use wmctl::session::output::Output;
use wmctl::session::pairing::DeviceKeys;
use wmctl::session::pairing::device_identity::AdvIdentity;
use wmctl::session::rows::{Row, RowKey, Rows};
use wmctl::session::unit::Context;
use wmctl::signal::padding;
use wmctl::signal::ratchet::Ratchet;
use wmctl::signal::sealed::Kind;
use wmctl::store::lease::Host;
use wmctl::store::{Owner, Store};
use wmctl::wire::node::Node;

use super::pieces::{chance, stanza, talking};

/// A logged-in session with the rows that its store would hold, and a contact that writes to it.
struct Chat {
    session: Session,
    rows: Rows,
    store: HashMap<RowKey, Row>,
    rng: StdRng,
    contact: Jid,
    ratchet: Ratchet,
    written: u32,
}

fn account(keys: &DeviceKeys) -> Account {
    Account {
        jid: Jid::user("4915112345678").with_device(7),
        lid: None,
        registration_id: keys.registration_id,
        noise: keys.noise.clone(),
        identity: keys.identity.clone(),
        signed_pre_key: keys.signed_pre_key.clone(),
        adv_secret: Secret::new([0; 32]),
        adv: AdvIdentity {
            details: Vec::new(),
            account_signature: [0; 64],
            account_signature_key: [0; 32],
            device_signature: [0; 64],
        },
        platform: String::from("android"),
        business_name: String::new(),
        push_name: String::from("Account"),
        next_pre_key_id: 1,
        routing_info: None,
        ended: None,
    }
}

impl Chat {
    fn new() -> Self {
        let mut rng = chance();
        let keys = DeviceKeys::generate(&mut rng);
        let (theirs, ours) = talking(&keys, &mut rng);
        let contact = Jid::user("4915112345600").with_device(0);
        let record = Row::Record(ours.encode());
        let mut chat = Self {
            session: Session::new(account(&keys), ClientConfig::default()),
            rows: Rows::default(),
            store: HashMap::from([(RowKey::Ratchet(contact.address()), record)]),
            rng,
            contact,
            ratchet: theirs,
            written: 0,
        };
        chat.take(Input::LinkUp);
        chat.take(Input::Node(Node::new("success").attr("t", "1760000000")));
        chat
    }

    /// Returns the contact's next message.
    fn message(&mut self) -> Input {
        self.written += 1;
        let text = content::text(&format!("message {}", self.written));
        let padded = padding::pad(&text, &mut self.rng);
        let sealed = self.ratchet.encrypt(&padded).unwrap();
        assert_eq!(sealed.kind, Kind::Message);
        let id = format!("3EB0{:016X}", self.written);
        Input::Node(stanza(&self.contact, &id, "msg", &sealed.bytes))
    }

    /// Feeds one input to the session as the engine does, without a database.
    fn take(&mut self, input: Input) -> Output {
        loop {
            let wants = self.session.wants(&input, &self.rows);
            if wants.is_empty() {
                break;
            }
            let found = |key: RowKey| (key.clone(), self.store.get(&key).cloned());
            self.rows.load(wants.into_iter().map(found));
        }
        let mut out = Output::default();
        let now = Now {
            mono_ms: u64::from(self.written),
            unix_ms: 1_760_000_000_000,
        };
        let mut cx = Context {
            now,
            rng: &mut self.rng,
        };
        self.session
            .handle(&mut cx, input, &mut self.rows, &mut out);
        for change in &out.changes {
            if let Change::Put(key, row) = change {
                self.store.insert(key.clone(), row.clone());
            }
        }
        self.rows.settle(ACCOUNT_BYTES_MAX);
        out
    }
}

/// Measures a decoded stanza up to its changes, event, ack and receipt.
pub(crate) fn incoming(criterion: &mut Criterion) {
    let mut chat = Chat::new();
    let message = chat.message();
    let out = chat.take(message);
    let is_message = |change: &Change| match change {
        Change::Event(event) => matches!(event.body, EventBody::Message(_)),
        _ => false,
    };
    assert!(out.changes.iter().any(is_message), "{out:?}");
    let chat = std::cell::RefCell::new(chat);
    criterion.bench_function("session/one message in", |bench| {
        bench.iter_batched(
            || chat.borrow_mut().message(),
            |message| chat.borrow_mut().take(message),
            BatchSize::NumIterations(100),
        );
    });
}

/// Measures the commits of incoming messages to a file: one transaction each, and many in one.
pub(crate) fn commits(criterion: &mut Criterion) {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("wmctl.db").display());
    let mut chat = Chat::new();
    let tenant: TenantId = "acme".parse().unwrap();
    let owner = Owner {
        tenant: tenant.clone(),
        jid: chat.session.account().jid.clone(),
    };
    let paired = Change::Paired(Box::new(chat.session.account().clone()));
    let (store, lease) = runtime.block_on(async {
        let store = Store::open(&url.parse().unwrap()).await.unwrap();
        store.migrate(1).await.unwrap();
        let host = Host {
            id: HostId::from_random([1; 16]),
            name: String::from("bench"),
            pid: 1,
            silence: None,
        };
        store.register(&host, 1).await.unwrap();
        let lease = store.claim(&tenant, host.id, 2).await.unwrap();
        store.commit(&lease, &owner, &[paired]).await.unwrap();
        (store, lease)
    });
    let mut group = criterion.benchmark_group("sqlite");
    for messages in [1, 64] {
        let mut changes = || {
            let many = (0..messages).flat_map(|_| {
                let message = chat.message();
                chat.take(message).changes
            });
            many.collect::<Vec<Change>>()
        };
        group.throughput(criterion::Throughput::Elements(messages));
        group.bench_function(format!("a unit of {messages} messages"), |bench| {
            bench.iter_batched(
                &mut changes,
                |changes| {
                    runtime
                        .block_on(store.commit(&lease, &owner, &changes))
                        .unwrap()
                },
                BatchSize::NumIterations(16),
            );
        });
    }
    group.finish();
    runtime.block_on(store.close());
}
