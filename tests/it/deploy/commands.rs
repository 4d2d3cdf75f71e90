//! Commands that are advised, by rules, documents, help and hints: each is one that wmctl takes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What stands for a value in words for people, and a value that is taken in its place.
const VALUES: [(&str, &str); 13] = [
    ("{{ $labels.business_id }}", "acme"),
    ("ATTEMPT", "1"),
    ("COUNT", "1"),
    ("DIR", "folder"),
    ("FILE", "file"),
    ("HOST", "host-a"),
    ("ID", "1"),
    ("NAME", "name"),
    ("NUMBER", "+4915112345621"),
    ("TENANT", "acme"),
    ("URL", "sqlite:wmctl.db"),
    ("…", ""),
    ("...", ""),
];

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            files(&path, found);
        } else if [".rs", ".md", ".yml", ".cfg", ".conf", ".service"]
            .iter()
            .any(|end| name.ends_with(end))
        {
            found.push(path);
        }
    }
}

/// What stands between backticks, and what a console shows after its prompt.
fn advised(text: &str) -> Vec<String> {
    // A string of Rust goes on in the next line after a backslash.
    let mut joined = String::new();
    for line in text.lines() {
        match line.strip_suffix('\\') {
            Some(start) if joined.is_empty() || joined.ends_with('\n') => joined.push_str(start),
            Some(start) => joined.push_str(start.trim_start()),
            None if joined.is_empty() || joined.ends_with('\n') => {
                joined += line;
                joined.push('\n');
            }
            None => {
                joined += line.trim_start();
                joined.push('\n');
            }
        }
    }
    let quoted = joined.split('`').skip(1).step_by(2);
    let quoted = quoted
        .filter(|words| !words.contains('\n'))
        .map(str::to_owned);
    let typed = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("$ "));
    let mut all: Vec<String> = quoted.chain(typed.map(str::to_owned)).collect();
    // A session's name is no command.
    all.retain(|words| words.starts_with("wmctl ") && !words.starts_with("wmctl HOST/"));
    all
}

/// The arguments, up to whatever the shell takes for itself; `None` where a program fills a word in
/// that stands for no value.
fn arguments(command: &str) -> Option<Vec<String>> {
    let mut command = command.to_owned();
    for (word, value) in VALUES {
        command = match word.chars().all(char::is_alphabetic) && word.is_ascii() {
            true => command
                .split(' ')
                .map(|part| if part == word { value } else { part })
                .collect::<Vec<_>>()
                .join(" "),
            false => command.replace(word, value),
        };
    }
    let mut words = Vec::new();
    for word in command.split_whitespace().skip(1) {
        if word.starts_with(['#', '|', '>', '<', '&', ';']) {
            break;
        }
        if word.starts_with('{') {
            words.push(String::from("acme"));
            continue;
        }
        if word.contains(['{', '\\', '[', '\'', '"']) {
            return None;
        }
        words.push(word.to_owned());
    }
    Some(words)
}

#[test]
fn every_command_that_is_advised_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = vec![root.join("README.md")];
    for folder in ["commands", "deploy", "src"] {
        files(&root.join(folder), &mut found);
    }
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        for command in advised(&text) {
            let Some(words) = arguments(&command) else {
                continue;
            };
            if !tried.insert(words.clone()) {
                continue;
            }
            let output = Command::new(env!("CARGO_BIN_EXE_wmctl"))
                .args(&words)
                .arg("--help")
                .env_clear()
                .output()
                .unwrap();
            if !output.status.success() {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.lines().next().unwrap_or_default().to_owned();
                // An option whose value the sentence goes on with.
                if said.contains("a value is required for") {
                    continue;
                }
                wrong.push(format!("{}: {command}: {said}", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(60 < tried.len(), "only {} commands are found", tried.len());
}
