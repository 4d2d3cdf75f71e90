//! A page of Markdown, taken apart: blocks, commands, headings, links.

use std::path::Path;

/// What a line that varies has in place of the part that varies.
const VARIES: char = '…';

/// One page.
pub(super) struct Page {
    /// From the root of the repository, with forward slashes.
    pub(super) path: String,
    pub(super) text: String,
    pub(super) blocks: Vec<Block>,
}

/// A fenced block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// The line of its opening fence, from 1.
    pub(super) line: usize,
    pub(super) kind: String,
    /// The name under which commands of the page find it.
    pub(super) file: Option<String>,
    pub(super) lines: Vec<String>,
}

/// One command with what it prints.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) line: usize,
    pub(super) command: String,
    /// Lines that its output has, in this order.
    pub(super) expected: Vec<String>,
}

impl Step {
    /// The exit status that the page shows: an error names it, for people and for machines.
    pub(super) fn status(&self) -> i32 {
        let mut shown = self.expected.iter().filter_map(|line| {
            let people = line.trim().starts_with("code: ").then_some(" (exit ");
            let (_, exit) = line.split_once(people.unwrap_or("\"exit_code\":"))?;
            let digits = exit.find(|letter: char| !letter.is_ascii_digit())?;
            exit[..digits].parse().ok()
        });
        shown.next_back().unwrap_or(0)
    }

    /// The first line that the output lacks. Blanks may be more or fewer, as columns are as wide
    /// as what stands in them.
    pub(super) fn missing(&self, output: &str) -> Option<&str> {
        let mut lines = output.lines().map(squeezed);
        self.expected
            .iter()
            .find(|wanted| !lines.any(|line| fits(&squeezed(wanted), &line)))
            .map(String::as_str)
    }
}

fn squeezed(line: &str) -> String {
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Whether a line is the one that is wanted, where `…` stands for anything.
fn fits(wanted: &str, line: &str) -> bool {
    let mut parts = wanted.split(VARIES);
    let Some(mut rest) = parts.next().and_then(|first| line.strip_prefix(first)) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.split_once(part) {
            Some((_, behind)) => rest = behind,
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl Page {
    pub(super) fn read(root: &Path, path: &Path) -> Self {
        let text = std::fs::read_to_string(path).expect("a page can be read");
        let path = path.strip_prefix(root).expect("a page is below the root");
        Self::of(&path.to_string_lossy().replace('\\', "/"), &text)
    }

    pub(super) fn of(path: &str, text: &str) -> Self {
        let mut blocks: Vec<Block> = Vec::new();
        let mut inside = false;
        for (number, line) in text.lines().enumerate() {
            match line.trim_start().strip_prefix("```") {
                Some(_) if inside => inside = false,
                Some(kind) => {
                    inside = true;
                    let mut words = kind.split_whitespace().map(str::to_owned);
                    blocks.push(Block {
                        line: number + 1,
                        kind: words.next().unwrap_or_default(),
                        file: words.next(),
                        lines: Vec::new(),
                    });
                }
                None if inside => {
                    let block = blocks.last_mut().expect("a block is open");
                    block.lines.push(line.to_owned());
                }
                None => (),
            }
        }
        assert!(!inside, "{path}: a block is not closed");
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            blocks,
        }
    }

    /// Every command in the order of the page: those of console blocks, and those of comments
    /// `<!-- test: … -->`, which prepare what a reader has.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        for block in self.blocks.iter().filter(|block| block.kind == "console") {
            steps.extend(console(block));
        }
        for (number, line) in self.prose() {
            let hidden = line.strip_prefix("<!-- test: ");
            if let Some(command) = hidden.and_then(|rest| rest.strip_suffix(" -->")) {
                steps.push(Step {
                    line: number,
                    command: command.to_owned(),
                    expected: Vec::new(),
                });
            }
        }
        steps.sort_by_key(|step| step.line);
        steps
    }

    /// Lines outside of blocks, with their numbers.
    pub(super) fn prose(&self) -> impl Iterator<Item = (usize, &str)> {
        let inside = |number: usize| {
            self.blocks
                .iter()
                .any(|block| (block.line..=block.line + block.lines.len() + 1).contains(&number))
        };
        let lines = self.text.lines().enumerate();
        lines
            .map(|(number, line)| (number + 1, line))
            .filter(move |(number, _)| !inside(*number))
    }

    /// What links to headings of this page end with.
    pub(super) fn anchors(&self) -> Vec<String> {
        let headings = self.prose().filter(|(_, line)| line.starts_with('#'));
        let mut anchors: Vec<String> = Vec::new();
        for (_, heading) in headings {
            let words = heading.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter_map(|letter| match letter {
                ' ' => Some('-'),
                '-' | '_' => Some(letter),
                letter if letter.is_alphanumeric() => Some(letter),
                _ => None,
            });
            let anchor: String = kept.collect();
            // A heading that comes again has a number behind it.
            let again = |found: &&String| {
                found.strip_prefix(&anchor).is_some_and(|end| {
                    end.is_empty() || end.trim_start_matches('-').parse::<u32>().is_ok()
                })
            };
            let before = anchors.iter().filter(again).count();
            anchors.push(match before {
                0 => anchor,
                before => format!("{anchor}-{before}"),
            });
        }
        anchors
    }

    /// Where links of the page lead, with the lines on which they stand.
    pub(super) fn links(&self) -> Vec<(usize, String)> {
        let mut links = Vec::new();
        for (number, line) in self.prose() {
            // What is between backticks is no link.
            let plain: String = line.split('`').step_by(2).collect();
            for part in plain.split("](").skip(1) {
                if let Some((target, _)) = part.split_once(')') {
                    links.push((number, target.to_owned()));
                }
            }
        }
        links
    }
}

