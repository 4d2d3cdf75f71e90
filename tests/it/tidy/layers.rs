//! Checks imports against the table of layers in ARCHITECTURE.md.

use std::collections::BTreeMap;

use super::{Finding, Tree, expect_found, expect_none};

const PAGE: &str = "ARCHITECTURE.md";

/// The modules that each module may use.
type Table = BTreeMap<String, Vec<String>>;

struct Row {
    layer: u32,
    modules: Vec<String>,
    uses: Vec<String>,
}

fn rows(page: &str) -> Vec<Row> {
    let table = page
        .split("<!-- layers:")
        .nth(1)
        .and_then(|t| t.split("<!-- end of").next());
    let split = |cell: &str| cell.split(',').map(|word| word.trim().to_owned()).collect();
    let mut rows = Vec::new();
    for line in table.expect("the page has a table of layers").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, layer, modules, uses, ..] = cells[..] else {
            continue;
        };
        if let Ok(layer) = layer.parse() {
            rows.push(Row {
                layer,
                modules: split(modules),
                uses: split(uses),
            });
        }
    }
    rows
}

fn table(page: &str) -> Table {
    let rows = rows(page);
    let in_layers = |from: u32, to: u32| {
        let rows = rows
            .iter()
            .filter(move |row| (from..=to).contains(&row.layer));
        rows.flat_map(|row| row.modules.clone())
    };
    let mut table = Table::new();
    for row in &rows {
        let mut allowed = Vec::new();
        for word in &row.uses {
            match word.split_once('-').map(|(a, b)| (a.parse(), b.parse())) {
                Some((Ok(from), Ok(to))) => allowed.extend(in_layers(from, to)),
                _ => match word.parse() {
                    Ok(layer) => allowed.extend(in_layers(layer, layer)),
                    Err(_) => allowed.push(word.clone()),
                },
            }
        }
        for module in &row.modules {
            table.insert(module.clone(), allowed.clone());
        }
    }
    table
}

/// Returns the module path of a file: `a`, `b` for `src/a/b.rs` and for `src/a/b/mod.rs`.
pub(super) fn module_path(path: &str) -> Vec<&str> {
    let inside = path.trim_start_matches("src/").trim_end_matches(".rs");
    let mut modules: Vec<&str> = inside.split('/').collect();
    if matches!(modules.last(), Some(&"mod" | &"lib")) {
        modules.pop();
    }
    modules
}

/// Returns whether a file is compiled only for tests.
pub(super) fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

/// Returns the top-level module of this crate that a path in `src` leads to.
fn target(segments: &[String], depth: usize) -> Option<&str> {
    let supers = segments
        .iter()
        .take_while(|segment| *segment == "super")
        .count();
    match segments.first().map(String::as_str) {
        Some("wmctl_proto") => Some("proto"),
        Some("crate") => segments.get(1).map(String::as_str),
        Some("super") if depth <= supers => segments.get(supers).map(String::as_str),
        _ => None,
    }
}

fn imports(tree: &Tree) -> Vec<Finding> {
    let table = table(tree.text(PAGE).expect("the page is there"));
    let mut findings = Vec::new();
    for (path, source) in tree.rust(&["src/"]) {
        let modules = module_path(path);
        let Some(&own) = modules.first() else {
            continue;
        };
        if is_test(path) || path == "src/core.rs" {
            continue;
        }
        let Some(allowed) = table.get(own) else {
            findings.push(Finding::new(
                path,
                1,
                format!("`{own}` has no layer in {PAGE}"),
            ));
            continue;
        };
        for named in source.without_tests().named() {
            let Some(target) = target(&named.segments, modules.len()) else {
                continue;
            };
            let known = target == "proto" || table.contains_key(target);
            if known && target != own && !allowed.iter().any(|name| name == target) {
                let what = format!("`{own}` may not use `{target}` (see the layers in {PAGE})");
                findings.push(Finding::new(path, named.line, what));
            }
        }
    }
    findings.extend(command_imports(tree, &table));
    findings
}

