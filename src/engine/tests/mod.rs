//! Actors against a server in the test, with paused time: nothing that depends on a commit happens
//! before it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::actor::{Actor, ActorDeps, COMMANDS_MAX, Stopped};
use super::gate::SendGate;
use super::ledger::AccountStoreError;
use super::room::CacheBudget;
use super::status::Status;
use super::stop::Stop;
use super::supervisor;
use crate::ids::{Jid, MessageId};
use crate::metrics::Meter;
use crate::session::account::Ended;
use crate::session::changes::{AccountState, Change, EventBody};
use crate::session::config::ClientConfig;
use crate::session::input::Input;
use crate::session::rows::{OutboxState, Row, RowKey};
use crate::wire::encode::encode;
use crate::wire::node::Node;

use fakes::{Fault, Lines, Memory, Peer};

mod fakes;

/// Longer than any wait of an actor, under paused time.
const LONG: Duration = Duration::from_secs(600);

/// Panics if a message event contains the trigger text. Only unit tests have this function.
pub(super) fn panic_if_asked(changes: &[Change]) {
    let asks = |change: &Change| match change {
        Change::Event(event) => match &event.body {
            EventBody::Message(message) => message.text.as_deref() == Some("panic, please"),
            _ => false,
        },
        _ => false,
    };
    assert!(!changes.iter().any(asks), "asked for by a test");
}

struct World {
    memory: Memory,
    peers: mpsc::UnboundedReceiver<Peer>,
    stop: Stop,
    lease_lost: CancellationToken,
    status: watch::Receiver<Status>,
    _commands: mpsc::Sender<Input>,
    actor: JoinSet<Stopped>,
}

impl World {
    fn start() -> Self {
        let memory = Memory::with_account();
        let (lines, peers) = Lines::new();
        let (status, statuses) = watch::channel(Status::new(0));
        let (send_command, commands) = mpsc::channel(COMMANDS_MAX);
        let (stop, lease_lost) = (Stop::new(), CancellationToken::new());
        let actor = Actor::new(ActorDeps {
            ledger: memory.clone(),
            dial: lines,
            surroundings: fakes::surroundings(),
            config: ClientConfig::default(),
            stop: stop.clone(),
            lease_lost: lease_lost.clone(),
            gate: SendGate::open(),
            status,
            commands,
            histories: Arc::new(Semaphore::new(1)),
            room: CacheBudget::default().share(),
            meter: Meter::default(),
        });
        let mut tasks = JoinSet::new();
        let asked = stop.clone();
        tasks.spawn(async move { supervisor::keep(Box::new(actor), &asked).await });
        Self {
            memory,
            peers,
            stop,
            lease_lost,
            status: statuses,
            _commands: send_command,
            actor: tasks,
        }
    }

    async fn peer(&mut self) -> Peer {
        timeout(LONG, self.peers.recv()).await.unwrap().unwrap()
    }

    async fn logged_in(&mut self) -> Peer {
        let mut peer = self.peer().await;
        peer.accept().await;
        peer
    }

    async fn ended(mut self) -> Stopped {
        timeout(LONG, self.actor.join_next())
            .await
            .unwrap()
            .unwrap()
            .unwrap()
    }

    async fn state(&mut self, wanted: AccountState) {
        let found = self.status.wait_for(|status| status.state == wanted);
        timeout(LONG, found).await.unwrap().unwrap();
    }
}

/// Returns a notification that becomes an event and an ack.
fn notification(id: &str) -> Node {
    notification_of(id, "4915100000")
}

fn notification_of(id: &str, user: &str) -> Node {
    let update = Node::new("update").attr("hash", "abcd");
    Node::new("notification")
        .attr("id", id)
        .attr("type", "devices")
        .attr("from", Jid::user(user))
        .attr("t", "1700000000")
        .with_child(update)
}

fn is_ack(node: &Node, id: &str) -> bool {
    node.tag == "ack" && node.attr_text("id").as_deref() == Some(id)
}

#[tokio::test(start_paused = true)]
async fn an_ack_waits_for_its_commit() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    let held = world.memory.hold_commits().await;
    peer.say(notification("n1"));
    tokio::time::sleep(Duration::from_secs(5)).await;
    // Only requests that belong to the login.
    let said = peer.heard();
    assert!(said.iter().all(|node| node.tag == "iq"), "{said:?}");
    drop(held);
    assert!(is_ack(&peer.hear().await.unwrap(), "n1"));
    assert_eq!(world.memory.events(), 1);
    world.stop.ask();
    assert_eq!(world.ended().await, Stopped::Asked);
}

