//! Checks that wmctl accepts every command that rules, documents, help and hints suggest.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Placeholders in texts for people, each with a valid value to replace it.
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

/// Returns the commands in blocks that readers copy into a shell.
fn scripts(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        match line.trim().strip_prefix("```") {
            Some(kind) => inside = kind == "sh",
            None if inside => lines.push(line.trim().to_owned()),
            None => (),
        }
    }
    // Strip `sudo`, variables and `cargo run`, which may precede the command.
    let bare = |line: String| {
        let line = line.replace("cargo run --release -- ", "wmctl ");
        let mut words = line
            .split(' ')
            .skip_while(|word| *word == "sudo" || word.contains('='));
        let is_ours = words.next() == Some("wmctl");
        is_ours.then(|| format!("wmctl {}", words.collect::<Vec<_>>().join(" ")))
    };
    lines.into_iter().filter_map(bare).collect()
}

/// Returns string literals that are a whole command, such as hints. Anything after two spaces is a
/// remark. A text that continues with an unknown command is skipped.
fn texts(source: &str, names: &BTreeSet<String>) -> Vec<String> {
    let whole = source.split('"').skip(1).filter(|text| {
        let name = text
            .strip_prefix("wmctl ")
            .and_then(|rest| rest.split(' ').next());
        name.is_some_and(|name| names.contains(name)) && !text.contains('\n')
    });
    let command = |text: &str| text.split("  ").next().map(str::to_owned);
    whole.filter_map(command).collect()
}

/// Returns the names of all commands, from the first help page.
fn names() -> BTreeSet<String> {
    let output = Command::new(env!("CARGO_BIN_EXE_wmctl"))
        .env_clear()
        .output()
        .unwrap();
    let page = String::from_utf8(output.stdout).unwrap();
    let names = page
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Returns text in backticks, and commands after a console prompt.
fn advised(text: &str) -> Vec<String> {
    // A Rust string continues on the next line after a backslash.
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
    // `wmctl HOST/…` is the name of a session, not a command.
    all.retain(|words| words.starts_with("wmctl ") && !words.starts_with("wmctl HOST/"));
    all
}

/// Returns the arguments up to the first shell operator. Returns `None` if the program inserts a
/// value into the text.
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
    let mut found = Vec::new();
    for file in [
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "README.md",
        "SECURITY.md",
    ] {
        found.push(root.join(file));
    }
    for folder in ["commands", "deploy", "docs", "src"] {
        files(&root.join(folder), &mut found);
    }
    let names = names();
    let (mut tried, mut wrong) = (BTreeSet::new(), Vec::new());
    for file in found {
        let text = std::fs::read_to_string(&file).unwrap();
        let mut commands = advised(&text);
        // Commands in `src` stand in sentences or whole strings, not in code blocks.
        match file.starts_with(root.join("src")) {
            true => commands.extend(texts(&text, &names)),
            false => commands.extend(scripts(&text)),
        }
        for command in commands {
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
                // The sentence continues with the option's value.
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
