//! The settings that a running host reloads on SIGHUP.

use std::path::Path;

use tokio::time::Instant;

use super::fleet::LOOK;
use super::tls::hang_up;
use crate::support::program::PATIENCE;
use crate::support::program::Program;
use crate::support::wmctl::Wmctl;

/// Waits until the log contains all the words after position `before`.
async fn says(wmctl: &Wmctl, before: usize, words: &[&str]) -> String {
    let begun = Instant::now();
    loop {
        let log = wmctl.log()[before..].to_owned();
        if words.iter().all(|word| log.contains(word)) {
            return log;
        }
        assert!(begun.elapsed() < PATIENCE, "not {words:?}: {log}");
        tokio::time::sleep(LOOK).await;
    }
}

fn write(file: &Path, text: &str) {
    std::fs::write(file, text).unwrap();
}

/// Starts a host with this configuration and waits until it answers.
async fn serve(file: &Path, flags: &[&str]) -> (Wmctl, Program) {
    let mut wmctl = Wmctl::in_folder(file.parent().unwrap());
    wmctl.unset("WMCTL_LOG_LEVEL");
    let config = file.display().to_string();
    let usual = ["serve", "--http", "127.0.0.1:0", "--config", &config];
    let mut serve = wmctl.start(&[&usual[..], flags].concat());
    serve
        .expect("an address", |line| line["type"] == "http")
        .await;
    (wmctl, serve)
}

#[tokio::test]
async fn the_log_filter_is_read_again_and_the_rest_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wmctl.toml");
    write(&file, "log_level = \"wmctl=error\"\n");
    let (wmctl, mut serve) = serve(&file, &[]).await;
    assert_eq!(wmctl.log(), "", "errors only");
    let mut before = 0;
    for (text, words) in [
        // Changes the filter and settings that need a restart.
        (
            "log_level = \"wmctl=debug\"\ndevice_name = \"Shop\"\nkeep_events = \"9d\"\n",
            &["log filter in use", "restart", "device_name,keep_events"][..],
        ),
        ("log_level = \"wmctl=debug\"\n", &["unchanged"]),
        (
            "log_level = \"wmctl=shout\"\n",
            &["the old log filter stays in use", "shout"],
        ),
        (
            "colour = 1\n",
            &["invalid settings: the old ones stay in use", "colour"],
        ),
        (
            "log_level = [\n",
            &["invalid settings: the old ones stay in use"],
        ),
        // The host can still reload, and the filter is as before.
        ("log_level = \"wmctl=info\"\n", &["log filter in use"]),
    ] {
        write(&file, text);
        hang_up(&serve).await;
        let log = says(&wmctl, before, words).await;
        assert!(!log.contains("log_level,"), "{log}");
        before = wmctl.log().len();
    }
    // A stricter filter: only errors are logged from now on.
    write(&file, "log_level = \"wmctl=error\"\n");
    hang_up(&serve).await;
    says(&wmctl, before, &["log filter reloaded"]).await;
    before = wmctl.log().len();
    serve.terminate().await;
    assert!(serve.ended().await.success());
    assert_eq!(&wmctl.log()[before..], "");
}

#[tokio::test]
async fn a_filter_that_was_typed_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("wmctl.toml");
    write(&file, "");
    let (wmctl, mut serve) = serve(&file, &["--log-level", "wmctl=info"]).await;
    write(&file, "log_level = \"wmctl=trace\"\n");
    hang_up(&serve).await;
    says(&wmctl, 0, &["log filter reloaded: unchanged"]).await;
    serve.terminate().await;
    assert!(serve.ended().await.success());
}
