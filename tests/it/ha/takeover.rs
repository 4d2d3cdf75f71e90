//! Real processes, real databases, and what becomes of the traffic.

use std::time::Duration;

use serde_json::Value;
use tokio::process::Command;
use tokio::time::Instant;
use wmctl::ops::ledger::Violations;

use crate::support::number;
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::stage::Stage;

/// A process that says nothing for this long is taken for dead (milliseconds).
const TIMEOUT_MS: &str = "1500";
const TIMEOUT: Duration = Duration::from_millis(1_500);
/// Messages a second, each way.
const RATE: u32 = 40;
/// Four times what a takeover may take once the leader is known to be gone.
const TAKEOVER_MAX: Duration = Duration::from_secs(2);

/// Two processes and the traffic between rounds.
struct Pair {
    stage: Stage,
    leader: Program,
    standby: Program,
    put_in: u32,
    took: Vec<Duration>,
    _server: Option<Postgres>,
}

fn role(wanted: &'static str) -> impl Fn(&Value) -> bool {
    move |line| line["type"] == "role" && line["role"] == wanted
}

fn connected(line: &Value) -> bool {
    line["type"] == "status" && line["state"] == "connected"
}

fn start(stage: &Stage) -> Program {
    stage
        .wmctl
        .start(&["run", "--ha", "--ha-timeout", TIMEOUT_MS])
}

async fn signal(program: &Program, name: &str) {
    let id = program.id().unwrap().to_string();
    let sent = Command::new("kill").args([name, &id]).status().await;
    assert!(sent.unwrap().success());
}

impl Pair {
    async fn start(server: Option<Postgres>, messages: u32) -> Self {
        let url = server.as_ref().map(|server| {
            server.create("wm");
            server.url("wm")
        });
        let stage = Stage::set_on(url.as_deref()).await;
        let mut leader = start(&stage);
        leader.expect("the leader", role("leader")).await;
        leader.expect("its connection", connected).await;
        let mut standby = start(&stage);
        standby.expect("the standby", role("standby")).await;
        stage.start_chats(messages, RATE).await;
        Self {
            stage,
            leader,
            standby,
            put_in: 0,
            took: Vec::new(),
            _server: server,
        }
    }

    /// Puts messages in, so that each fault meets traffic.
    async fn put_in(&mut self, count: u32) {
        for _ in 0..count {
            self.stage.put_in().await;
        }
        self.put_in += count;
    }

    /// Waits until the standby leads and is connected; it is the leader from now on.
    async fn taken_over(&mut self, since: Instant, at_most: Duration) {
        self.standby.expect("the new leader", role("leader")).await;
        let took = since.elapsed();
        assert!(took < at_most, "the takeover took {took:?}");
        self.took.push(took);
        self.standby.expect("its connection", connected).await;
    }

    /// The old leader is gone: another process stands by.
    async fn replace_dead(&mut self) {
        let mut fresh = start(&self.stage);
        fresh.expect("a new standby", role("standby")).await;
        self.leader = std::mem::replace(&mut self.standby, fresh);
    }

    /// Everything has come to its end; both stop in an orderly way.
    async fn settled(mut self, messages: u32, what: &str) {
        let violations = self.stage.settled(messages).await;
        assert_eq!(violations, Violations::default(), "{what}");
        let journal = self.stage.sim.journal().await.unwrap();
        // One more than takeovers: pairing ends with a restart of the stream.
        let ended = journal
            .iter()
            .filter(|entry| entry.tag == "stream:error")
            .count();
        assert!(
            ended <= self.took.len() + 1,
            "{what}: {ended} streams ended"
        );
        self.took.sort();
        let middle = self.took.get(self.took.len() / 2);
        #[expect(clippy::print_stderr, reason = "the figures of a soak")]
        let () = eprintln!(
            "{what}: {} takeovers, median {middle:?}, longest {:?}",
            self.took.len(),
            self.took.last()
        );
        for process in [&mut self.standby, &mut self.leader] {
            process.terminate().await;
            assert_eq!(process.ended().await.code(), Some(0), "{what}");
        }
    }
}

async fn kills(server: Option<Postgres>, what: &str) {
    let rounds = number("WMCTL_HA_ROUNDS", 3);
    let messages = 40 * rounds;
    let mut pair = Pair::start(server, messages).await;
    for _ in 0..rounds {
        pair.put_in(20).await;
        let since = Instant::now();
        pair.leader.kill().await;
        pair.taken_over(since, TAKEOVER_MAX).await;
        pair.replace_dead().await;
    }
    pair.settled(messages, what).await;
}

#[tokio::test]
async fn a_killed_leader_is_replaced_on_postgresql() {
    kills(Some(Postgres::start()), "SIGKILL, PostgreSQL").await;
}

#[tokio::test]
async fn a_killed_leader_is_replaced_on_sqlite() {
    kills(None, "SIGKILL, SQLite").await;
}

