//! The faults of servers, on an SQLite file: disks that are full, slow, failing or read-only,
//! another process that locks the file, and flushes with an unknown outcome.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use tokio::time::Instant;
use wmctl::ops::logs;
use wmctl::rehearsal::audit::Moment;
use wmctl::sim::Breach;

use super::{RATE, Traffic, state};
use crate::support::disk::{Failing, FaultyDisk, SmallDisk};
use crate::support::http::{free_address, get_from};
use crate::support::program::{PATIENCE, Program};
use crate::support::stage::Stage;

/// How soon the state must report a fault. This is longer than a write waits for another process.
const NOTICE_MAX: Duration = Duration::from_secs(8);
/// How soon after the file is writable again the account must work.
const RECOVERY_MAX: Duration = Duration::from_secs(1);
/// The longest fault that the connection must survive.
const FAULT: Duration = Duration::from_secs(9);
/// A process without a heartbeat for this long is not a leader.
const SILENT_MAX: Duration = Duration::from_secs(20);
const HA_TIMEOUT_MS: &str = "2000";
const LOOK: Duration = Duration::from_millis(25);

/// A file in a folder of its own, on a disk that can fail.
struct File {
    disk: FaultyDisk,
    path: PathBuf,
    _folder: tempfile::TempDir,
}

impl File {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("wmctl.db");
        Self {
            disk: FaultyDisk::under(&path),
            path,
            _folder: folder,
        }
    }

    fn url(&self) -> String {
        url(&self.path)
    }
}

fn url(path: &Path) -> String {
    format!("sqlite:{}", path.display())
}

/// A write transaction of another process.
struct Locked(SqliteConnection);

impl Locked {
    async fn by_somebody(file: &File) -> Self {
        let options = SqliteConnectOptions::new().filename(&file.path);
        let mut other = SqliteConnection::connect_with(&options).await.unwrap();
        let began = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut other).await;
        began.unwrap();
        Self(other)
    }

    async fn end(mut self) {
        let ended = sqlx::raw_sql("ROLLBACK").execute(&mut self.0).await;
        ended.unwrap();
        self.0.close().await.unwrap();
    }
}

/// Runs the account on that disk, and returns its HTTP address.
async fn connect(file: &File, messages: u32, command: &str) -> (Traffic, SocketAddr) {
    let stage = Stage::set_on(Some(&file.url())).await;
    let http = free_address();
    let run = start(&stage, &file.disk, &[command], http);
    let traffic = Traffic::of(stage, run, messages).await;
    (traffic, http)
}

fn start(stage: &Stage, disk: &FaultyDisk, arguments: &[&str], http: SocketAddr) -> Program {
    let mut wmctl = stage.wmctl.clone();
    for (name, value) in disk.variables() {
        wmctl.set(name, &value);
    }
    let http = http.to_string();
    wmctl.start(&[arguments, &["--http", &http]].concat())
}

/// Waits until the state reports a fault, with its reason.
async fn stalls(traffic: &mut Traffic) {
    let since = Instant::now();
    let stalled = state("stalled");
    let stalled = traffic.run.expect("the stalled state", stalled).await;
    assert_eq!(stalled["reason"], "database");
    assert!(since.elapsed() < NOTICE_MAX, "{:?}", since.elapsed());
    let violations = traffic.stage.violations().await;
    assert!(violations.is_empty(), "{violations:#?}");
}

/// Waits until the account works again, soon after the end of a fault.
async fn recovers(traffic: &mut Traffic) {
    let since = Instant::now();
    let connected = state("connected");
    traffic.run.expect("the connected state", connected).await;
    let took = since.elapsed();
    assert!(took < RECOVERY_MAX, "back after {took:?}");
}

