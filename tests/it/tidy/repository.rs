//! Rules for files: undeclared Rust files, differing migrations, and forbidden words.

use std::collections::BTreeSet;

use super::source::Source;
use super::{Finding, Tree, expect_found, expect_none};

/// The crate roots of the Cargo targets.
const ROOTS: [&str; 4] = [
    "src/core.rs",
    "src/lib.rs",
    "commands/main.rs",
    "tests/it/main.rs",
];

/// Words that no file may contain: local paths, addresses of a private registry, personal notes.
/// They are written in two parts, so that this file does not contain them.
const FORBIDDEN: [(&str, &str); 7] = [
    ("/wo", "rk/"),
    ("/ro", "ot/"),
    ("issue", " #"),
    ("TO", "DO"),
    ("FIX", "ME"),
    ("npmjs", ".org"),
    ("<<<<", "<<<"),
];

/// Finds Rust files that no `mod` declares. They are never compiled.
fn forgotten(tree: &Tree) -> Vec<Finding> {
    let mut reached: BTreeSet<String> = BTreeSet::new();
    let mut next: Vec<String> = ROOTS.map(ToOwned::to_owned).into();
    while let Some(path) = next.pop() {
        let Some(text) = tree.text(&path) else {
            continue;
        };
        if reached.insert(path.clone()) {
            next.extend(declared(&path, text));
        }
    }
    let folders = ["src/", "commands/", "tests/it/"];
    let rust = |path: &str| path.ends_with(".rs") && folders.iter().any(|f| path.starts_with(f));
    tree.files
        .iter()
        .filter(|(path, _)| rust(path) && !reached.contains(path))
        .map(|(path, _)| Finding::new(path, 1, "no `mod` declares this file"))
        .collect()
}

/// Returns the possible paths of the modules that a file declares.
fn declared(path: &str, text: &str) -> Vec<String> {
    let (folder, file) = path.rsplit_once('/').expect("a Rust file is in a folder");
    let stem = file.trim_end_matches(".rs");
    let own = matches!(stem, "mod" | "lib" | "main") || ROOTS.contains(&path);
    let folder = if own {
        folder.to_owned()
    } else {
        format!("{folder}/{stem}")
    };
    let code = Source::of(text).code;
    let words: Vec<&str> = code.split_whitespace().collect();
    let mut files = Vec::new();
    for pair in words.windows(2) {
        if let ["mod", name] = pair
            && let Some(name) = name.strip_suffix(';')
        {
            files.extend([
                format!("{folder}/{name}.rs"),
                format!("{folder}/{name}/mod.rs"),
            ]);
        }
    }
    files
}

/// Checks that both databases have the same migrations, numbered without gaps.
fn migrations(tree: &Tree) -> Vec<Finding> {
    let of = |folder: &str| -> BTreeSet<String> {
        let names = tree
            .files
            .iter()
            .filter_map(|(path, _)| path.strip_prefix(folder));
        names
            .filter(|name| name.ends_with(".sql"))
            .map(ToOwned::to_owned)
            .collect()
    };
    let (sqlite, postgres) = (of("migrations/sqlite/"), of("migrations/postgres/"));
    let mut findings = Vec::new();
    for name in sqlite.symmetric_difference(&postgres) {
        findings.push(Finding::new(
            name,
            1,
            "only one of the databases has this migration",
        ));
    }
    for (index, name) in sqlite.union(&postgres).enumerate() {
        let number = format!("{:04}_", index + 1);
        if !name.starts_with(&number) {
            findings.push(Finding::new(
                name,
                1,
                format!("migration {number} is missing"),
            ));
        }
    }
    findings
}

fn forbidden_words(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in &tree.files {
        for (number, line) in text.lines().enumerate() {
            for (start, end) in FORBIDDEN {
                let word = format!("{start}{end}");
                if line.contains(&word) {
                    findings.push(Finding::new(path, number + 1, format!("`{word}`")));
                }
            }
        }
    }
    findings
}

#[test]
fn every_rust_file_is_declared() {
    expect_none(&forgotten(&Tree::of_repository()));
}

#[test]
fn both_databases_have_the_same_migrations() {
    expect_none(&migrations(&Tree::of_repository()));
}

#[test]
fn no_file_has_a_forbidden_word() {
    expect_none(&forbidden_words(&Tree::of_repository()));
}

#[test]
fn forgotten_files_are_found() {
    let files = [
        ("src/lib.rs", "pub mod a;\n// mod b;\nmod c;"),
        ("src/a.rs", "mod d;"),
        ("src/a/d.rs", ""),
        ("src/b.rs", ""),
        ("src/c/mod.rs", "#[cfg(test)]\nmod tests;"),
        ("src/c/tests.rs", ""),
        ("tests/it/main.rs", "mod peer;"),
        ("tests/it/store.rs", ""),
    ];
    expect_found(
        forgotten,
        &files,
        &[("src/b.rs", 1), ("tests/it/store.rs", 1)],
    );
}

#[test]
fn unequal_migrations_are_found() {
    let files = [
        ("migrations/sqlite/0001_a.sql", ""),
        ("migrations/postgres/0001_a.sql", ""),
        ("migrations/sqlite/0003_c.sql", ""),
        ("migrations/postgres/0003_c.sql", ""),
    ];
    expect_found(migrations, &files, &[("0003_c.sql", 1)]);
    expect_found(migrations, &files[..1], &[("0001_a.sql", 1)]);
}

#[test]
fn forbidden_words_are_found() {
    for (start, end) in FORBIDDEN {
        let text = format!("a\nsee {start}{end} b\n");
        expect_found(forbidden_words, &[("notes.md", &text)], &[("notes.md", 2)]);
    }
}