fn command_imports(tree: &Tree, table: &Table) -> Vec<Finding> {
    let allowed = table
        .get("commands")
        .expect("the table has a row for commands");
    let mut findings = Vec::new();
    for (path, source) in tree.rust(&["commands/"]) {
        for named in source.without_tests().named() {
            let target = match &named.segments[..] {
                [root, target, ..] if root == "wmctl" => target,
                [root, ..] if root == "wmctl_proto" => root,
                _ => continue,
            };
            if !allowed.contains(target) {
                let what = format!("commands may not use `{target}` (see the layers in {PAGE})");
                findings.push(Finding::new(path, named.line, what));
            }
        }
    }
    findings
}

/// Checks that the page is short and that the folders and files of its map exist.
fn page(tree: &Tree) -> Vec<Finding> {
    const LINES_MAX: usize = 300;
    let page = tree.text(PAGE).expect("the page is there");
    let mut findings = Vec::new();
    let lines = page.lines().count();
    if LINES_MAX <= lines {
        findings.push(Finding::new(
            PAGE,
            lines,
            format!("{LINES_MAX} lines or more"),
        ));
    }
    for row in rows(page) {
        for use_ in row.uses.iter().chain(&row.modules) {
            let number = use_.chars().all(|c| c.is_ascii_digit() || c == '-');
            let known = table(page).contains_key(use_) || use_ == "proto";
            if !number && !known {
                findings.push(Finding::new(
                    PAGE,
                    1,
                    format!("`{use_}` is no module of the table"),
                ));
            }
        }
    }
    findings
}

#[test]
fn imports_follow_the_layers() {
    let tree = Tree::of_repository();
    expect_none(&imports(&tree));
    expect_none(&page(&tree));
}

const SMALL_PAGE: &str = "<!-- layers: -->
| Layer | Modules | May use |
|---|---|---|
| 0 | ids | - |
| 1 | wire, crypto | 0, proto |
| 2 | noise | 0-1 |
| 3 | store | 0-1 |
| 8 | commands | ids |
<!-- end of layers -->";

#[test]
fn forbidden_imports_are_found() {
    let files = [
        (PAGE, SMALL_PAGE),
        ("src/lib.rs", "pub mod wire;"),
        ("src/ids/mod.rs", "use wmctl_proto::adv;"),
        (
            "src/wire/mod.rs",
            "use crate::ids;\nuse crate::{ids::Jid, crypto::{curve}};",
        ),
        (
            "src/wire/node.rs",
            "use super::frame;\nuse super::super::noise;\nfn f() {}",
        ),
        ("src/wire/tests.rs", "use crate::noise;"),
        (
            "src/noise/mod.rs",
            "fn f() {\n    crate::store::db::open();\n    crate::wire::x();\n}",
        ),
        (
            "src/store.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::noise;\n}",
        ),
        ("src/stray.rs", "fn f() {}"),
        (
            "commands/run.rs",
            "use wmctl::{ids, store};\nuse crate::ui;",
        ),
    ];
    let found = [
        ("src/ids/mod.rs", 1),
        ("src/wire/mod.rs", 2),
        ("src/wire/node.rs", 2),
        ("src/noise/mod.rs", 2),
        ("src/stray.rs", 1),
        ("commands/run.rs", 1),
    ];
    expect_found(imports, &files, &found);
}

#[test]
fn a_long_or_wrong_page_is_found() {
    let long = format!("{SMALL_PAGE}\n{}", "\n".repeat(300));
    expect_found(page, &[(PAGE, &long)], &[(PAGE, long.lines().count())]);
    let wrong = SMALL_PAGE.replace("commands | ids", "commands | idz");
    expect_found(page, &[(PAGE, &wrong)], &[(PAGE, 1)]);
}
