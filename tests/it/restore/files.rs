//! SQLite: the online backup, and copied files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::scene::{Machine, Scene};

/// How a copy is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Copy {
    /// With SQLite's own backup, while the account runs.
    Online,
    /// The file alone, after an orderly stop.
    File,
    /// The file and its write-ahead log, while the account is idle between two messages.
    WithLog,
}

/// How the copy is restored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    /// The existing file gets other content.
    Inside,
    /// Another file replaces it.
    Instead,
}

pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Gives a file other content.
pub(super) fn put_inside(from: &Path, to: &Path) {
    for suffix in ["-wal", "-shm"] {
        // A clean end leaves none.
        let _ = fs::remove_file(beside(to, suffix));
    }
    fs::copy(from, to).unwrap();
}

fn online(from: &Path, to: &Path) {
    const BACKUP: &str = "
import sqlite3, sys
there, here = sqlite3.connect(sys.argv[1]), sqlite3.connect(sys.argv[2])
there.backup(here)
here.close()";
    let mut python = Command::new("python3");
    python.args(["-c", BACKUP]).args([from, to]);
    let done = python.output().expect("python3 is installed");
    assert!(
        done.status.success(),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}

async fn make(scene: &mut Scene, copy: Copy, to: &Path) {
    let from = scene.wmctl.database();
    match copy {
        Copy::Online => online(&from, to),
        Copy::File => {
            scene.stop().await;
            fs::copy(&from, to).unwrap();
            scene.start().await;
        }
        Copy::WithLog => {
            for suffix in ["", "-wal"] {
                fs::copy(beside(&from, suffix), beside(to, suffix)).unwrap();
            }
        }
    }
}

fn put_back(copy: &Path, to: &Path, back: Back) {
    for suffix in ["-wal", "-shm"] {
        // There is none after an orderly stop.
        let _ = fs::remove_file(beside(to, suffix));
    }
    for suffix in ["", "-wal"] {
        let (from, to) = (beside(copy, suffix), beside(to, suffix));
        if !from.exists() {
            continue;
        }
        match back {
            Back::Inside => drop(fs::copy(from, to).unwrap()),
            Back::Instead => fs::rename(from, to).unwrap(),
        }
    }
}

async fn restored(copy: Copy, back: Back, machine: Machine, mark: &str) {
    let mut scene = Scene::set(None).await;
    scene.talk("before", 2).await;
    let kept = scene.folder().join("backup.db");
    make(&mut scene, copy, &kept).await;
    scene.talk("lost", 5).await;
    scene.stop().await;
    let database = scene.move_to(machine);
    put_back(&kept, &database, back);
    scene.lead_to(&format!("sqlite:{}", database.display()));
    scene.start().await;
    scene.goes_on(mark).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_online_backup() {
    restored(Copy::Online, Back::Instead, Machine::Same, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_online_backup_inside_the_same_file() {
    restored(Copy::Online, Back::Inside, Machine::Same, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_online_backup_on_another_machine() {
    restored(Copy::Online, Back::Instead, Machine::Another, "place").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file() {
    restored(Copy::File, Back::Instead, Machine::Same, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_another_machine() {
    restored(Copy::File, Back::Inside, Machine::Another, "place").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_its_log() {
    restored(Copy::WithLog, Back::Instead, Machine::Same, "unit").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_its_log_on_another_machine() {
    restored(Copy::WithLog, Back::Instead, Machine::Another, "place").await;
}

/// The machine lost its mark files, and the same file has older content.
#[tokio::test(flavor = "multi_thread")]
async fn content_of_before_on_a_machine_that_kept_nothing() {
    let mut scene = Scene::set(None).await;
    scene.talk("before", 2).await;
    let kept = scene.folder().join("backup.db");
    make(&mut scene, Copy::Online, &kept).await;
    scene.talk("lost", 5).await;
    scene.stop().await;
    let database = scene.wmctl.database();
    put_back(&kept, &database, Back::Inside);
    fs::remove_file(beside(&database, ".default.mark")).unwrap();
    fs::remove_dir_all(scene.folder().join(".local")).unwrap();
    scene.start().await;
    scene.goes_on("unmarked").await;
    scene.stop().await;
}

/// Neither an orderly stop nor a kill may count as a restore.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_only_used_again() {
    let mut scene = Scene::set(None).await;
    scene.talk("before", 2).await;
    scene.stop().await;
    scene.start().await;
    scene.talk("between", 2).await;
    scene.run.take().unwrap().kill().await;
    scene.start().await;
    scene.is_the_same().await;
    scene.stop().await;
}

/// What becomes of the log beside a file, or of its index, after a crash.
async fn after_a_crash(damage: impl FnOnce(&Path)) -> Scene {
    let mut scene = Scene::set(None).await;
    scene.talk("before", 2).await;
    // A clean end leaves everything in the file.
    scene.stop().await;
    scene.start().await;
    scene.talk("lost", 5).await;
    scene.run.take().unwrap().kill().await;
    let database = scene.wmctl.database();
    let log = fs::metadata(beside(&database, "-wal")).unwrap();
    assert!(100_000 < log.len(), "what was lost is in the log: {log:?}");
    damage(&database);
    scene
}

async fn goes_on_without(damage: impl FnOnce(&Path)) {
    let mut scene = after_a_crash(damage).await;
    scene.start().await;
    scene.goes_on("unit").await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_gone() {
    goes_on_without(|database| {
        for suffix in ["-wal", "-shm"] {
            fs::remove_file(beside(database, suffix)).unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_empty() {
    goes_on_without(|database| {
        let log = fs::File::options()
            .write(true)
            .open(beside(database, "-wal"));
        log.unwrap().set_len(0).unwrap();
    })
    .await;
}

/// What is before the damage counts, and nothing behind it.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_damaged() {
    let damage = |database: &Path| {
        let path = beside(database, "-wal");
        let mut log = fs::read(&path).unwrap();
        let middle = log.len() / 2;
        log[middle..middle + 4096].fill(0xA5);
        fs::write(&path, log).unwrap();
    };
    let mut scene = after_a_crash(damage).await;
    scene.start().await;
    scene.goes_on_with_what_was_queued("unit").await;
    scene.stop().await;
}

/// SQLite rebuilds the index.
#[tokio::test(flavor = "multi_thread")]
async fn an_index_of_the_log_that_is_gone() {
    let damage = |database: &Path| fs::remove_file(beside(database, "-shm")).unwrap();
    let mut scene = after_a_crash(damage).await;
    scene.start().await;
    scene.is_the_same().await;
    scene.stop().await;
}

/// Something else has the name of the log, or of its index: that is told, and nothing is touched.
#[tokio::test(flavor = "multi_thread")]
async fn a_log_that_is_no_file() {
    let mut scene = after_a_crash(|_| ()).await;
    let database = scene.wmctl.database();
    for suffix in ["-wal", "-shm"] {
        let (path, aside) = (beside(&database, suffix), beside(&database, ".aside"));
        fs::rename(&path, &aside).unwrap();
        fs::create_dir(&path).unwrap();
        for command in [&["run"][..], &["doctor", "--offline"], &["tenants", "list"]] {
            let done = scene.wmctl.output(command).await;
            let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
            let code = done.status.code();
            assert!([Some(7), Some(9)].contains(&code), "{command:?}: {said}");
            let told = said.contains(&format!("wmctl.db{suffix}: it is no file"));
            assert!(told, "{command:?}: {said}");
        }
        fs::remove_dir(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }
    scene.start().await;
    scene.is_the_same().await;
    scene.stop().await;
}
