//! Calls and names that are forbidden in parts of the code.

use super::layers::is_test;
use super::source::Named;
use super::{Finding, Tree, expect_found, expect_none};

/// Files and folders of layers 0 to 3, which perform no input or output.
const SANS_IO: [&str; 8] = [
    "src/ids/",
    "src/secret.rs",
    "src/wire/",
    "src/crypto/",
    "src/noise/",
    "src/signal/",
    "src/session/",
    "src/lead/",
];

/// Names that may not appear in [`SANS_IO`], anywhere in a path.
const OUTSIDE_WORLD: [&str; 17] = [
    "async",
    "await",
    "tokio",
    "futures_util",
    "Instant",
    "SystemTime",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "getrandom",
    "OsRng",
    "SysRng",
    "rand::rng",
    "rand::random",
    "thread_rng",
];

/// Types that hold process-wide state.
const GLOBALS: [&str; 5] = [
    "OnceLock",
    "LazyLock",
    "OnceCell",
    "thread_local",
    "lazy_static",
];

/// Macros that write to the terminal without `commands/ui.rs`.
const PRINTS: [&str; 5] = ["println", "eprintln", "print", "eprint", "dbg"];

/// Files that may write to the terminal: the terminal module, and the one that installs the log.
const TERMINAL: [&str; 2] = ["commands/ui.rs", "commands/main.rs"];

/// Applies `broken` to every path that the files in `folders` name outside tests.
fn check_paths(
    tree: &Tree,
    folders: &[&str],
    broken: impl Fn(&str, &Named) -> Option<String>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, source) in tree.rust(folders).filter(|(path, _)| !is_test(path)) {
        for named in source.without_tests().named() {
            if let Some(what) = broken(path, &named) {
                findings.push(Finding::new(path, named.line, what));
            }
        }
    }
    findings
}

fn outside_world(tree: &Tree) -> Vec<Finding> {
    check_paths(tree, &SANS_IO, |_, named| {
        let word = OUTSIDE_WORLD.iter().find(|word| named.contains(word))?;
        Some(format!("`{word}` in a layer without input and output"))
    })
}

fn sqlx(tree: &Tree) -> Vec<Finding> {
    check_paths(tree, &["src/", "commands/"], |path, named| {
        let driver = ["sqlx", "tokio_postgres"]
            .iter()
            .find(|name| named.starts_with(name))?;
        let outside = !path.starts_with("src/store/");
        outside.then(|| format!("{driver} outside of src/store"))
    })
}

fn detached_tasks(tree: &Tree) -> Vec<Finding> {
    check_paths(tree, &["src/", "commands/"], |_, named| {
        let detached = [
            "tokio::spawn",
            "task::spawn",
            "task::spawn_local",
            "thread::spawn",
        ];
        let word = detached.iter().find(|word| named.contains(word))?;
        Some(format!(
            "`{word}`: a task belongs to a JoinSet or TaskTracker"
        ))
    })
}

fn global_state(tree: &Tree) -> Vec<Finding> {
    let mut findings = check_paths(tree, &["src/", "commands/"], |_, named| {
        let word = GLOBALS.iter().find(|word| named.contains(word))?;
        Some(format!("`{word}` keeps state for the whole process"))
    });
    const STATE: [&str; 5] = ["static mut", "Mutex", "RwLock", "Atomic", "Cell<"];
    for (path, source) in tree.rust(&["src/", "commands/"]) {
        for (number, line) in source.code.lines().enumerate() {
            let item = line
                .trim_start()
                .trim_start_matches("pub ")
                .trim_start_matches("pub(crate) ");
            if item.starts_with("static ") && STATE.iter().any(|word| item.contains(word)) {
                findings.push(Finding::new(path, number + 1, "a static with state"));
            }
        }
    }
    findings
}

fn terminal(tree: &Tree) -> Vec<Finding> {
    check_paths(tree, &["src/", "commands/"], |path, named| {
        let prints = named.bang && PRINTS.iter().any(|name| named.segments == [*name]);
        let stream = named.contains("io::stdout") || named.contains("io::stderr");
        let broken = prints || stream && !TERMINAL.contains(&path);
        broken.then(|| "only commands/ui.rs writes to the terminal".into())
    })
}

fn serialised(tree: &Tree) -> Vec<Finding> {
    let inner: Vec<&str> = SANS_IO
        .into_iter()
        .filter(|f| *f != "src/ids/")
        .chain(["src/engine/"])
        .collect();
    check_paths(tree, &inner, |_, named| {
        let broken = named.contains("Serialize") || named.starts_with("serde_json");
        broken.then(|| "inner types have no serialised form".into())
    })
}

fn sql(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let outside = |path: &str| !path.starts_with("src/store/") && !is_test(path);
    for (path, source) in tree
        .rust(&["src/", "commands/"])
        .filter(|(path, _)| outside(path))
    {
        for (line, text) in source.without_tests().strings {
            if is_sql(&text) {
                findings.push(Finding::new(path, line, "SQL outside of src/store"));
            }
        }
    }
    findings
}

/// Files that write SQL scripts for people to read and run.
const SCRIPTS: [&str; 1] = ["src/store/migrate.rs"];

/// Finds values in the text of a statement, either in quotes or inserted by a quoting function.
fn written_values(tree: &Tree) -> Vec<Finding> {
    let mut findings = check_paths(tree, &["src/store/"], |_, named| {
        let quotes = |name: &String| name.ends_with("_literal") || name.starts_with("quote_");
        let name = named.segments.iter().find(|name| quotes(name))?;
        Some(format!("`{name}` where values are bound"))
    });
    let files = tree.rust(&["src/store/"]);
    for (path, source) in files.filter(|(path, _)| !is_test(path) && !SCRIPTS.contains(path)) {
        for (line, text) in source.without_tests().strings {
            let mut quoted = text.split("'{").skip(1);
            if quoted.any(|behind| behind.starts_with(|char: char| char.is_ascii_lowercase())) {
                findings.push(Finding::new(
                    path,
                    line,
                    "a value in the text of a statement",
                ));
            }
        }
    }
    findings
}

