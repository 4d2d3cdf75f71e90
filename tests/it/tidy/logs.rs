//! Rules for log lines: readable fields, and one field name for tenants.

use super::layers::is_test;
use super::{Finding, Tree, expect_found, expect_none};

const MACROS: [&str; 5] = ["trace!(", "debug!(", "info!(", "warn!(", "error!("];

/// Finds log fields in `Debug` format, and tenants in a field other than `business_id`.
fn fields(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.files {
        let ours = path.starts_with("src/") || path.starts_with("commands/");
        if !ours || !path.ends_with(".rs") || is_test(path) {
            continue;
        }
        for name in MACROS {
            for (at, _) in text.match_indices(name) {
                let before = text[..at].chars().next_back();
                if before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '`') {
                    continue;
                }
                let call = &text[at + name.len()..];
                let call = &call[..call.find(';').unwrap_or(call.len())];
                let line = text[..at].lines().count().max(1);
                // Strings are messages, not fields.
                let fields = call.split('"').step_by(2).collect::<String>();
                for field in fields.split(',').map(str::trim) {
                    let (name, value) = field.split_once('=').unwrap_or((field, ""));
                    if name.starts_with('?') || value.trim().starts_with('?') {
                        findings.push(Finding::new(path, line, format!("{field} in a log")));
                    }
                    if ["tenant", "%tenant"].contains(&name.trim()) {
                        findings.push(Finding::new(path, line, "a tenant is business_id"));
                    }
                }
            }
        }
    }
    findings
}

#[test]
fn the_log_is_for_people() {
    expect_none(&fields(&Tree::of_repository()));
}

#[test]
fn debug_prints_and_other_names_are_found() {
    let text = "fn f() {\n    info!(?state, \"what is?\");\n    tracing::warn!(%tenant, \"a\");
    error!(why = ?error, \"b\");\n    debug!(business_id = %tenant, a = 1, \"is it ?c\");\n}";
    let path = "src/ops/mod.rs";
    let found = [(path, 2), (path, 3), (path, 4)];
    let files = [(path, text), ("src/ops/tests.rs", text)];
    let mut lines = fields(&Tree::planted(&files));
    lines.sort_by_key(|finding| finding.line);
    let lines: Vec<(&str, usize)> = lines.iter().map(|f| (f.path.as_str(), f.line)).collect();
    assert_eq!(lines, found);
    expect_found(fields, &[("src/ops/tests.rs", text)], &[]);
}
