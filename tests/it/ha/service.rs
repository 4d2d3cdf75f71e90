//! The messages to the service manager.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tokio::task::block_in_place;
use tokio::time::Instant;

use super::scene::signal;
use crate::support::frozen::Frozen;
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::stage::Stage;

/// Longest time between two watchdog messages.
const WATCHDOG: Duration = Duration::from_millis(400);
const LOOK: Duration = Duration::from_millis(5);

/// The service manager's end of its socket.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits for a message that contains `wanted`. Returns the messages before it.
    fn hears(&self, wanted: &str) -> Vec<String> {
        let begun = Instant::now();
        let mut before = Vec::new();
        let mut bytes = [0; 4_096];
        loop {
            let length = self.0.recv(&mut bytes).unwrap_or_else(|error| {
                panic!("{wanted} was not said: {error}; before: {before:?}");
            });
            for line in String::from_utf8_lossy(&bytes[..length]).lines() {
                if line.contains(wanted) {
                    return before;
                }
                before.push(line.to_owned());
                assert!(
                    begun.elapsed() < PATIENCE,
                    "{wanted} was not said: {before:?}"
                );
            }
        }
    }
}

impl Manager {
    /// Returns true if no message comes within `time`, apart from those already received.
    fn hears_nothing(&self, time: Duration) -> bool {
        let mut bytes = [0; 4_096];
        self.0.set_nonblocking(true).unwrap();
        while self.0.recv(&mut bytes).is_ok() {}
        self.0.set_nonblocking(false).unwrap();
        self.0.set_read_timeout(Some(time)).unwrap();
        let silent = self.0.recv(&mut bytes).is_err();
        self.0.set_read_timeout(Some(PATIENCE)).unwrap();
        silent
    }
}

/// Stops a process by SIGSTOP, and waits until it has stopped.
async fn stopped(program: &Program) {
    signal(program, "-STOP").await;
    let path = format!("/proc/{}/stat", program.id().unwrap());
    let begun = Instant::now();
    // The state follows the name in brackets.
    while !std::fs::read_to_string(&path).unwrap().contains(") T ") {
        assert!(begun.elapsed() < PATIENCE, "it does not stop");
        tokio::time::sleep(LOOK).await;
    }
}

/// Watchdog messages continue while the database is unavailable, because a restart would not help.
/// They end while the process is stopped.
async fn the_watchdog_falls_silent(arguments: &[&str]) {
    let server = Postgres::start();
    server.create("wm");
    let mut stage = Stage::set_on(Some(&server.url("wm"))).await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    stage.wmctl.set("NOTIFY_SOCKET", path.to_str().unwrap());
    let allowed = WATCHDOG.as_micros().to_string();
    stage.wmctl.set("WATCHDOG_USEC", &allowed);
    let mut process = stage.wmctl.start(arguments);
    let alive = || manager.hears("WATCHDOG=1");
    block_in_place(|| {
        manager.hears("READY=1");
        alive();
        alive();
    });
    let frozen = Frozen::freeze(&server);
    // Messages already sent, and those of three watchdog intervals.
    block_in_place(|| (0..8).for_each(|_| drop(alive())));
    drop(frozen);
    stopped(&process).await;
    let silent = block_in_place(|| manager.hears_nothing(WATCHDOG * 3));
    assert!(silent, "{arguments:?} stands still and says that it works");
    signal(&process, "-CONT").await;
    block_in_place(|| {
        alive();
        alive();
    });
    process.terminate().await;
    block_in_place(|| manager.hears("STOPPING=1"));
    assert_eq!(process.ended().await.code(), Some(0), "{arguments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_of_one_account_falls_silent() {
    the_watchdog_falls_silent(&["run", "--ha", "--no-http"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watchdog_of_a_host_falls_silent() {
    the_watchdog_falls_silent(&["serve", "--no-http"]).await;
}

#[tokio::test]
async fn the_service_manager_hears_how_it_goes() {
    let mut stage = Stage::set().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notify");
    let manager = Manager(UnixDatagram::bind(&path).unwrap());
    manager.0.set_read_timeout(Some(PATIENCE)).unwrap();
    let run = ["run", "--ha", "--no-http"];
    let mut leader = stage.wmctl.start(&run);
    leader
        .expect("its connection", |line| line["state"] == "connected")
        .await;
    stage.wmctl.set("NOTIFY_SOCKET", path.to_str().unwrap());
    let watchdog_us = Duration::from_millis(200).as_micros().to_string();
    stage.wmctl.set("WATCHDOG_USEC", &watchdog_us);
    let mut standby = stage.wmctl.start(&run);
    let (mut manager, wait) = (manager, PATIENCE);
    // The socket blocks, so it is read outside the runtime.
    manager = tokio::task::spawn_blocking(move || {
        manager.hears("STATUS=standby behind ");
        manager.hears("READY=1");
        manager.hears("WATCHDOG=1");
        manager.hears("WATCHDOG=1");
        manager
    })
    .await
    .unwrap();
    leader.kill().await;
    manager = tokio::task::spawn_blocking(move || {
        let before = manager.hears(", connected since ");
        assert!(!before.iter().any(|line| line == "READY=1"), "{before:?}");
        manager
    })
    .await
    .unwrap();
    standby.terminate().await;
    tokio::task::spawn_blocking(move || manager.hears("STOPPING=1"))
        .await
        .unwrap();
    let ended = tokio::time::timeout(wait, standby.ended()).await;
    assert!(ended.unwrap().success());
}
