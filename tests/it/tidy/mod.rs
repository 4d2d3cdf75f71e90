//! The rules of the repository, checked on its text.
//!
//! Each rule is a function from a [`Tree`] to its findings. A test can plant a violation in a small
//! tree and check that the rule finds it. Nothing here compiles or runs the code.

mod calls;
mod circles;
mod dependencies;
mod layers;
mod logs;
mod repository;
mod sizes;
mod source;

use std::path::Path;

use source::Source;

/// The text files of a repository, by path from its root with forward slashes.
struct Tree {
    files: Vec<(String, String)>,
}

impl Tree {
    /// Reads everything below the package's folder, except the output of builds and installations.
    fn of_repository() -> Self {
        let mut files = Vec::new();
        collect(Path::new(env!("CARGO_MANIFEST_DIR")), "", &mut files);
        files.sort();
        Self { files }
    }

    /// Builds a tree for a test from pairs of path and text.
    fn planted(files: &[(&str, &str)]) -> Self {
        let files = files
            .iter()
            .map(|(path, text)| ((*path).into(), (*text).into()));
        Self {
            files: files.collect(),
        }
    }

    fn text(&self, path: &str) -> Option<&str> {
        self.files
            .iter()
            .find(|(at, _)| at == path)
            .map(|(_, text)| text.as_str())
    }

    /// Returns all Rust files below one of `folders`.
    fn rust(&self, folders: &[&str]) -> impl Iterator<Item = (&str, Source)> {
        self.files
            .iter()
            .filter(move |(path, _)| folders.iter().any(|folder| path.starts_with(folder)))
            .filter(|(path, _)| path.ends_with(".rs"))
            .map(|(path, text)| (path.as_str(), Source::of(text)))
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut Vec<(String, String)>) {
    const NOT_OURS: [&str; 4] = ["target", "node_modules", ".venv", ".git"];
    for entry in std::fs::read_dir(folder).expect("the repository can be read") {
        let entry = entry.expect("the repository can be read");
        let name = entry.file_name().to_string_lossy().into_owned();
        let path = format!("{prefix}{name}");
        if NOT_OURS.contains(&name.as_str()) {
            continue;
        }
        if entry.file_type().expect("an entry has a type").is_dir() {
            collect(&entry.path(), &format!("{path}/"), files);
        } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
            files.push((path, text));
        }
    }
}

/// The place and the description of a violation.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    path: String,
    line: usize,
    what: String,
}

impl Finding {
    fn new(path: &str, line: usize, what: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            line,
            what: what.into(),
        }
    }
}

/// Fails if there are findings. Prints one line per finding.
fn expect_none(findings: &[Finding]) {
    let lines: Vec<String> = findings
        .iter()
        .map(|f| format!("{}:{}: {}", f.path, f.line, f.what))
        .collect();
    assert!(
        findings.is_empty(),
        "{} findings:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// Checks that `rule` finds exactly `lines` (path and line number) in a planted tree.
fn expect_found(rule: fn(&Tree) -> Vec<Finding>, files: &[(&str, &str)], lines: &[(&str, usize)]) {
    let findings = rule(&Tree::planted(files));
    let found: Vec<(&str, usize)> = findings.iter().map(|f| (f.path.as_str(), f.line)).collect();
    assert_eq!(found, lines, "{findings:#?}");
}
