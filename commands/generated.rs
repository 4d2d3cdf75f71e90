//! Checks that the committed completions and manual pages are those of this command line.
//!
//! `WMCTL_BLESS=1 cargo test generated` rewrites them.

use std::path::{Path, PathBuf};

use clap_complete::Shell;

use crate::failure::EXIT_CODES;
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
        "{} is stale: WMCTL_BLESS=1 cargo test generated",
        path.display()
    );
}
