//! Checks the files in `deploy/` with the programs that use them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use wmctl::metrics::{Format, Levels, Metrics};

mod commands;

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

/// Returns the name and the labels of a series, without tenant names and without labels that
/// Prometheus adds.
fn series(text: &str) -> (String, BTreeSet<String>) {
    let (name, labels) = text.split_once('{').unwrap_or((text, ""));
    let labels = labels.split_once('}').map_or("", |(labels, _)| labels);
    let labels = labels.split(',').map(str::trim).filter(|label| {
        let added = ["job=", "instance=", "business_id="];
        !label.is_empty() && !added.iter().any(|added| label.starts_with(added))
    });
    (name.to_owned(), labels.map(str::to_owned).collect())
}

/// Alert rules are tested with series that a process really exports. Counters exist from the start,
/// with the value 0.
#[test]
fn alerts_are_tested_with_series_that_exist() {
    let metrics = Metrics::default();
    let tenant = "acme".parse().unwrap();
    // Series that exist once an account runs.
    metrics.lease(&tenant, 1);
    metrics.state(&[], &["host", "leader", "standby"]);
    metrics.meter(&tenant).query("commit", Duration::ZERO);
    let shown = metrics.text(Format::Text, &Levels::default(), true);
    let (mut there, mut nothing) = (BTreeSet::new(), BTreeSet::new());
    for line in shown.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap();
        there.insert(series(name));
        if value.parse::<f64>().unwrap() == 0.0 {
            nothing.insert(series(name));
        }
    }
    let tests = folder().join("prometheus/wmctl.rules.test.yml");
    let tests = std::fs::read_to_string(tests).unwrap();
    let mut seen = 0;
    for line in tests.lines() {
        let Some((_, rest)) = line.split_once("{series: '") else {
            continue;
        };
        let (name, rest) = rest.split_once('\'').unwrap();
        if name.starts_with("up{") {
            continue;
        }
        seen += 1;
        let one = series(name);
        assert!(there.contains(&one), "nobody shows {name}\n{shown}");
        let (_, values) = rest.split_once("values: '").unwrap();
        let starts = values.starts_with("0x") || values.starts_with("0+");
        if one.0.ends_with("_total") && one.0 != "whatsmeow_tenants_total" {
            assert!(
                nothing.contains(&one) && starts,
                "{name} starts at 0, not {values}"
            );
        }
    }
    assert!(20 < seen, "{seen} series");
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
        // The program is not installed at that path on the test machine.
        let text = text.replace("/usr/local/bin/wmctl", env!("CARGO_BIN_EXE_wmctl"));
        let copy = scratch.path().join(unit.file_name().unwrap());
        std::fs::write(&copy, text).unwrap();
        let copy = copy.to_str().unwrap();
        succeeds("systemd-analyze", &["verify", "--man=no", copy]);
        // `systemd-analyze` rates an exposure of at most 2.0 (20 %) as OK.
        let security = ["security", "--offline=yes", "--threshold=20", copy];
        succeeds("systemd-analyze", &security);
    }
}