fn is_sql(text: &str) -> bool {
    const STATEMENTS: [(&str, &str); 6] = [
        ("SELECT", " FROM "),
        ("INSERT", " INTO "),
        ("UPDATE", " SET "),
        ("DELETE", " FROM "),
        ("CREATE", " TABLE "),
        ("DROP", " TABLE "),
    ];
    let words = text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .to_uppercase();
    STATEMENTS
        .iter()
        .any(|(verb, then)| words.starts_with(verb) && words.contains(then))
}

#[test]
fn the_inner_layers_touch_nothing_outside() {
    expect_none(&outside_world(&Tree::of_repository()));
}

#[test]
fn sqlx_stays_in_the_store() {
    expect_none(&sqlx(&Tree::of_repository()));
}

#[test]
fn sql_stays_in_the_store() {
    expect_none(&sql(&Tree::of_repository()));
}

#[test]
fn values_are_bound() {
    expect_none(&written_values(&Tree::of_repository()));
}

#[test]
fn written_values_are_found() {
    let text = "fn f() { g(format!(\"= '{name}'\")); }\nconst A: &str = \"detail = '{}'\";
fn h() { quote_literal(x) }\nfn i() { format!(\"SELECT {column} FROM {table}\") }";
    let files = [
        ("src/store/tenants/api_keys.rs", text),
        ("src/ops/mod.rs", text),
    ];
    let found = [
        ("src/store/tenants/api_keys.rs", 3),
        ("src/store/tenants/api_keys.rs", 1),
    ];
    expect_found(written_values, &files, &found);
}

#[test]
fn every_task_has_an_owner() {
    expect_none(&detached_tasks(&Tree::of_repository()));
}

#[test]
fn no_static_has_state() {
    expect_none(&global_state(&Tree::of_repository()));
}

#[test]
fn one_file_writes_to_the_terminal() {
    expect_none(&terminal(&Tree::of_repository()));
}

#[test]
fn inner_types_are_not_serialised() {
    expect_none(&serialised(&Tree::of_repository()));
}

#[test]
fn the_outside_world_is_found() {
    let text = "use std::{fmt, fs};\n// tokio\nasync fn f() {}\nuse std::time::Duration;
use std::time;\nfn g() { time::Instant::now() }\nfn h() { let rng = rand::rng(); }";
    let files = [
        ("src/wire/mod.rs", text),
        ("src/wire/tests.rs", text),
        ("src/net/mod.rs", text),
    ];
    let lines = [1, 3, 6, 7].map(|line| ("src/wire/mod.rs", line));
    expect_found(outside_world, &files, &lines);
}

#[test]
fn stray_sql_is_found() {
    let text = "const A: &str = \"select the row from here\";\nconst B: &str = \"
    INSERT INTO leases (key)\";\n/// UPDATE x SET y\nconst C: &str = \"update of a row\";";
    let files = [("src/ops/mod.rs", text), ("src/store/lease/mod.rs", text)];
    expect_found(sql, &files, &[("src/ops/mod.rs", 1), ("src/ops/mod.rs", 2)]);
    let text = "use sqlx::PgPool;";
    let files = [("src/ops/mod.rs", text), ("src/store/db/open.rs", text)];
    expect_found(sqlx, &files, &[("src/ops/mod.rs", 1)]);
    let text = "use tokio_postgres::Client;";
    let files = [("src/ops/mod.rs", text), ("src/store/db/open.rs", text)];
    expect_found(sqlx, &files, &[("src/ops/mod.rs", 1)]);
}

#[test]
fn detached_tasks_are_found() {
    let text =
        "fn f(set: JoinSet) { set.spawn(g()); }\nfn h() { tokio::spawn(g()); }\nuse tokio::task;
fn i() { task::spawn(g()); task::spawn_blocking(k) }";
    let found = [("src/engine/mod.rs", 2), ("src/engine/mod.rs", 4)];
    expect_found(detached_tasks, &[("src/engine/mod.rs", text)], &found);
}

#[test]
fn global_state_is_found() {
    let text = "static TABLE: [u8; 2] = [1, 2];\nfn f() -> &'static str { \"\" }
static N: AtomicU64 = AtomicU64::new(0);\npub static mut M: u8 = 0;\nuse std::sync::OnceLock;";
    let found = [
        ("src/net/mod.rs", 5),
        ("src/net/mod.rs", 3),
        ("src/net/mod.rs", 4),
    ];
    expect_found(global_state, &[("src/net/mod.rs", text)], &found);
}

#[test]
fn stray_prints_are_found() {
    let text = "fn f() { println!(\"\"); }\nuse std::io::stdout;\nfn g(x: T) { x.stdout(); }";
    let files = [("src/ops/mod.rs", text), ("commands/ui.rs", text)];
    let found = [
        ("src/ops/mod.rs", 1),
        ("src/ops/mod.rs", 2),
        ("commands/ui.rs", 1),
    ];
    expect_found(terminal, &files, &found);
}

#[test]
fn serialised_inner_types_are_found() {
    let text = "#[derive(Clone, serde::Serialize)]\nstruct A;";
    let files = [
        ("src/session/rows.rs", text),
        ("src/ids/mod.rs", text),
        ("src/api/a.rs", text),
    ];
    expect_found(serialised, &files, &[("src/session/rows.rs", 1)]);
}
