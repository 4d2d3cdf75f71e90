use std::path::{Path, PathBuf};

use super::wmctl;

/// The help pages are snapshots, so that a review sees every change.
#[test]
fn the_help_of_every_command_is_the_committed_one() {
    let home = tempfile::tempdir().unwrap();
    current("wmctl", &wmctl(home.path(), &[], &["-h"]).answer);
    let mut expected = vec![String::from("wmctl.txt")];
    for page in pages(home.path()) {
        let name = page.command.join("-");
        current(&name, &page.text);
        expected.push(format!("{name}.txt"));
    }
    for entry in std::fs::read_dir(folder()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(expected.contains(&name), "{name}: no such command");
    }
}

#[test]
fn every_argument_and_option_is_explained() {
    let home = tempfile::tempdir().unwrap();
    let first = Page {
        command: Vec::new(),
        text: wmctl(home.path(), &[], &["--help"]).answer,
        leaf: false,
    };
    let mut wrong = Vec::new();
    for page in pages(home.path()).into_iter().chain([first]) {
        let name = page.command.join(" ");
        let found = page.arguments();
        assert!(found.len() > 10, "{name}: the options are not found");
        for (argument, explanation) in found {
            if !explanation.starts_with(char::is_alphanumeric) {
                wrong.push(format!("{name}: {argument}: {explanation:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_command_has_examples_and_says_how_it_ends() {
    let home = tempfile::tempdir().unwrap();
    let table = wmctl(home.path(), &[], &["help", "exit-codes"]).answer;
    let code = |line: &str| {
        line.split_whitespace()
            .next()
            .unwrap_or_default()
            .to_owned()
    };
    let known: Vec<String> = table.lines().map(code).collect();
    let mut wrong = Vec::new();
    let leaves = pages(home.path()).into_iter().filter(|page| page.leaf);
    for page in leaves {
        let name = page.command.join(" ");
        let examples = page.section("Examples:");
        if !examples
            .iter()
            .any(|line| line.contains(&format!("wmctl {name}")))
        {
            wrong.push(format!("{name}: {examples:?} shows no use of it"));
        }
        let exits = page.section("Exit status:");
        if exits.first().is_none_or(|line| code(line) != "0") {
            wrong.push(format!("{name}: exit status is not explained"));
        }
        let starts = exits
            .iter()
            .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let unknown = starts.filter(|line| !known.contains(&code(line)));
        wrong.extend(unknown.map(|line| format!("{name}: {line:?} is no exit code")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// One way to write a length of time, whatever the option.
#[test]
fn lengths_of_time_are_written_one_way() {
    let home = tempfile::tempdir().unwrap();
    let (mut wrong, mut lengths) = (Vec::new(), 0);
    for page in pages(home.path()) {
        let name = page.command.join(" ");
        let units = [
            "(seconds)",
            "(milliseconds)",
            "<SECONDS>",
            "<MS>",
            "<TIME>",
            "<MILLISECONDS>",
        ];
        for unit in units {
            // A moment is no length.
            let found = page.text.lines().filter(|line| line.contains(unit));
            let found = found.filter(|line| !line.contains("--expires-at"));
            wrong.extend(found.map(|line| format!("{name}: {line}")));
        }
        let mut lines = page.text.lines();
        while let Some(line) = lines.next() {
            if !line.trim_start().starts_with('-') || !line.contains("DURATION") {
                continue;
            }
            lengths += 1;
            let rest = lines
                .clone()
                .take_while(|line| !line.trim_start().starts_with("--"));
            let default = rest.filter_map(|line| line.trim().strip_prefix("[default: "));
            for default in default.map(|text| text.trim_end_matches(']')) {
                let unit = default.trim_start_matches(|char: char| char.is_ascii_digit());
                if !["ms", "s", "m", "h", "d"].contains(&unit) {
                    wrong.push(format!("{name}: {line}: {default}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(lengths > 20, "only {lengths} lengths of time are found");
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

/// The long help of one command.
struct Page {
    command: Vec<String>,
    text: String,
    /// It has no commands below it.
    leaf: bool,
}

impl Page {
    /// Each argument and option as it is listed, with the line below it.
    fn arguments(&self) -> Vec<(&str, &str)> {
        let mut lines = self.text.lines().peekable();
        let mut found = Vec::new();
        while let Some(line) = lines.next() {
            if line == "Examples:" {
                break;
            }
            let inner = line.trim_start();
            let listed = (2..8).contains(&(line.len() - inner.len()));
            if listed && inner.starts_with(['-', '<', '[']) {
                found.push((inner, lines.peek().map_or("", |below| below.trim_start())));
            }
        }
        found
    }

    /// The lines of a section, up to an empty one.
    fn section(&self, heading: &str) -> Vec<&str> {
        let lines = self.text.lines().skip_while(|line| *line != heading);
        lines.skip(1).take_while(|line| !line.is_empty()).collect()
    }
}

/// The pages of all commands.
fn pages(home: &Path) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut open: Vec<Vec<String>> = commands(&wmctl(home, &[], &[]).answer);
    while let Some(command) = open.pop() {
        let mut arguments: Vec<&str> = command.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = wmctl(home, &[], &arguments);
        assert_eq!((help.code, help.words.as_str()), (0, ""), "{command:?}");
        let below = commands(&help.answer);
        pages.push(Page {
            leaf: below.is_empty(),
            text: help.answer,
            command: command.clone(),
        });
        for mut below in below {
            below.splice(0..0, command.iter().cloned());
            open.push(below);
        }
    }
    pages
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
            if !name.is_empty() {
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