#[tokio::test(start_paused = true)]
async fn waiting_stanzas_share_a_transaction() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    let held = world.memory.hold_commits().await;
    for id in ["n1", "n2", "n3", "n4"] {
        peer.say(notification(id));
    }
    tokio::time::sleep(Duration::from_millis(10)).await;
    // One fault hits the unit in progress, the other the unit with all remaining inputs.
    let error = || Fault::Fail(AccountStoreError::Unavailable(String::from("busy")));
    world.memory.fail_next([error(), error()]);
    drop(held);
    for id in ["n1", "n2", "n3", "n4"] {
        assert!(is_ack(&peer.hear().await.unwrap(), id), "{id}");
    }
    assert_eq!(world.memory.events(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_keeps_the_link_and_loses_nothing() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    let error = || Fault::Fail(AccountStoreError::Unavailable(String::from("away")));
    world
        .memory
        .fail_next(std::iter::repeat_with(error).take(6));
    peer.say(notification("n1"));
    world.state(AccountState::Stalled).await;
    assert!(is_ack(&peer.hear().await.unwrap(), "n1"));
    world.state(AccountState::Connected).await;
    assert_eq!((world.memory.events(), world.memory.loads()), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_long_outage_closes_the_link_and_starts_over_from_the_rows() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    let error = || Fault::Fail(AccountStoreError::Unavailable(String::from("away")));
    world
        .memory
        .fail_next(std::iter::repeat_with(error).take(80));
    let started = Instant::now();
    peer.say(notification("n1"));
    assert_eq!(peer.hear().await, None, "nothing is acknowledged");
    assert!(Duration::from_secs(14) < started.elapsed());
    let _again = world.logged_in().await;
    assert!(1 < world.memory.loads());
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_unknown_outcome_is_acknowledged_when_the_outcome_is_known() {
    let failed = || Fault::Fail(AccountStoreError::Unknown);
    let away = || Fault::Fail(AccountStoreError::Unavailable(String::from("away")));
    // Each case ends with a successful attempt.
    for faults in [
        vec![failed()],
        vec![Fault::Lose],
        vec![Fault::Lose, away()],
        vec![failed(), failed(), away(), failed()],
    ] {
        let mut world = World::start();
        let mut peer = world.logged_in().await;
        world.memory.fail_next(faults);
        peer.say(notification("n1"));
        world.state(AccountState::Stalled).await;
        assert!(is_ack(&peer.hear().await.unwrap(), "n1"));
        assert_eq!((world.memory.events(), world.memory.loads()), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn rows_that_changed_behind_the_session_are_loaded_again() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    world
        .memory
        .fail_next([Fault::Fail(AccountStoreError::Stale)]);
    peer.say(notification("n1"));
    assert_eq!(peer.hear().await, None);
    let mut again = world.logged_in().await;
    assert_eq!(world.memory.loads(), 2);
    again.say(notification("n1"));
    assert!(is_ack(&again.hear().await.unwrap(), "n1"));
}

/// A refused input is not lost: its bytes become an event, and other inputs continue.
#[tokio::test(start_paused = true)]
async fn what_the_database_does_not_take_becomes_an_event_and_stops_nothing() {
    let all = [("n1", "491"), ("n2", "492"), ("n3", "666"), ("n4", "494")];
    let node = |(id, user): (&str, &str)| notification_of(id, user);
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    world.memory.refuse("666");
    let held = world.memory.hold_commits().await;
    all.into_iter().for_each(|one| peer.say(node(one)));
    tokio::time::sleep(Duration::from_millis(10)).await;
    drop(held);
    // Stanzas that are not stored are not acked, and the server sends those again.
    let mut acked = Vec::new();
    for _ in 0..4 {
        while let Some(heard) = peer.hear().await {
            acked.extend(all.iter().filter(|(id, _)| is_ack(&heard, id)).copied());
            if acked.len() == all.len() {
                break;
            }
        }
        if acked.len() == all.len() {
            break;
        }
        peer = world.logged_in().await;
        let missing = all.iter().filter(|one| !acked.contains(*one));
        missing.for_each(|one| peer.say(node(*one)));
    }
    assert_eq!(acked, all.to_vec(), "each once, in order");
    let told = world.memory.told();
    let changed = |body: &&EventBody| matches!(body, EventBody::DevicesChanged { .. });
    assert_eq!(told.iter().filter(changed).count(), 3, "{told:?}");
    let refused: Vec<_> = told
        .iter()
        .filter_map(|body| match body {
            EventBody::Refused { payload, .. } => Some(payload.clone()),
            _ => None,
        })
        .collect();
    assert_eq!(refused, [encode(&node(all[2]))]);
    world.state(AccountState::Connected).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_row_cannot_be_read_fails_and_stops_nothing() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    let id: MessageId = "AB12".parse().unwrap();
    world.memory.spoil(id.clone());
    let failed = |memory: &Memory| match memory.row(&RowKey::Outbox(id.clone())) {
        Some(Row::Outbox(row)) => row.state == OutboxState::Failed,
        _ => false,
    };
    peer.try_say(notification("n1"));
    let mut acked = false;
    while !acked || !failed(&world.memory) {
        match peer.hear().await {
            Some(heard) => acked |= is_ack(&heard, "n1"),
            // Each refusal ends the link.
            None => {
                peer = world.logged_in().await;
                peer.try_say(notification("n1"));
            }
        }
    }
    let told = world.memory.told();
    let named = |body: &EventBody| match body {
        EventBody::Refused { id: Some(of), .. } => *of == id,
        _ => false,
    };
    assert_eq!(told.iter().filter(|body| named(body)).count(), 1);
}

/// A database that refuses everything: nothing is acked.
#[tokio::test(start_paused = true)]
async fn an_account_ends_whose_database_takes_not_even_the_bytes() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    let refused = || Fault::Fail(AccountStoreError::Refused(String::from("everything")));
    world
        .memory
        .fail_next(std::iter::repeat_with(refused).take(20));
    peer.say(notification("n1"));
    assert_eq!(peer.hear().await, None, "nothing is acknowledged");
    // Even the event that reports the connection is refused.
    let mut again = world.peer().await;
    again.say(Node::new("success").attr("t", "1700000000"));
    while again.hear().await.is_some() {}
    assert!(matches!(world.ended().await, Stopped::Broken(_)));
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_reload_too() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    world.memory.fail_next([Fault::Panic]);
    peer.say(notification("n1"));
    assert_eq!(peer.hear().await, None);
    let _again = world.logged_in().await;
    assert_eq!(world.memory.loads(), 2);
}

#[tokio::test(start_paused = true)]
async fn only_panics_that_are_close_to_each_other_count() {
    let mut world = World::start();
    for _ in 0..8 {
        let mut peer = world.logged_in().await;
        let quiet = async { while peer.hear().await.is_some() {} };
        let kept = timeout(Duration::from_secs(3_600), quiet).await;
        assert!(kept.is_err(), "the link was lost");
        world.memory.fail_next([Fault::Panic]);
        peer.say(notification("n1"));
        world.state(AccountState::Disconnected).await;
    }
    // The count of panics is not reset by a short time without one.
    for _ in 0..4 {
        let peer = world.logged_in().await;
        world.memory.fail_next([Fault::Panic]);
        peer.say(notification("n1"));
        world.state(AccountState::Disconnected).await;
    }
    assert!(matches!(world.ended().await, Stopped::Broken(_)));
}

#[tokio::test(start_paused = true)]
async fn a_lost_lease_ends_the_actor_at_once() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    world
        .memory
        .fail_next([Fault::Fail(AccountStoreError::LeaseLost)]);
    peer.say(notification("n1"));
    assert_eq!(peer.hear().await, None);
    assert_eq!(world.ended().await, Stopped::LeaseLost);

    let mut world = World::start();
    let _peer = world.logged_in().await;
    world.lease_lost.cancel();
    assert_eq!(world.ended().await, Stopped::LeaseLost);
}

#[tokio::test(start_paused = true)]
async fn being_replaced_waits_before_it_comes_back() {
    let mut world = World::start();
    let peer = world.logged_in().await;
    let conflict = Node::new("conflict").attr("type", "replaced");
    let replaced = Instant::now();
    peer.say(Node::new("stream:error").with_child(conflict));
    world.state(AccountState::Replaced).await;
    let _again = world.peer().await;
    assert!(Duration::from_secs(5) <= replaced.elapsed());
}

#[tokio::test(start_paused = true)]
async fn an_unlinked_device_stops_for_good_and_says_so_in_its_rows() {
    let mut world = World::start();
    let peer = world.peer().await;
    peer.say(Node::new("failure").attr("reason", "401"));
    let memory = world.memory.clone();
    assert!(matches!(
        world.ended().await,
        Stopped::Ended(Ended::LoggedOut { .. })
    ));
    assert!(memory.ended());
}

#[tokio::test(start_paused = true)]
async fn a_stop_is_heard_while_dialling_waiting_and_working() {
    let mut world = World::start();
    let mut peer = world.logged_in().await;
    peer.say(notification("n1"));
    assert!(is_ack(&peer.hear().await.unwrap(), "n1"));
    drop(peer);
    world.state(AccountState::Disconnected).await;
    world.stop.ask();
    assert_eq!(world.ended().await, Stopped::Asked);
}

#[tokio::test(start_paused = true)]
async fn the_device_says_who_it_is() {
    let mut world = World::start();
    let peer = world.peer().await;
    assert!(!peer.hello.payload.is_empty());
    assert_eq!(peer.hello.routing_info, None);
}
