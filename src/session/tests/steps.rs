//! Single steps: ordered login, the server's link stanzas, and notifications.

use rand::rngs::StdRng;

use super::{at, chance};
use crate::ids::Jid;
use crate::session::account::{Account, Ended};
use crate::session::changes::{AccountState, Change, EventBody};
use crate::session::config::ClientConfig;
use crate::session::input::Input;
use crate::session::machine::{Phase, Session};
use crate::session::output::{Close, Notice, Output};
use crate::session::pairing::DeviceKeys;
use crate::session::pairing::device_identity::AdvIdentity;
use crate::session::rows::{Addressing, GroupInfo, Participant, Row, RowKey, Rows};
use crate::session::unit::Context;
use crate::wire::node::Node;

pub(super) struct Bench {
    pub(super) session: Session,
    rows: Rows,
    /// Rows in the store; all others are absent.
    stored: Vec<(RowKey, Row)>,
    rng: StdRng,
    now: u64,
}

impl Bench {
    pub(super) fn new() -> Self {
        let mut rng = chance(1);
        let keys = DeviceKeys::generate(&mut rng);
        let account = Account {
            jid: Jid::user("15550001").with_device(2),
            lid: Some(Jid::lid("90001").with_device(2)),
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
            push_name: String::from("Ann"),
            next_pre_key_id: 1,
            routing_info: None,
            ended: None,
        };
        Self {
            session: Session::new(account, ClientConfig::default()),
            rows: Rows::default(),
            stored: Vec::new(),
            rng,
            now: 0,
        }
    }

    /// Returns a logged-in session with enough pre-keys on the server.
    pub(super) fn ready() -> Self {
        Self::new().logged_in(success())
    }

    /// Returns the same for an account whose LID is unknown.
    pub(super) fn without_lid() -> Self {
        let mut bench = Self::new();
        bench.session.account.lid = None;
        bench.logged_in(Node::new("success").attr("t", "1760000000"))
    }

    fn logged_in(self, success: Node) -> Self {
        let mut bench = self;
        bench.feed(Input::LinkUp);
        let out = bench.node(success);
        let out = bench.counted(&out, "100");
        bench.answer(&out, Node::new("none"));
        assert_eq!(bench.session.phase(), Phase::Ready);
        bench
    }

    /// The server says how many pre-keys there are, and nothing else of them.
    pub(super) fn counted(&mut self, out: &Output, count: &'static str) -> Output {
        assert_eq!(tags(out), ["digest"]);
        let out = self.answer(out, Node::new("none"));
        assert_eq!(tags(&out), ["count"]);
        self.answer(&out, Node::new("count").attr("value", count))
    }

    pub(super) fn feed(&mut self, input: Input) -> Output {
        loop {
            let wants = self.session.wants(&input, &self.rows);
            if wants.is_empty() {
                break;
            }
            let stored = &self.stored;
            let find = |key: &RowKey| stored.iter().find(|(known, _)| known == key);
            let found = |key: RowKey| {
                let row = find(&key).map(|(_, row)| row.clone());
                (key, row)
            };
            self.rows.load(wants.into_iter().map(found));
        }
        let mut out = Output::default();
        let mut cx = Context {
            now: at(self.now),
            rng: &mut self.rng,
        };
        self.session
            .handle(&mut cx, input, &mut self.rows, &mut out);
        out
    }

    /// Puts a row into the store.
    pub(super) fn store(&mut self, key: RowKey, row: Row) {
        self.stored.push((key, row));
    }

    /// Evicts a row, so that it is loaded again.
    pub(super) fn forget(&mut self, key: &RowKey) {
        self.rows.forget(key);
    }

