//! `lock-status`: its report about two processes and their sessions, and the release of a lease.

use std::time::Duration;

use serde_json::Value;
use tokio::time::Instant;
use wmctl::rehearsal::audit::Violations;

use super::faults::hang_inside_a_transaction;
use super::figures::Fault;
use super::scene::{Scene, Setup, TIMEOUT, connected, role, signal};
use crate::support::program::Program;
use crate::support::stage::Stage;

const RELEASED: Fault = Fault::new("lock-status --release", 1_250);

/// With this timeout, a standby leads soon only if the holder's session is ended.
const PATIENT: Duration = Duration::from_secs(20);
/// End of the explanation why a standby waits while all is well.
const HELD: &str = " old and its lock is held";

async fn locks(stage: &Stage, arguments: &[&str]) -> Value {
    let arguments: Vec<&str> = ["lock-status", "--json"]
        .into_iter()
        .chain(arguments.iter().copied())
        .collect();
    let answer = stage.wmctl.output(&arguments).await;
    let text = String::from_utf8(answer.stdout).unwrap();
    let said = String::from_utf8_lossy(&answer.stderr);
    let value: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("{text}{said}"));
    value
}

fn codes(one: &Value) -> Vec<&str> {
    let problems = one["problems"].as_array();
    let problems = problems.into_iter().flatten();
    problems
        .map(|problem| problem["code"].as_str().unwrap())
        .collect()
}

