use std::path::{Path, PathBuf};

use super::wmctl;

/// The help pages are snapshots, so that a review sees every change.
#[test]
fn the_help_of_every_command_is_the_committed_one() {
    let home = tempfile::tempdir().unwrap();
    current("wmctl", &wmctl(home.path(), &[], &["-h"]).answer);
    let mut expected = vec![String::from("wmctl.txt")];
    let mut open: Vec<Vec<String>> = commands(&wmctl(home.path(), &[], &[]).answer);
    while let Some(command) = open.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = wmctl(home.path(), &[], &arguments);
        assert_eq!((help.code, help.words.as_str()), (0, ""), "{command:?}");
        let name = command.join("-");
        current(&name, &help.answer);
        expected.push(format!("{name}.txt"));
        for mut below in commands(&help.answer) {
            below.splice(0..0, command.iter().cloned());
            open.push(below);
        }
    }
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(expected.contains(&name), "{name}: no such command");
    }
}

#[test]
fn without_a_command_the_first_page_is_the_answer() {
    let home = tempfile::tempdir().unwrap();
    let page = wmctl(home.path(), &[], &[]);
    assert_eq!((page.code, page.words.as_str()), (0, ""));
    assert!(page.answer.contains("\nTools:\n"), "{}", page.answer);
    assert!(!page.answer.contains('\x1b'), "colour in a pipe");
}

#[test]
fn topics_and_commands_are_explained() {
    let home = tempfile::tempdir().unwrap();
    for (subject, part) in [
        ("exit-codes", "143   -"),
        ("environment", "DATABASE_URL"),
        ("output", "wmctl/v1"),
        ("config", "database_url = "),
        ("version", "Usage: wmctl version"),
    ] {
        let help = wmctl(home.path(), &[], &["help", subject]);
        assert_eq!((help.code, help.words.as_str()), (0, ""), "{subject}");
        assert!(help.answer.contains(part), "{subject}: {}", help.answer);
    }
    assert_eq!(wmctl(home.path(), &[], &["help", "nonsense"]).code, 5);
}

/// Returns the commands of a help page: indented lines below a heading about commands.
fn commands(page: &str) -> Vec<Vec<String>> {
    let mut commands = Vec::new();
    // The first page lists commands in groups with their own headings.
    let first = page.contains("\nTools:\n");
    let mut listed = false;
    for line in page.lines() {
        if line.ends_with(':') && !line.starts_with(' ') {
            let others = ["Options:", "Global options:", "Topics:"];
            listed = line == "Commands:" || first && !others.contains(&line);
        } else if listed && let Some(rest) = line.strip_prefix("  ") {
            let name = rest.split(' ').next().unwrap_or_default();
            if !name.is_empty() && name != "help" {
                commands.push(vec![name.to_owned()]);
            }
        }
    }
    commands
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots/help")
}

fn current(name: &str, text: &str) {
    let path = folder().join(format!("{name}.txt"));
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
        "{} is stale: WMCTL_BLESS=1 cargo test cli",
        path.display()
    );
}