    /// Runs an input and all inputs that it queues. Returns everything as one output.
    pub(super) fn run(&mut self, input: Input) -> Output {
        let mut whole = Output::default();
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let mut out = self.feed(input);
            whole.changes.append(&mut out.changes);
            whole.transmit.append(&mut out.transmit);
            whole.notices.append(&mut out.notices);
            whole.fetches.append(&mut out.fetches);
            whole.close = whole.close.or(out.close);
            whole.beside = out.beside.or(whole.beside);
            inputs.append(&mut out.again);
        }
        whole
    }

    /// Runs an input at a later time.
    pub(super) fn run_at(&mut self, now: u64, input: Input) -> Output {
        self.now = now;
        self.run(input)
    }

    /// Answers the last request in `out`, and runs the queued inputs.
    pub(super) fn answer_all(&mut self, out: &Output, child: Node) -> Output {
        let requests = out.transmit.iter().rev();
        let mut requests = requests.filter(|node| node.tag == "iq");
        let request = requests.next().unwrap();
        let id = request.attr_text("id").unwrap().into_owned();
        let answer = Node::new("iq").attr("type", "result").attr("id", id);
        self.run(Input::Node(answer.with_child(child)))
    }

    pub(super) fn node(&mut self, node: Node) -> Output {
        self.feed(Input::Node(node))
    }

    /// Answers the last request in `out`.
    pub(super) fn answer(&mut self, out: &Output, child: Node) -> Output {
        let request = out
            .transmit
            .iter()
            .rev()
            .find(|node| node.tag == "iq")
            .unwrap();
        let id = request.attr_text("id").unwrap().into_owned();
        let answer = Node::new("iq").attr("type", "result").attr("id", id);
        self.node(answer.with_child(child))
    }

    pub(super) fn tick_at(&mut self, now: u64) -> Output {
        self.now = now;
        self.feed(Input::Tick)
    }
}

fn success() -> Node {
    Node::new("success")
        .attr("t", "1760000000")
        .attr("lid", Jid::lid("90001"))
}

fn tags(out: &Output) -> Vec<String> {
    let inner = |node: &Node| node.children().first().map(|child| child.tag.clone());
    out.transmit
        .iter()
        .map(|node| inner(node).unwrap_or_else(|| node.tag.clone()))
        .collect()
}

#[test]
fn login_uploads_keys_and_is_reported_only_when_the_server_counts_us_as_active() {
    let mut bench = Bench::new();
    bench.feed(Input::LinkUp);
    let out = bench.node(success());
    // A bare LID does not replace the one with our device.
    assert!(
        !out.changes
            .iter()
            .any(|change| matches!(change, Change::Update(_)))
    );

    let out = bench.counted(&out, "0");
    let Some(Change::NewPreKeys(keys)) = out.changes.first() else {
        panic!("{:?}", out.changes);
    };
    assert_eq!((keys.len(), keys[0].id, keys[811].id), (812, 1, 812));
    let list = out.transmit[0].child("list").unwrap();
    assert_eq!(list.children().len(), 812);

    let out = bench.answer(&out, Node::new("none"));
    assert_eq!(out.changes, [Change::PreKeysUploaded { up_to: 812 }]);
    assert_eq!(tags(&out), ["active"]);
    assert!(out.notices.is_empty());

    let out = bench.answer(&out, Node::new("none"));
    assert_eq!(out.notices[0], Notice::LoggedIn);
    assert_eq!(tags(&out), ["unified_session", "presence"]);
    assert!(out.transmit[1].attr_is("name", "Ann"));
}

/// What the server has of our keys: the device's own, and one-time keys with these ids.
fn digest(account: &Account, ids: &[u32]) -> Node {
    let ids = ids
        .iter()
        .map(|id| Node::new("id").bytes(id.to_be_bytes()[1..].to_vec()));
    Node::new("digest")
        .with_child(Node::new("identity").bytes(account.identity.public.0.to_vec()))
        .with_child(crate::session::keys::prekeys::signed(
            &account.signed_pre_key,
        ))
        .with_child(Node::new("list").with_children(ids))
        .with_child(Node::new("hash").bytes(vec![0; 20]))
}

/// Logs in with the pre-keys before `next`, and is told what the server has.
fn told(next: u32, ids: &[u32], other_device: bool) -> Output {
    let mut bench = Bench::new();
    bench.session.account.next_pre_key_id = next;
    for back in 1..=50 {
        let id = (next - 1 + 0xFF_FFFE - back) % 0xFF_FFFE + 1;
        let private = crate::secret::Secret::new([7; 32]);
        let uploaded = true;
        let row = Row::PreKey(crate::session::rows::PreKeyRow { private, uploaded });
        bench.store(RowKey::PreKey(id), row);
    }
    let mut keys = bench.session.account().clone();
    if other_device {
        keys.signed_pre_key.id += 1;
    }
    bench.feed(Input::LinkUp);
    let out = bench.node(success());
    let digest = digest(&keys, ids);
    bench.answer(&out, digest)
}

