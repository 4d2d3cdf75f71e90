//! Slow and full disks under the server.

use std::process::Command;
use std::time::Duration;

use tokio::time::Instant;

use super::{Traffic, state};
use crate::support::disk::{SmallDisk, open_to_all};
use crate::support::postgres::{Postgres, Setup};

/// A library that delays every flush to the disk while a file exists.
const SLOW_DISK: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <unistd.h>
#include <stdlib.h>
#include <time.h>
static void wait_a_while(void) {
    const char *file = getenv("SLOW_DISK");
    if (file && access(file, F_OK) == 0) {
        struct timespec time = {0, 400 * 1000 * 1000};
        nanosleep(&time, 0);
    }
}
int fsync(int fd) {
    wait_a_while();
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fsync"))(fd);
}
int fdatasync(int fd) {
    wait_a_while();
    return ((int (*)(int)) dlsym(RTLD_NEXT, "fdatasync"))(fd);
}
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_disk_costs_only_time() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let (source, library) = (folder.path().join("slow.c"), folder.path().join("slow.so"));
    std::fs::write(&source, SLOW_DISK).unwrap();
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .arg("-ldl")
        .status()
        .expect("a C compiler is installed: run ./test, which does");
    assert!(compiled.success());
    let switch = folder.path().join("on");
    let variables = [("LD_PRELOAD", &library), ("SLOW_DISK", &switch)];
    let server = Postgres::set_up(Setup {
        settings: vec![
            "fsync=on".to_owned(),
            "wal_sync_method=fdatasync".to_owned(),
        ],
        variables: variables
            .map(|(name, path)| (name.to_owned(), path.to_str().unwrap().to_owned()))
            .into(),
        ..Setup::default()
    });
    server.create("wm");
    let mut traffic = Traffic::connect(&server.url("wm"), 60).await;
    let logins = traffic.logins().await;
    std::fs::write(&switch, "").unwrap();
    traffic.chats().await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(4) {
        traffic.stage.put_in().await;
        let violations = traffic.stage.violations().await;
        assert!(violations.is_empty(), "{violations:#?}");
    }
    // Otherwise the disk was not slow at all.
    assert!(traffic.stage.put() < 20, "{} messages", traffic.stage.put());
    std::fs::remove_file(&switch).unwrap();
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_holds_everything_back_until_there_is_room() {
    // Declared first, so that the server ends before its disk.
    let disk = SmallDisk::mount(160);
    let server = Postgres::set_up(Setup {
        settings: vec![
            "max_wal_size=32MB".to_owned(),
            "min_wal_size=32MB".to_owned(),
        ],
        data: Some(disk.path("data")),
        ..Setup::default()
    });
    server.create("wm");
    let mut traffic = Traffic::connect(&server.url("wm"), 100).await;
    let logins = traffic.logins().await;
    traffic.put_in(30).await;
    disk.fill();
    traffic.chats().await;
    let stalled = state("stalled");
    traffic.run.expect("the stalled state", stalled).await;
    // A large table may even stop the server, when there is no room for its log.
    let large = "CREATE TABLE large AS
        SELECT repeat('x', 1000) AS text FROM generate_series(1, 200000)";
    assert!(server.try_sql("wm", large).is_err(), "there is still room");
    // The duration of the full disk is part of the fault.
    tokio::time::sleep(Duration::from_secs(3)).await;
    disk.empty();
    server.revive();
    let connected = state("connected");
    traffic.run.expect("the connected state", connected).await;
    let violations = traffic.stage.violations().await;
    assert!(violations.is_empty(), "{violations:#?}");
    assert_eq!(traffic.logins().await, logins, "the link was given up");
    traffic.settled().await;
}
