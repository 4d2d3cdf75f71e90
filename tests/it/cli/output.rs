use std::io::Read;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::wmctl;

#[test]
fn the_version_has_a_versioned_kind() {
    let home = tempfile::tempdir().unwrap();
    for arguments in [&["version", "-o", "json"][..], &["version", "--json"]] {
        let version = wmctl(home.path(), &[], arguments);
        assert_eq!((version.code, version.words.as_str()), (0, ""));
        let value: Value = serde_json::from_str(&version.answer).unwrap();
        assert_eq!(value["apiVersion"], "wmctl/v1");
        assert_eq!(value["kind"], "Version");
        assert_eq!(value["version"], env!("CARGO_PKG_VERSION"));
        assert!(value["client_version"].as_str().unwrap().starts_with("2."));
    }
    let name = wmctl(home.path(), &[], &["version", "-o", "name"]);
    assert_eq!(name.answer, format!("{}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn usage_errors_exit_2_in_both_forms() {
    let home = tempfile::tempdir().unwrap();
    let text = wmctl(home.path(), &[], &["pear"]);
    assert_eq!((text.code, text.answer.as_str()), (2, ""));
    assert!(text.words.starts_with("error: "), "{}", text.words);
    for arguments in [
        &["-o", "json", "pear"][..],
        &["pear", "--json"],
        &["-ojson", "pear"],
    ] {
        let json = wmctl(home.path(), &[], arguments);
        let value: Value = serde_json::from_str(&json.words).unwrap();
        assert_eq!(
            (json.code, &value["error"]["exit_code"]),
            (2, &Value::from(2))
        );
        assert_eq!(json.words.lines().count(), 1);
    }
    for format in ["wide", "yaml", "csv"] {
        assert_eq!(
            wmctl(home.path(), &[], &["version", "-o", format]).code,
            2,
            "{format}"
        );
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    for arguments in [
        &["completions", "bash"][..],
        &["man"],
        &["help", "environment"],
    ] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_wmctl"))
            .env_clear()
            .args(arguments)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        let mut words = String::new();
        child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut words)
            .unwrap();
        let code = child.wait().unwrap().code();
        assert_eq!((code, words.as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn completions_and_pages_exist_for_every_shell_and_command() {
    let home = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let script = wmctl(home.path(), &[], &["completions", shell]);
        assert_eq!(script.code, 0);
        assert!(script.answer.contains("wmctl"), "{shell}");
    }
    assert_eq!(wmctl(home.path(), &[], &["man", "--dir", "pages"]).code, 0);
    assert!(home.path().join("pages/wmctl-config-show.1").exists());
    let page = wmctl(home.path(), &[], &["man", "config", "show"]);
    assert!(
        page.answer.contains(".TH WMCTL-CONFIG-SHOW 1"),
        "{}",
        page.answer
    );
    assert_eq!(wmctl(home.path(), &[], &["man", "pear"]).code, 5);
}