/// The leader hangs for longer than the timeout, and comes back to find that it may not write.
async fn stops(server: Option<Postgres>, what: &str) {
    let rounds = number("WMCTL_HA_ROUNDS", 3).min(20);
    let messages = 60 * rounds;
    let embedded = server.is_none();
    let mut pair = Pair::start(server, if embedded { 0 } else { messages }).await;
    for _ in 0..rounds {
        pair.put_in(20).await;
        if embedded {
            // Whoever hangs in the middle of a write keeps the file from everybody.
            pair.stage.settled(0).await;
        }
        let since = Instant::now();
        signal(&pair.leader, "-STOP").await;
        pair.taken_over(since, TIMEOUT * 2 + TAKEOVER_MAX).await;
        signal(&pair.leader, "-CONT").await;
        pair.leader.expect("it was fenced", role("fenced")).await;
        pair.leader.expect("it stands by", role("standby")).await;
        std::mem::swap(&mut pair.leader, &mut pair.standby);
    }
    let messages = if embedded { 0 } else { messages };
    pair.settled(messages, what).await;
}

#[tokio::test]
async fn a_leader_that_hangs_is_fenced_on_postgresql() {
    stops(Some(Postgres::start()), "SIGSTOP, PostgreSQL").await;
}

#[tokio::test]
async fn a_leader_that_hangs_is_fenced_on_sqlite() {
    stops(None, "SIGSTOP, SQLite").await;
}

#[tokio::test]
async fn a_short_hang_changes_nothing() {
    let messages = 60;
    let mut pair = Pair::start(Some(Postgres::start()), messages).await;
    pair.put_in(10).await;
    signal(&pair.leader, "-STOP").await;
    // Shorter than the timeout: the standby must not move.
    tokio::time::sleep(TIMEOUT / 3).await;
    signal(&pair.leader, "-CONT").await;
    pair.put_in(10).await;
    let violations = pair.stage.settled(messages).await;
    assert_eq!(violations, Violations::default());
    assert!(pair.standby.heard(role("leader")).is_empty());
    pair.settled(messages, "short SIGSTOP").await;
}

#[tokio::test]
async fn an_orderly_stop_hands_over() {
    let rounds = number("WMCTL_HA_ROUNDS", 3);
    let messages = 40 * rounds;
    let mut pair = Pair::start(Some(Postgres::start()), messages).await;
    for _ in 0..rounds {
        pair.put_in(20).await;
        let since = Instant::now();
        pair.leader.terminate().await;
        pair.taken_over(since, TAKEOVER_MAX).await;
        assert_eq!(pair.leader.ended().await.code(), Some(0));
        pair.replace_dead().await;
    }
    pair.settled(messages, "SIGTERM").await;
}

#[tokio::test]
async fn a_restarted_server_costs_nothing() {
    for mode in ["fast", "immediate"] {
        let messages = 80;
        let mut pair = Pair::start(Some(Postgres::start()), messages).await;
        pair.put_in(20).await;
        pair._server.as_ref().unwrap().restart(mode);
        pair.put_in(20).await;
        // Whichever of them leads in the end, everything arrives once.
        let violations = pair.stage.settled(messages).await;
        assert_eq!(violations, Violations::default(), "{mode}");
        let tookover = pair.standby.heard(role("leader")).len();
        assert_eq!(tookover, 0, "{mode}: the leader keeps its account");
        pair.settled(messages, mode).await;
    }
}

#[tokio::test]
async fn the_end_of_the_locks_session_costs_no_message() {
    let messages = 60;
    let mut pair = Pair::start(Some(Postgres::start()), messages).await;
    pair.put_in(20).await;
    let server = pair._server.as_ref().unwrap();
    server.sql(
        "wm",
        "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted",
    );
    let since = Instant::now();
    pair.taken_over(since, TAKEOVER_MAX).await;
    pair.leader.expect("it was fenced", role("fenced")).await;
    std::mem::swap(&mut pair.leader, &mut pair.standby);
    pair.put_in(20).await;
    pair.settled(messages, "lock session killed").await;
}

#[tokio::test]
async fn a_lease_that_is_taken_away_goes_to_the_standby() {
    let messages = 40;
    let mut pair = Pair::start(Some(Postgres::start()), messages).await;
    pair.put_in(20).await;
    let locks = pair.stage.wmctl.done(&["lock-status", "--json"]).await;
    let locks: Value = serde_json::from_str(&locks).unwrap();
    let lock = &locks["items"][0];
    let fields = [&lock["state"], &lock["liveness"], &lock["waiting"]];
    assert_eq!(
        fields,
        [&Value::from("held"), &Value::from("lock"), &Value::from(1)]
    );
    let check = pair.stage.wmctl.output(&["lock-status", "--check"]).await;
    assert_eq!(check.status.code(), Some(0));
    let release = ["lock-status", "--release", "default", "--yes"];
    let since = Instant::now();
    pair.stage.wmctl.done(&release).await;
    // Either of them may be first; the epoch has risen in any case.
    let violations = pair.stage.settled(messages).await;
    assert_eq!(violations, Violations::default());
    let after = pair
        .stage
        .wmctl
        .done(&["lock-status", "default", "--json"])
        .await;
    let after: Value = serde_json::from_str(&after).unwrap();
    let epoch = |lock: &Value| lock["epoch"].as_i64().unwrap();
    assert!(epoch(lock) + 2 <= epoch(&after["items"][0]), "{after}");
    pair.took.push(since.elapsed());
    pair.took.push(since.elapsed());
    pair.settled(messages, "lease taken away").await;
}
