//! Checks that the committed completions, manual pages and references match this build.
//!
//! `WMCTL_BLESS=1 cargo nextest run -E 'test(generated)'` rewrites them.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

use crate::failure::EXIT_CODES;
use crate::settings::reference as settings;
use crate::{completions, man};

#[test]
fn completions_are_current() {
    current("completions/wmctl.bash", &completions::script(Shell::Bash));
    current("completions/_wmctl", &completions::script(Shell::Zsh));
    current("completions/wmctl.fish", &completions::script(Shell::Fish));
}

#[test]
fn manual_pages_are_current_and_complete() {
    let mut expected = Vec::new();
    for (name, page) in man::pages() {
        current(&format!("man/{name}"), &page);
        expected.push(name);
    }
    for entry in std::fs::read_dir(root().join("man")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(
            !name.ends_with(".1") || expected.contains(&name),
            "man/{name}: no such command"
        );
    }
}

#[test]
fn the_page_on_exit_codes_lists_them_all() {
    let page = std::fs::read_to_string(root().join("man/wmctl-exit-codes.7")).unwrap();
    assert_eq!(page.matches("\n.TP\n").count(), EXIT_CODES.len());
    for (exit, when, _) in EXIT_CODES {
        assert!(
            page.contains(&format!("\n.TP\n{}\n{when}\n", exit.code())),
            "{}",
            exit.code()
        );
    }
}

#[test]
fn references_are_current() {
    for (page, name, text) in [
        ("configuration", "keys", settings::keys()),
        ("configuration", "variables", settings::variables()),
        ("errors", "exit codes", exit_codes()),
    ] {
        part(&format!("docs/reference/{page}.md"), name, &text);
    }
}

fn exit_codes() -> String {
    let mut table = String::from("| Code | When | Does a retry help? |\n|---|---|---|\n");
    for (exit, when, retry) in EXIT_CODES {
        table.push_str(&format!("| {} | {when} | {retry} |\n", exit.code()));
    }
    table
}

/// Checks the generated part of a page, between two marker comments. The rest is handwritten.
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

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn current(path: &str, text: &str) {
    let path: PathBuf = root().join(path);
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
