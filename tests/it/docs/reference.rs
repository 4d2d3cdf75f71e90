//! The parts of docs/reference that are made from the library; `commands/generated.rs` makes those
//! of the command line.
//!
//! `WMCTL_BLESS=1 cargo nextest run -E 'test(generated)'` rewrites them.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use wmctl::api::openapi;
use wmctl::api::problem::CODES;
use wmctl::api::routes::ROUTES;
use wmctl::metrics::{Format, Levels, Metrics};

use super::root;

/// The description of the HTTP interface, as `/openapi.json` gives it.
fn document() -> String {
    let text = serde_json::to_string_pretty(&openapi::document()).expect("values can be written");
    text + "\n"
}

fn refusals() -> String {
    let mut table = String::from("| Code | Meaning, and what to do |\n|---|---|\n");
    for (code, text) in CODES {
        table.push_str(&format!("| `{code}` | {text} |\n"));
    }
    table
}

fn routes() -> String {
    let mut table = String::from("| Request | Action | What it does |\n|---|---|---|\n");
    for route in ROUTES {
        let (method, path, action) = (route.method, route.path, route.action.word());
        let all = if route.everyone { ", all tenants" } else { "" };
        let summary = route.summary;
        table.push_str(&format!(
            "| `{method} {path}` | {action}{all} | {summary} |\n"
        ));
    }
    table
}

/// The fields of one schema of an event, but for those that all events have.
fn fields(schema: &Value) -> String {
    const COMMON: [&str; 5] = ["event_id", "business_id", "seq", "at", "type"];
    let required = schema["required"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    let properties = schema["properties"]
        .as_object()
        .expect("an event has fields");
    let own = properties
        .iter()
        .filter(|(name, _)| !COMMON.contains(&name.as_str()));
    let shown = own.map(|(name, field)| {
        let optional = match required.iter().any(|one| one == name) {
            true => "",
            false => "?",
        };
        match field["enum"].as_array() {
            None => format!("`{name}`{optional}"),
            Some(words) => {
                let words = words.iter().filter_map(Value::as_str);
                format!(
                    "`{name}`{optional} ({})",
                    words.collect::<Vec<_>>().join(", ")
                )
            }
        }
    });
    shown.collect::<Vec<_>>().join(", ")
}

fn events() -> String {
    let document = openapi::document();
    let schemas = &document["components"]["schemas"];
    let mapping = &schemas["Event"]["discriminator"]["mapping"];
    let mut table = String::from("| Type | When | Fields |\n|---|---|---|\n");
    for (kind, place) in mapping.as_object().expect("types have schemas") {
        let name = place.as_str().and_then(|place| place.rsplit('/').next());
        let schema = &schemas[name.expect("a schema has a name")];
        let when = schema["description"].as_str().unwrap_or_default();
        table.push_str(&format!("| `{kind}` | {when} | {} |\n", fields(schema)));
    }
    table
}

/// One process with something of everything, so that each metric shows its labels.
fn measured() -> String {
    let metrics = Metrics::default();
    let tenant = "acme".parse().expect("a tenant's name");
    let meter = metrics.meter(&tenant);
    meter.received(1);
    meter.connected(Duration::from_secs(1));
    meter.query("commit", Duration::from_millis(1));
    metrics.lease(&tenant, 1);
    metrics.state(&["leader"], &["leader"]);
    let levels = Levels {
        outbox: Some((0, 0.0)),
        webhooks: Some((0.0, 0)),
        ..Levels::default()
    };
    metrics.text(Format::Text, &levels, true)
}

fn metrics() -> String {
    let text = measured();
    let mut table = String::from("| Name | Type | Labels | Meaning |\n|---|---|---|---|\n");
    for line in text.lines() {
        let Some((name, help)) = line
            .strip_prefix("# HELP ")
            .and_then(|it| it.split_once(' '))
        else {
            continue;
        };
        let kind = text
            .lines()
            .find_map(|line| {
                line.strip_prefix("# TYPE ")?
                    .strip_prefix(name)?
                    .strip_prefix(' ')
            })
            .expect("a metric has a type");
        let mut labels = BTreeSet::new();
        for sample in text.lines().filter(|line| line.starts_with(name)) {
            let inner = sample
                .split_once('{')
                .and_then(|(_, rest)| rest.split_once('}'));
            let pairs = inner.map_or("", |(inner, _)| inner).split(',');
            labels.extend(pairs.filter_map(|pair| Some(pair.split_once('=')?.0)));
        }
        labels.remove("le");
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let help = help.trim_end_matches('.');
        table.push_str(&format!(
            "| `{name}` | {kind} | {} | {help} |\n",
            labels.join(", ")
        ));
    }
    table
}

#[test]
fn generated_parts_of_references_are_current() {
    current("docs/reference/openapi.json", &document());
    for (page, name, text) in [
        ("http-api", "codes of refusals", refusals()),
        ("events", "types", events()),
        ("http-api", "routes", routes()),
        ("metrics", "metrics", metrics()),
    ] {
        part(&format!("docs/reference/{page}.md"), name, &text);
    }
}

/// The part of a page between two comments, which is written here; the rest is written by hand.
fn part(path: &str, name: &str, text: &str) {
    let page = std::fs::read_to_string(root().join(path)).unwrap();
    let (begin, end) = (
        format!("<!-- generated: {name} -->\n"),
        "<!-- end of what is generated -->",
    );
    let (before, rest) = page
        .split_once(&begin)
        .unwrap_or_else(|| panic!("{path} has no place for {name}: {begin}"));
    let (_, after) = rest.split_once(end).expect("what is generated ends");
    current(path, &format!("{before}{begin}\n{text}\n{end}{after}"));
}

fn current(path: &str, text: &str) {
    let path = root().join(path);
    #[expect(
        clippy::disallowed_methods,
        reason = "a switch for whoever runs the test"
    )]
    let bless = std::env::var_os("WMCTL_BLESS").is_some();
    if bless {
        std::fs::write(&path, text).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        found == text,
        "{} is stale: WMCTL_BLESS=1 cargo nextest run -E 'test(generated)'",
        path.display()
    );
}