fn console(block: &Block) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for (index, line) in block.lines.iter().enumerate() {
        let number = block.line + 1 + index;
        if let Some(command) = line.strip_prefix("$ ") {
            steps.push(Step {
                line: number,
                command: command.to_owned(),
                expected: Vec::new(),
            });
            continue;
        }
        let step = steps.last_mut().expect("a console block begins with `$ `");
        if step.expected.is_empty() && (step.command.ends_with('\\') || line.starts_with("> ")) {
            step.command.push('\n');
            step.command
                .push_str(line.strip_prefix("> ").unwrap_or(line));
        } else if line.trim() != VARIES.to_string() && !line.trim().is_empty() {
            step.expected.push(line.clone());
        }
    }
    steps
}

#[test]
fn blocks_and_comments_become_commands_in_order() {
    let text = "# A\n<!-- test: prepare -->\n```console\n$ one \\\n    two\nsaid\n…\nmore\n$ cat \
                <<X\n> in\n> X\n```\n```sh\n$ not this\n```\n";
    let step = |line, command: &str, expected: &[&str]| Step {
        line,
        command: command.to_owned(),
        expected: expected.iter().map(ToString::to_string).collect(),
    };
    assert_eq!(
        Page::of("a.md", text).steps(),
        [
            step(2, "prepare", &[]),
            step(4, "one \\\n    two", &["said", "more"]),
            step(9, "cat <<X\nin\nX", &[]),
        ]
    );
}

#[test]
fn a_line_fits_but_for_what_varies_and_blanks() {
    for (wanted, line, is) in [
        ("a b", "a b", true),
        ("a b", "a bc", false),
        ("acme connected … vm/…", "acme connected x y vm/7", true),
        ("…b", "ab", true),
        ("…b", "ba", false),
        ("a…c…e", "abcde", true),
        ("a…c…e", "abde", false),
    ] {
        assert_eq!(fits(wanted, line), is, "{wanted} {line}");
    }
    let step = Step {
        line: 1,
        command: String::new(),
        expected: vec!["A   B".into(), "  code: X (exit 7)".into()],
    };
    assert_eq!(step.status(), 7);
    assert_eq!(step.missing("A B\nnoise\ncode: X (exit 7)\n"), None);
    assert_eq!(
        step.missing("code: X (exit 7)\nA B\n"),
        Some("  code: X (exit 7)")
    );
}

#[test]
fn headings_and_links_are_found() {
    let page = Page::of(
        "a.md",
        "# One, two!\n## `x_y` 3\n## One, two!\nsee [a](b.md#c) and `[no](no)`\n",
    );
    assert_eq!(page.anchors(), ["one-two", "x_y-3", "one-two-1"]);
    assert_eq!(page.links(), [(4, String::from("b.md#c"))]);
}
