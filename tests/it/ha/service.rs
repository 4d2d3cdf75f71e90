//! What the service manager hears.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use tokio::time::Instant;

use crate::support::program::PATIENCE;
use crate::support::stage::Stage;

/// The service manager's end of its socket.
struct Manager(UnixDatagram);

impl Manager {
    /// Waits for a message with `wanted` in it; the messages before it.
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
    // The socket blocks: it is read beside the runtime.
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