/// Waits until the report about the only tenant is as wanted.
async fn says(stage: &Stage, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
    let since = Instant::now();
    loop {
        let found = locks(stage, &[]).await;
        if wanted(&found["items"][0]) {
            return found;
        }
        assert!(since.elapsed() < TIMEOUT * 8, "{what}: {found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pair_is_explained() {
    let scene = Scene::set(Setup::default(), 20).await;
    // Shortly after the server's start, the standby waits for another reason.
    let explained = |lock: &Value| {
        let why = lock["standing_by"].as_str().unwrap_or_default();
        why.starts_with("the leader's heartbeat is ") && why.ends_with(HELD)
    };
    let found = says(&scene.stage, "the standby is explained", explained).await;
    let lock = &found["items"][0];
    assert_eq!(lock["waiting"], 1, "{lock}");
    let pid = |program: &Program| u64::from(program.id().unwrap());
    assert_eq!(lock["state"], "held");
    assert_eq!(lock["pid"], pid(&scene.leader.run), "{lock}");
    assert_eq!(lock["timeout_s"], 1.5, "{lock}");
    let left = lock["deadline_s"].as_f64().unwrap();
    assert!((0.0..=1.5).contains(&left), "{lock}");
    assert_eq!(codes(lock), Vec::<&str>::new(), "{lock}");
    let session = &lock["session"];
    assert_eq!([&session["of"], &session["lock"]], ["holder", "tenant"]);
    let key = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
        AND classid = 22350 AND objid::bigint = hashtext('default')::bigint & 4294967295";
    let backend = scene.server().sql("wm", key);
    assert_eq!(backend.trim(), session["backend_pid"].to_string(), "{lock}");
    let waiter = &lock["waiters"][0];
    let process = waiter["process"].as_str().unwrap();
    assert!(
        process.ends_with(&format!("/{}", pid(&scene.standby.run))),
        "{lock}"
    );

    // The table for people contains the same facts, and fits into 100 columns.
    let table = ["lock-status", "default", "-o", "table"];
    let shown = scene.stage.wmctl.on_terminal((80, 24), true, &table[..2]);
    let (code, shown) = shown.ended().await;
    let fits = |line: &str| line.chars().count() <= 80;
    assert!(code == 0 && shown.lines().all(fits), "{code} {shown}");
    let table = scene.stage.wmctl.done(&table).await;
    for word in [backend.trim(), process, HELD, "22350"] {
        assert!(table.contains(word), "{word}: {table}");
    }

    // A foreign session with a key in our range is reported; our own sessions never are.
    assert_eq!(found["unknown"], Value::Array(Vec::new()), "{found}");
    let stranger = scene.server().held(
        "wm",
        "SELECT pg_advisory_lock_shared(22350, 7), pg_backend_pid()",
    );
    let found = locks(&scene.stage, &[]).await;
    let unknown = &found["unknown"][0];
    assert_eq!(
        unknown["lock_key"],
        serde_json::json!([22350, 7]),
        "{found}"
    );
    let text = unknown["problem"]["text"].as_str().unwrap();
    assert!(text.contains("an unknown session: backend pid"), "{text}");
    let check = scene.stage.wmctl.output(&["lock-status", "--check"]).await;
    assert_eq!(check.status.code(), Some(10));
    drop(stranger);
    scene.settled("a pair is explained").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_is_released_goes_to_the_standby_at_once() {
    let mut scene = Scene::set(Setup::default(), 80).await;
    says(&scene.stage, "one waits", |lock| lock["waiting"] == 1).await;
    scene.put_in(20).await;
    let refused = scene
        .stage
        .wmctl
        .output(&["lock-status", "--release", "default"])
        .await;
    assert_eq!(refused.status.code(), Some(2), "nobody can be asked");
    let since = Instant::now();
    let release = locks(&scene.stage, &["--release", "default", "--yes"]).await;
    assert_eq!(release["kind"], "LockRelease");
    assert_eq!(
        release["ended_backends"].as_array().unwrap().len(),
        1,
        "{release}"
    );
    assert_eq!(release["left"], Value::Array(Vec::new()), "{release}");
    let standby = scene.standby.run.id().unwrap();
    let holder = release["holder"].as_str().unwrap();
    assert!(holder.ends_with(&format!("/{standby}")), "{release}");
    scene.taken_over(since, &RELEASED).await;
    scene.changed_places().await;
    scene.put_in(10).await;
    scene.settled("lease released").await;
}

/// The holder hangs, and its open transaction keeps the lease row locked.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_taken_from_a_process_that_hangs_inside_a_transaction() {
    let setup = Setup {
        timeout: Some(PATIENT),
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 120).await;
    says(&scene.stage, "one waits", |lock| lock["waiting"] == 1).await;
    scene.put_in(20).await;
    // Only a unit of work locks the row.
    let locked = "SELECT count(*) FROM (SELECT 1 FROM wmctl_lease FOR UPDATE SKIP LOCKED) free";
    loop {
        hang_inside_a_transaction(&mut scene).await;
        if scene.server().sql("wm", locked).trim() == "0" {
            break;
        }
        signal(&scene.leader.run, "-CONT").await;
        scene.put_in(1).await;
    }
    let since = Instant::now();
    let release = locks(&scene.stage, &["--release", "default", "--yes"]).await;
    let took = since.elapsed();
    // The session with the lock, and the one with the open transaction, unless the server has ended
    // that one first, after two seconds.
    let ended = release["ended_backends"].as_array().unwrap().len();
    assert!((1..=2).contains(&ended), "{release}");
    assert_eq!(release["left"], Value::Array(Vec::new()), "{release}");
    let holder = release["holder"].as_str().unwrap();
    let standby = scene.standby.run.id().unwrap();
    assert!(holder.ends_with(&format!("/{standby}")), "{release}");
    assert!(took < PATIENT / 2, "{took:?}: {release}");
    scene.taken_over(since, &RELEASED).await;
    signal(&scene.leader.run, "-CONT").await;
    scene.changed_places().await;
    scene.put_in(10).await;
    scene.settled("lease taken from one that hangs").await;
}

/// Without the right to end sessions, the epoch still rises, and the report lists the sessions
/// left.
#[tokio::test(flavor = "multi_thread")]
async fn a_lease_is_released_without_the_right_to_end_sessions() {
    let mut scene = Scene::set(Setup::default(), 40).await;
    let before = says(&scene.stage, "one waits", |lock| lock["waiting"] == 1).await;
    scene.put_in(10).await;
    scene.server().sql(
        "wm",
        "CREATE ROLE helper LOGIN; GRANT ALL ON ALL TABLES IN SCHEMA public TO helper;
         INSERT INTO wmctl_role VALUES ('helper', '*')",
    );
    let mut wmctl = scene.stage.wmctl.clone();
    wmctl.set("WMCTL_DATABASE_URL", &scene.server().url_as("helper", "wm"));
    let release = ["lock-status", "--release", "default", "--yes", "--json"];
    let answer = wmctl.output(&release).await;
    let said = String::from_utf8_lossy(&answer.stderr);
    assert_eq!(answer.status.code(), Some(0), "{said}");
    let release: Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(
        release["ended_backends"],
        Value::Array(Vec::new()),
        "{release}"
    );
    let left = release["left"][0].as_str().unwrap();
    assert!(
        left.contains("this role may not end it: ") && said.contains(left),
        "{left}: {said}"
    );
    let epoch = |lock: &Value| lock["epoch"].as_i64().unwrap();
    assert!(
        epoch(&before["items"][0]) + 2 <= epoch(&release),
        "{release}"
    );
    // Either process may lead first.
    let violations = scene.stage.settled(scene.messages).await;
    assert_eq!(violations, Violations::default());
    scene.replaced += 2;
    scene.settled("released without the right").await;
}

/// A pooler may lend a session to other clients at any moment.
#[tokio::test(flavor = "multi_thread")]
async fn what_belongs_to_a_pooler_is_left_alone() {
    let setup = Setup {
        pooled: true,
        ..Setup::default()
    };
    let mut scene = Scene::set(setup, 40).await;
    let found = says(&scene.stage, "a lock", |lock| lock["session"].is_object()).await;
    let lock = &found["items"][0];
    assert_eq!(lock["session"]["of"], "pooler", "{lock}");
    assert_eq!(lock["timeout_s"], 1.5, "{lock}");
    assert_eq!(found["unknown"], Value::Array(Vec::new()), "{found}");
    scene.put_in(10).await;
    let release = locks(&scene.stage, &["--release", "default", "--yes"]).await;
    assert_eq!(
        release["ended_backends"],
        Value::Array(Vec::new()),
        "{release}"
    );
    let left = release["left"][0].as_str().unwrap();
    assert!(left.contains("a pooler's"), "{release}");
    scene.replaced += 2;
    scene.settled("released through a pooler").await;
}

/// On SQLite: the kernel knows which process holds the file lock.
#[tokio::test]
async fn a_file_says_who_holds_it() {
    let stage = Stage::set().await;
    let mut run = stage.wmctl.start(&["run", "--ha"]);
    run.expect("the leader", role("leader")).await;
    run.expect("its connection", connected).await;
    let found = locks(&stage, &[]).await;
    let lock = &found["items"][0];
    assert_eq!(lock["file_lock_pid"], run.id().unwrap(), "{lock}");
    assert_eq!([&lock["state"], &lock["liveness"]], ["held", "lock"]);
    assert!(0 < lock["beats"].as_i64().unwrap(), "{lock}");
    assert_eq!([&lock["session"], &lock["lock_key"]], [&Value::Null; 2]);
    // A leader on SQLite shows no problem, although no database session holds a lock.
    let for_a_while = |lock: &Value| 4 <= lock["held_s"].as_i64().unwrap();
    let found = says(&stage, "it has led for a while", for_a_while).await;
    assert_eq!(codes(&found["items"][0]), Vec::<&str>::new(), "{found}");
    run.terminate().await;
    assert!(run.ended().await.success());
    let found = locks(&stage, &[]).await;
    let lock = &found["items"][0];
    assert_eq!(
        [&lock["state"], &lock["file_lock_pid"]],
        [&Value::from("free"), &Value::Null]
    );
    assert_eq!(codes(lock), ["free"]);
}