#[test]
fn the_server_tells_what_the_rows_lack() {
    let enough = [50, 51, 52, 53, 54, 55, 56];
    let few = [55, 56];
    // Above what comes next, also where ids start over.
    for (next, ids, ahead) in [
        (100, &[60, 61, 130, 140][..], Some(140)),
        (100, &[99, 100], Some(100)),
        (100, &[95, 96, 97, 98, 99], None),
        (0xFF_FFF0, &[0xFF_FFEE, 3, 9], Some(9)),
        (5, &[0xFF_FFFE, 1, 2, 3, 4], None),
    ] {
        let out = told(next, ids, false);
        let older = ahead.map(|pre_key| Close::Older { pre_key });
        assert_eq!(out.close, older, "{next} {ids:?}");
        assert!(out.changes.is_empty(), "nothing is made of it");
    }
    let again = [Notice::KeysRenewed];
    for (next, ids, other, asked, notices) in [
        (100, &enough[..], false, "active", &[][..]),
        // It has few left.
        (100, &few, false, "registration", &[]),
        (100, &[], false, "registration", &[]),
        // Another signed key.
        (100, &enough, true, "registration", &again),
        // The newest is none of ours: the rows are of before it, and begin behind it.
        (1_100, &enough, false, "registration", &again),
    ] {
        let out = told(next, ids, other);
        assert_eq!(tags(&out), [asked], "{next} {ids:?}");
        assert_eq!(out.notices, notices, "{next} {ids:?}");
        assert_eq!(out.close, None);
    }
}

#[test]
fn keys_are_compared_once_after_they_were_loaded() {
    let mut bench = Bench::ready();
    bench.feed(Input::LinkDown);
    bench.feed(Input::LinkUp);
    let out = bench.node(success());
    assert_eq!(tags(&out), ["count"]);
}

#[test]
fn a_login_that_is_not_answered_starts_over() {
    let mut bench = Bench::new();
    bench.feed(Input::LinkUp);
    let out = bench.tick_at(30_000);
    assert_eq!(
        out.close,
        Some(Close::Retry {
            reason: "login_unanswered"
        })
    );
    let mut bench = Bench::new();
    bench.feed(Input::LinkUp);
    let out = bench.node(success());
    bench.answer(&out, Node::new("none"));
    let out = bench.tick_at(30_000);
    assert_eq!(
        out.close,
        Some(Close::Retry {
            reason: "login_unanswered"
        })
    );
}

#[test]
fn a_server_that_says_nothing_of_keys_is_asked_how_many_there_are() {
    let mut bench = Bench::new();
    bench.feed(Input::LinkUp);
    bench.node(success());
    let out = bench.tick_at(30_000);
    assert!(tags(&out).contains(&String::from("count")), "{out:?}");
    assert_eq!(out.close, None);
}

#[test]
fn a_silent_link_is_given_up() {
    let mut bench = Bench::ready();
    let ping_at = bench.session.wake_at().unwrap();
    let out = bench.tick_at(ping_at);
    assert_eq!(tags(&out), ["ping"]);
    let out = bench.tick_at(ping_at + 15_000);
    assert_eq!(
        out.close,
        Some(Close::Retry {
            reason: "keep_alive"
        })
    );
}

#[test]
fn ends_are_recorded_and_rows_stay() {
    let check = |node: Node, state: AccountState| {
        let out = Bench::ready().node(node);
        let recorded = out.changes.iter().any(|change| match change {
            Change::Event(event) => {
                matches!(&event.body, EventBody::State { state: told, .. } if *told == state)
            }
            _ => false,
        });
        assert!(recorded, "{state:?}");
        assert!(
            !out.changes
                .iter()
                .any(|change| matches!(change, Change::Delete(_)))
        );
        out
    };
    let conflict =
        |kind: &str| Node::new("stream:error").with_child(Node::new("conflict").attr("type", kind));
    let failure = |reason: &str| Node::new("failure").attr("reason", reason);
    let out = check(conflict("replaced"), AccountState::Replaced);
    assert_eq!(out.close, Some(Close::Replaced));
    let out = check(conflict("device_removed"), AccountState::LoggedOut);
    assert!(matches!(
        out.close,
        Some(Close::Ended(Ended::LoggedOut { .. }))
    ));
    check(failure("403"), AccountState::LoggedOut);
    check(failure("402"), AccountState::Banned);
    let out = check(failure("405"), AccountState::Outdated);
    assert_eq!(out.close, Some(Close::Ended(Ended::Outdated)));
}

