//! Words that operators look up: each that the code says has its line, and no line is of nothing.

use std::collections::BTreeSet;
use std::path::Path;

use super::root;

/// Adds path and text of every source, without its unit tests.
fn sources(folder: &Path, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("sources can be read") {
        let path = entry.expect("sources can be read").path();
        let name = path.to_string_lossy().into_owned();
        if path.is_dir() {
            sources(&path, found);
        } else if name.ends_with(".rs") && !name.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).expect("a source can be read");
            // Unit tests make up words of their own.
            let code = text.split("\n#[cfg(test)]\nmod tests {").next();
            found.push((name, code.unwrap_or_default().to_owned()));
        }
    }
}

fn code() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["commands", "src"] {
        sources(&root().join(folder), &mut found);
    }
    found
}

fn joined(sources: &[(String, String)]) -> String {
    sources.iter().map(|(_, text)| text.as_str()).collect()
}

/// Texts in quotes that stand behind `before`, with nothing but blanks in between.
fn behind<'a>(text: &'a str, before: &str, found: &mut BTreeSet<&'a str>) {
    for rest in text.split(before).skip(1) {
        let rest = rest.trim_start().strip_prefix('"');
        if let Some((word, _)) = rest.and_then(|rest| rest.split_once('"')) {
            found.insert(word);
        }
    }
}

/// Rows of tables that begin with a word between backticks, in a page below `docs/`.
fn rows(page: &str) -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("docs").join(page)).expect("a page is there");
    let rows = text.lines().filter_map(|line| {
        let (word, _) = line.strip_prefix("| `")?.split_once('`')?;
        Some(word.to_owned())
    });
    rows.collect()
}

/// Every variant of an enum behind which a code stands as the next argument.
const BEFORE_CODES: [&str; 2] = ["Exit::", "RefusalKind::"];

fn error_codes(text: &str) -> BTreeSet<&str> {
    let mut found = BTreeSet::new();
    for kind in BEFORE_CODES {
        for rest in text.split(kind).skip(1) {
            // A success with a code says nothing to anybody.
            let rest = match rest.starts_with("Done") {
                true => "",
                false => rest.trim_start_matches(char::is_alphanumeric),
            };
            let rest = rest.strip_prefix(',').map(str::trim_start);
            if let Some(rest) = rest.and_then(|rest| rest.strip_prefix('"')) {
                found.extend(rest.split_once('"').map(|(word, _)| word));
            }
        }
    }
    // Those that are handed on.
    for before in ["failure(", "Self::Unpaired =>", "let code ="] {
        behind(text, before, &mut found);
    }
    let is_code = |word: &&str| {
        3 < word.len()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    found.into_iter().filter(is_code).collect()
}

#[test]
fn every_code_of_an_error_is_explained() {
    let text = joined(&code());
    let explained = rows("reference/errors.md");
    let codes = error_codes(&text);
    assert!(
        80 < codes.len(),
        "only {} codes are found: {codes:?}",
        codes.len()
    );
    let missing: Vec<_> = codes
        .iter()
        .filter(|code| !explained.contains(**code))
        .collect();
    assert!(
        missing.is_empty(),
        "not in docs/reference/errors.md: {missing:?}"
    );
    let named = explained
        .iter()
        .filter(|word| word.bytes().all(|b| !b.is_ascii_lowercase()));
    let gone: Vec<_> = named
        .filter(|word| !text.contains(&format!("\"{word}\"")))
        .collect();
    assert!(gone.is_empty(), "no code says: {gone:?}");
}

#[test]
fn every_finding_of_lock_status_and_doctor_is_explained() {
    let sources = code();
    let text = joined(&sources);
    let locks = sources
        .iter()
        .find(|(path, _)| path.ends_with("locks/trouble.rs"));
    let (_, locks) = locks.expect("one file says what is wrong with locks");
    let mut found = BTreeSet::new();
    for before in ["code:", "add("] {
        behind(locks, before, &mut found);
    }
    behind(locks, "Some(lock) => {", &mut found);
    for word in ["lock_missing", "lock_elsewhere"] {
        assert!(locks.contains(&format!("\"{word}\"")), "{word}");
        found.insert(word);
    }
    assert!(9 < found.len(), "{found:?}");
    for before in ["Check::new(", "broken(", "failed("] {
        behind(&text, before, &mut found);
    }
    found.retain(|word| {
        word.bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    });
    assert!(20 < found.len(), "{found:?}");
    let explained = rows("operating/troubleshooting.md");
    let missing: Vec<_> = found
        .iter()
        .filter(|word| !explained.contains(**word))
        .collect();
    assert!(
        missing.is_empty(),
        "not in docs/operating/troubleshooting.md: {missing:?}"
    );
}

#[test]
fn every_alert_is_explained() {
    let rules = root().join("deploy/prometheus/wmctl.rules.yml");
    let rules = std::fs::read_to_string(rules).unwrap();
    let alerts = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let alerts: BTreeSet<String> = alerts.map(str::to_owned).collect();
    let explained = rows("operating/monitoring.md");
    let missing: Vec<_> = alerts.difference(&explained).collect();
    assert!(
        missing.is_empty(),
        "not in docs/operating/monitoring.md: {missing:?}"
    );
}
