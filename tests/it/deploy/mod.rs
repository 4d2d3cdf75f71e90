//! What stands in `deploy/`, read by the programs that it is for.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy")
}

fn output(program: &str, arguments: &[&str]) -> Output {
    Command::new(program)
        .args(arguments)
        .current_dir(folder())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}; `./test` installs what is missing"))
}

fn succeeds(program: &str, arguments: &[&str]) {
    let output = output(program, arguments);
    let words = [output.stdout, output.stderr].concat();
    let words = String::from_utf8_lossy(&words);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}\n{words}",
        output.status
    );
}

#[test]
fn alerts_fire_when_they_should_and_only_then() {
    succeeds(
        "promtool",
        &["check", "rules", "prometheus/wmctl.rules.yml"],
    );
    let tests = "prometheus/wmctl.rules.test.yml";
    succeeds("promtool", &["test", "rules", tests]);
}

#[test]
fn every_alert_is_seen_to_fire() {
    let text = |name: &str| std::fs::read_to_string(folder().join("prometheus").join(name));
    let (rules, tests) = (text("wmctl.rules.yml"), text("wmctl.rules.test.yml"));
    let (rules, tests) = (rules.unwrap(), tests.unwrap());
    let names = |text: &str, key: &str| -> Vec<String> {
        let of = |line: &str| Some(line.split_once(key)?.1.trim_matches([' ', '"']).to_owned());
        text.lines().filter_map(of).collect()
    };
    let alerts = names(&rules, "- alert:");
    assert!(!alerts.is_empty());
    for alert in alerts {
        let fires = tests.lines().any(|line| {
            let line = line.trim();
            line == format!("alertname: {alert}")
                || line.contains(&format!("ALERTS{{alertname=\"{alert}\""))
        });
        assert!(fires, "no test has {alert} fire");
    }
}

#[test]
fn units_are_sound_and_hardened() {
    let units = std::fs::read_dir(folder().join("systemd")).unwrap();
    let units: Vec<PathBuf> = units.map(|unit| unit.unwrap().path()).collect();
    assert!(!units.is_empty());
    let scratch = tempfile::tempdir().unwrap();
    for unit in units {
        let text = std::fs::read_to_string(&unit).unwrap();
        assert!(
            text.contains("\nRestartPreventExitStatus=2 3 4\n"),
            "{unit:?}"
        );
        // The program is not installed where the tests run.
        let text = text.replace("/usr/local/bin/wmctl", env!("CARGO_BIN_EXE_wmctl"));
        let copy = scratch.path().join(unit.file_name().unwrap());
        std::fs::write(&copy, text).unwrap();
        let copy = copy.to_str().unwrap();
        succeeds("systemd-analyze", &["verify", "--man=no", copy]);
        // Twenty in a hundred is what the program calls OK.
        let security = ["security", "--offline=yes", "--threshold=20", copy];
        succeeds("systemd-analyze", &security);
    }
}
