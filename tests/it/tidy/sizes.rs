//! Maximum lengths of lines, functions and files.

use super::{Finding, Tree, expect_found, expect_none};

const COLUMNS_MAX: usize = 100;
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;

/// Generated code, which has no limit.
const GENERATED: [&str; 1] = ["proto/src/"];

/// Functions that may be longer, each with a reason: flat lists that would not gain from a split.
const LONG_FUNCTIONS: [(&str, &str, &str); 3] = [
    (
        "src/store/events/mod.rs",
        "columns",
        "one arm for each kind of event",
    ),
    (
        "src/store/account/put.rs",
        "upsert",
        "one arm for each kind of row",
    ),
    (
        "tests/it/store/samples.rs",
        "rows",
        "one sample of each kind of row",
    ),
];

fn ours<'a>(tree: &'a Tree, endings: &'a [&str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    tree.files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()))
        .filter(|(path, _)| !GENERATED.iter().any(|folder| path.starts_with(folder)))
        .filter(|(path, _)| endings.iter().any(|ending| path.ends_with(ending)))
}

fn long_lines(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in ours(tree, &[".rs", ".mjs"]) {
        for (number, line) in text.lines().enumerate() {
            let columns = line.chars().count();
            if COLUMNS_MAX < columns {
                findings.push(Finding::new(path, number + 1, format!("{columns} columns")));
            }
        }
    }
    findings
}

fn long_files(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in ours(tree, &[".rs", ".mjs"]) {
        let lines = text.lines().count();
        if FILE_LINES_MAX < lines {
            findings.push(Finding::new(path, lines, format!("{lines} lines")));
        }
    }
    findings
}

fn long_functions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let ours = |path: &str| !GENERATED.iter().any(|folder| path.starts_with(folder));
    for (path, source) in tree.rust(&[""]).filter(|(path, _)| ours(path)) {
        for (name, first, last) in source.functions() {
            let lines = last - first + 1;
            let listed = LONG_FUNCTIONS
                .iter()
                .any(|(file, long, _)| (*file, *long) == (path, &name));
            if FUNCTION_LINES_MAX < lines && !listed {
                findings.push(Finding::new(
                    path,
                    first,
                    format!("`{name}` has {lines} lines"),
                ));
            }
        }
    }
    findings
}

#[test]
fn lines_functions_and_files_are_short() {
    let tree = Tree::of_repository();
    expect_none(&long_lines(&tree));
    expect_none(&long_functions(&tree));
    expect_none(&long_files(&tree));
}

/// Exceptions that are no longer needed must be removed.
#[test]
fn every_exception_is_still_one() {
    let tree = Tree::of_repository();
    for (path, name, _) in LONG_FUNCTIONS {
        let source = super::source::Source::of(tree.text(path).unwrap_or_default());
        let long = |(other, first, last): &(String, usize, usize)| {
            other == name && FUNCTION_LINES_MAX < last - first + 1
        };
        assert!(
            source.functions().iter().any(long),
            "{path}: `{name}` is short or gone"
        );
    }
}

#[test]
fn too_long_ones_are_found() {
    let wide = format!(
        "a\n{}\n{}\n",
        "é".repeat(COLUMNS_MAX),
        "x".repeat(COLUMNS_MAX + 1)
    );
    expect_found(long_lines, &[("src/a.rs", &wide)], &[("src/a.rs", 3)]);
    expect_found(long_lines, &[("proto/src/a.rs", &wide)], &[]);

    let body = |lines: usize| format!("fn f() {{\n{}}}\n", "g();\n".repeat(lines - 2));
    let text = format!(
        "{}{}",
        body(FUNCTION_LINES_MAX),
        body(FUNCTION_LINES_MAX + 1)
    );
    expect_found(
        long_functions,
        &[("src/a.rs", &text)],
        &[("src/a.rs", FUNCTION_LINES_MAX + 1)],
    );

    let long = "a\n".repeat(FILE_LINES_MAX + 1);
    let files = [
        ("src/a.rs", long.as_str()),
        ("proto/src/b.rs", long.as_str()),
    ];
    expect_found(long_files, &files, &[("src/a.rs", FILE_LINES_MAX + 1)]);
}