/// Waits until a path answers with a status code.
async fn answers(http: SocketAddr, path: &str, wanted: u16) {
    let since = Instant::now();
    loop {
        let (code, body) = get_from(http, path).await;
        if code == wanted {
            return;
        }
        assert!(since.elapsed() < SILENT_MAX, "{path}: {code} {body}");
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_everything_back_until_there_is_room() {
    // Declared first, so that the process ends before its disk.
    let disk = SmallDisk::mount(160);
    const ROUNDS: u32 = 3;
    let mut traffic = Traffic::connect(&url(&disk.path("wmctl.db")), 120).await;
    traffic.messages -= traffic.messages % ROUNDS;
    let logins = traffic.logins().await;
    for round in 1..=ROUNDS {
        traffic.put_in(round * 10).await;
        disk.fill();
        let share = traffic.messages / ROUNDS;
        traffic.stage.start_chats(share, RATE).await;
        stalls(&mut traffic).await;
        // The duration of the full disk is part of the fault.
        tokio::time::sleep(Duration::from_secs(2)).await;
        disk.empty();
        recovers(&mut traffic).await;
    }
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

/// Makes the disk fail repeatedly under the running account.
async fn survives(failing: Failing) {
    const ROUNDS: u32 = 3;
    let file = File::new();
    let (mut traffic, _) = connect(&file, 120, "run").await;
    let logins = traffic.logins().await;
    traffic.chats().await;
    for round in 1..=ROUNDS {
        traffic.put_in(round * 90 / ROUNDS).await;
        file.disk.set(failing);
        stalls(&mut traffic).await;
        // The duration of the failure is part of the fault.
        tokio::time::sleep(Duration::from_secs(1)).await;
        file.disk.set(Failing::No);
        recovers(&mut traffic).await;
    }
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_fail_cost_nothing() {
    survives(Failing::Writes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_without_room_cost_nothing() {
    survives(Failing::Room).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_system_that_becomes_read_only_costs_nothing() {
    survives(Failing::ReadOnly).await;
}

/// Whether such a commit is in the file is unknown.
#[tokio::test(flavor = "multi_thread")]
async fn flushes_that_fail_are_not_carried_out_twice() {
    survives(Failing::Flushes).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_costs_only_time() {
    let file = File::new();
    let (mut traffic, _) = connect(&file, 60, "run").await;
    let logins = traffic.logins().await;
    file.disk.set(Failing::Slow);
    traffic.chats().await;
    let since = Instant::now();
    traffic.stage.put_in().await;
    while traffic.stage.ledger().await.sent.is_empty() {
        assert!(since.elapsed() < PATIENCE, "nothing goes out");
        tokio::time::sleep(LOOK).await;
    }
    // Otherwise the disk was not slow at all.
    let took = since.elapsed();
    assert!(Duration::from_millis(400) < took, "sent after {took:?}");
    while since.elapsed() < Duration::from_secs(4) {
        traffic.stage.put_in().await;
        let violations = traffic.stage.violations().await;
        assert!(violations.is_empty(), "{violations:#?}");
    }
    file.disk.set(Failing::No);
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

/// Another process writes for as long as WhatsApp waits.
#[tokio::test(flavor = "multi_thread")]
async fn the_link_outlives_a_locked_file() {
    let file = File::new();
    let (mut traffic, _) = connect(&file, 120, "run").await;
    let logins = traffic.logins().await;
    traffic.chats().await;
    traffic.put_in(40).await;
    let locked = Locked::by_somebody(&file).await;
    let since = Instant::now();
    stalls(&mut traffic).await;
    tokio::time::sleep_until(since + FAULT).await;
    locked.end().await;
    recovers(&mut traffic).await;
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

/// Without any traffic, a process that cannot write must still report that it is not ready and does
/// not lead.
async fn says_that_it_is_cut_off(command: &str) {
    let file = File::new();
    let (mut traffic, http) = connect(&file, 8, command).await;
    for path in ["/ready", "/readyz", "/leader", "/health", "/live"] {
        answers(http, path, 200).await;
    }
    let logins = traffic.logins().await;
    file.disk.set(Failing::Writes);
    for path in ["/ready", "/readyz", "/leader", "/health"] {
        answers(http, path, 503).await;
    }
    let (_, health) = get_from(http, "/health").await;
    let health: Value = serde_json::from_str(&health).unwrap();
    let database = &health["components"]["database"];
    assert_eq!(database["status"], "failing", "{health}");
    let error = database["error"].as_str().unwrap();
    assert!(error.contains("heartbeat"), "{health}");
    // A new process could not write either, so this one stays alive.
    answers(http, "/live", 200).await;
    file.disk.set(Failing::No);
    for path in ["/ready", "/readyz", "/leader", "/health"] {
        answers(http, path, 200).await;
    }
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.chats().await;
    traffic.put_in(100).await;
    let violations = traffic.stage.settled(traffic.messages).await;
    assert!(violations.is_empty(), "{violations:#?}");
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_account_says_that_its_file_cannot_be_written() {
    says_that_it_is_cut_off("run").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_host_says_that_its_file_cannot_be_written() {
    says_that_it_is_cut_off("serve").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_cannot_write_does_not_lead_beside_the_next_one() {
    let file = File::new();
    let stage = Stage::set_on(Some(&file.url())).await;
    let arguments = ["run", "--ha", "--ha-timeout", HA_TIMEOUT_MS];
    let http = free_address();
    let run = start(&stage, &file.disk, &arguments, http);
    let mut traffic = Traffic::of(stage, run, 60).await;
    // The disk of the standby works.
    let other = free_address().to_string();
    let arguments = [&arguments[..], &["--http", &other]].concat();
    let mut standby = traffic.stage.wmctl.start(&arguments);
    let role = |wanted| move |line: &Value| line["type"] == "role" && line["role"] == wanted;
    standby.expect("a standby", role("standby")).await;
    traffic.chats().await;
    traffic.put_in(30).await;
    answers(http, "/leader", 200).await;
    file.disk.set(Failing::Writes);
    standby.expect("the new leader", role("leader")).await;
    for path in ["/leader", "/ready", "/readyz"] {
        let (code, body) = get_from(http, path).await;
        assert_eq!(code, 503, "{path}: {body}");
    }
    standby.expect("its connection", state("connected")).await;
    file.disk.set(Failing::No);
    let run = &mut traffic.run;
    run.expect("it was fenced", role("fenced")).await;
    run.expect("it stands by", role("standby")).await;
    answers(http, "/readyz", 200).await;
    traffic.put_in(100).await;
    let violations = traffic.stage.settled(traffic.messages).await;
    assert!(violations.is_empty(), "{violations:#?}");
    for mut process in [traffic.run, standby] {
        process.terminate().await;
        assert!(process.ended().await.success());
    }
}

/// Messages come in, and nobody can write for longer than a process may go unheard: then it neither
/// leads nor takes traffic, and acknowledges nothing.
async fn stands_back_while_the_file_is_locked(command: &[&str]) {
    let file = File::new();
    let stage = Stage::set_on(Some(&file.url())).await;
    let http = free_address();
    let run = start(&stage, &file.disk, command, http);
    let mut traffic = Traffic::of(stage, run, 120).await;
    traffic.put_in(30).await;
    let locked = Locked::by_somebody(&file).await;
    traffic.chats().await;
    for path in ["/ready", "/readyz", "/leader", "/health"] {
        answers(http, path, 503).await;
    }
    answers(http, "/live", 200).await;
    let ledger = traffic.stage.ledger().await;
    let violations = ledger.violations(Moment::Killed);
    assert!(violations.is_empty(), "{violations:#?}");
    assert!(ledger.events.len() < ledger.received.len(), "{ledger:?}");
    locked.end().await;
    for path in ["/ready", "/readyz", "/leader", "/health"] {
        answers(http, path, 200).await;
    }
    traffic.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_stands_back_while_its_file_is_locked() {
    stands_back_while_the_file_is_locked(&["run"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_stands_back_while_its_file_is_locked() {
    let command = ["run", "--ha", "--ha-timeout", HA_TIMEOUT_MS];
    stands_back_while_the_file_is_locked(&command).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_stands_back_while_its_file_is_locked() {
    stands_back_while_the_file_is_locked(&["serve"]).await;
}

/// A crash in traffic, and somebody who tidies up beside the file: its rows are older than what was
/// sent. No key is used again, and nothing is missing that was not acknowledged before.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone_after_a_crash_costs_only_what_was_in_it() {
    let file = File::new();
    let (mut traffic, _) = connect(&file, 120, "run").await;
    traffic.chats().await;
    traffic.put_in(50).await;
    let part = traffic.messages as usize / 3;
    while traffic.stage.ledger().await.events.len() < part {
        tokio::time::sleep(LOOK).await;
    }
    // The log stays where it is as long as somebody has it open.
    traffic.stage.let_go().await;
    traffic.run.kill().await;
    let beside = |suffix: &str| PathBuf::from(format!("{}{suffix}", file.path.display()));
    assert!(0 < std::fs::metadata(beside("-wal")).unwrap().len());
    for suffix in ["-wal", "-shm"] {
        std::fs::remove_file(beside(suffix)).unwrap();
    }
    traffic.stage.take_up().await;
    let before = traffic.stage.ledger().await;
    let acked: BTreeSet<String> = before.acked.into_iter().collect();
    traffic.run = traffic.stage.wmctl.start(&["run"]);
    let connected = state("connected");
    traffic.run.expect("the connected state", connected).await;
    let put = traffic.stage.put() as usize;
    traffic.put_in(100).await;
    let mut progress = (0, Instant::now());
    loop {
        let ledger = traffic.stage.ledger().await;
        let done = ledger.events.len() + ledger.read.len();
        if progress.0 < done {
            progress = (done, Instant::now());
        }
        let told: BTreeSet<&String> = ledger.events.iter().map(|(id, _)| id).collect();
        let missing = |(id, _): &&(String, String)| !acked.contains(id) && !told.contains(id);
        let missing: Vec<_> = ledger.received.iter().filter(missing).collect();
        let read: BTreeSet<&String> = ledger.read.iter().map(|(_, id, _)| id).collect();
        let unread = |(id, _): &&(String, String)| !read.contains(id);
        let unread: Vec<_> = ledger.outbox[put..].iter().filter(unread).collect();
        let all = ledger.received.len() == traffic.messages as usize;
        if all && missing.is_empty() && unread.is_empty() {
            assert_eq!(told.len(), ledger.events.len(), "an event twice");
            // A message that the older rows still have as queued leaves again, with a new key.
            let mut breaches = ledger.breaches;
            breaches.retain(|breach| !matches!(breach, Breach::OtherCiphertext { .. }));
            assert!(breaches.is_empty(), "{breaches:#?}");
            break;
        }
        let quiet = progress.1.elapsed();
        assert!(quiet < PATIENCE, "{missing:?} {unread:?}");
        tokio::time::sleep(LOOK).await;
    }
    let log = logs::current(traffic.stage.app()).await.unwrap();
    let mark = log.and_then(|log| log.mark);
    assert!(
        ["unit", "log"].contains(&mark.as_deref().unwrap_or("none")),
        "{mark:?}"
    );
    let said = traffic.stage.wmctl.log();
    assert!(
        said.contains("the database is older than what was sent from it"),
        "{said}"
    );
    traffic.run.terminate().await;
    assert!(traffic.run.ended().await.success());
}