#[test]
fn logging_out_ends_the_account() {
    let mut bench = Bench::ready();
    let out = bench.feed(Input::Logout);
    assert_eq!(tags(&out), ["remove-companion-device"]);
    let out = bench.answer(&out, Node::new("none"));
    assert!(out.notices.contains(&Notice::LogoutDone));
    assert!(matches!(
        out.close,
        Some(Close::Ended(Ended::LoggedOut { .. }))
    ));
}

fn notification(kind: &str, from: Jid, child: Node) -> Node {
    Node::new("notification")
        .attr("from", from)
        .attr("type", kind)
        .attr("id", "n1")
        .attr("t", "1760000001")
        .with_child(child)
}

#[test]
fn few_keys_are_refilled_once() {
    let mut bench = Bench::ready();
    let low = || {
        notification(
            "encrypt",
            Jid::server(),
            Node::new("count").attr("value", "2"),
        )
    };
    let out = bench.node(low());
    assert_eq!(tags(&out), ["registration", "ack"]);
    assert!(matches!(&out.changes[..], [Change::NewPreKeys(keys)] if keys.len() == 50));
    assert_eq!(tags(&bench.node(low())), ["ack"]);
}

#[test]
fn an_account_that_was_set_up_anew_loses_its_ratchets() {
    let mut bench = Bench::ready();
    let (pn, lid) = (Jid::user("15550002"), Jid::lid("90002"));
    bench.stored = vec![
        (RowKey::LidOf(pn.clone()), Row::User(lid.clone())),
        (RowKey::PnOf(lid.clone()), Row::User(pn.clone())),
        (RowKey::Ratchet(lid.address()), Row::Record(vec![1])),
        (RowKey::Ratchet(pn.address()), Row::Record(vec![2])),
        (RowKey::Identity(lid.address()), Row::Identity([3; 32])),
    ];
    let out = bench.node(notification("encrypt", pn.clone(), Node::new("identity")));
    for key in [
        RowKey::Ratchet(lid.address()),
        RowKey::Ratchet(pn.address()),
    ] {
        assert!(out.changes.contains(&Change::Delete(key)));
    }
    assert!(
        out.changes
            .contains(&Change::Delete(RowKey::Identity(lid.address())))
    );
    assert!(out.transmit[0].tag == "ack");
}

#[test]
fn group_changes_are_applied_and_leavers_cost_the_sender_key() {
    let member = |user: &str| Participant {
        jid: Jid::lid(user),
        pn: None,
        lid: Some(Jid::lid(user)),
        admin: false,
    };
    let group = Jid::group("123");
    let mut bench = Bench::ready();
    let info = GroupInfo {
        subject: String::from("old"),
        addressing: Addressing::Lid,
        participants: vec![member("90001"), member("90002")],
        fetched_ms: 1,
    };
    bench.stored = vec![(RowKey::Group(group.clone()), Row::Group(info))];
    let listed = |tag: &str, user: &str| {
        Node::new(tag).with_child(Node::new("participant").attr("jid", Jid::lid(user)))
    };
    let mut number = 0;
    let mut change = |child: Node| {
        number += 1;
        let mut node = notification("w:gp2", group.clone(), child);
        node.set_attr("id", number.to_string());
        bench.node(node)
    };
    let participants = |out: &Output| {
        out.changes.iter().find_map(|change| match change {
            Change::Put(RowKey::Group(_), Row::Group(info)) => Some(
                info.participants
                    .iter()
                    .map(|one| one.jid.user.clone())
                    .collect::<Vec<_>>(),
            ),
            _ => None,
        })
    };
    let out = change(listed("add", "90003"));
    assert_eq!(participants(&out).unwrap(), ["90001", "90002", "90003"]);
    let out = change(listed("remove", "90002"));
    assert_eq!(participants(&out).unwrap(), ["90001", "90003"]);
    let gone = Change::Delete(RowKey::SenderKeyShare(group.clone()));
    assert!(out.changes.contains(&gone));
    let out = change(Node::new("subject").attr("subject", "new"));
    let renamed = |change: &Change| match change {
        Change::Put(_, Row::Group(info)) => info.subject == "new",
        _ => false,
    };
    assert!(out.changes.iter().any(renamed));
    let out = change(Node::new("something_new"));
    let unsure = |change: &Change| match change {
        Change::Put(_, Row::Group(info)) => info.fetched_ms == 0,
        _ => false,
    };
    assert!(out.changes.iter().any(unsure));
}
