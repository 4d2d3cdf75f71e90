//! Every command of every console block, as a reader types it.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::page::Page;
use super::pages;
use super::shell::Shell;

/// Pages that run side by side: most of the time they wait.
const TOGETHER: usize = 4;
/// What a block may be. `console` is run, `sh` is read (`deploy::commands`), the others are text.
const KINDS: [&str; 12] = [
    "console", "sh", "text", "toml", "json", "js", "python", "sql", "ini", "yaml", "nginx", "rust",
];

/// What is wrong with the commands of a page. The first ends it: the others rest on it.
fn wrong(page: &Page) -> Option<String> {
    let steps = page.steps();
    if steps.is_empty() {
        return None;
    }
    let mut shell = Shell::start(page);
    steps.iter().find_map(|step| {
        let why = shell.run(step).err()?;
        Some(format!(
            "{}:{}: {}: {why}",
            page.path, step.line, step.command
        ))
    })
}

#[test]
fn every_command_in_a_console_block_works() {
    let pages = pages();
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..TOGETHER {
            scope.spawn(|| {
                while let Some(page) = pages.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let why = wrong(page);
                    found.lock().unwrap().extend(why);
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
    let commands: usize = pages.iter().map(|page| page.steps().len()).sum();
    assert!(60 < commands, "only {commands} commands are found");
}

#[test]
fn every_block_says_what_it_is() {
    for page in pages() {
        for block in &page.blocks {
            let place = format!("{}:{}", page.path, block.line);
            assert!(
                KINDS.contains(&block.kind.as_str()),
                "{place}: {}",
                block.kind
            );
            let prompts = block.lines.iter().any(|line| line.starts_with("$ "));
            assert_eq!(prompts, block.kind == "console", "{place}: prompts");
        }
    }
}

#[test]
fn a_page_that_is_wrong_is_found() {
    for (text, why) in [
        ("$ wmctl nonsense", "exit status 2, not 0"),
        ("$ wmctl version --nonsense", "exit status 2, not 0"),
        ("$ nonsense", "exit status 127, not 0"),
        (
            "$ wmctl help nonsense\n  code: NO_TOPIC (exit 6)",
            "exit status 5, not 6",
        ),
    ] {
        let page = Page::of("planted.md", &format!("```console\n{text}\n```\n"));
        let found = wrong(&page).unwrap_or_default();
        assert!(found.starts_with("planted.md:2: "), "{text}: {found}");
        assert!(found.contains(why), "{text}: {found}");
    }
    let text = "```console\n$ wmctl help nonsense\n  code: NO_TOPIC (exit 5)\n$ A=b; (exit 3)\n```";
    let found = wrong(&Page::of("planted.md", text)).unwrap_or_default();
    assert!(found.starts_with("planted.md:4: "), "{found}");
}
