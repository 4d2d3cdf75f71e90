//! Links between pages, and the map that leads to all of them.

use std::collections::BTreeSet;

use super::page::Page;
use super::{pages, root};

/// Most lines of the first page.
const README_LINES_MAX: usize = 150;
const COLUMNS_MAX: usize = 100;

/// The path that a link of `page` means, from the root of the repository.
fn resolved(page: &str, target: &str) -> String {
    let mut parts: Vec<&str> = page.split('/').collect();
    parts.pop();
    for part in target.split('/') {
        match part {
            "." | "" => (),
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn dead(page: &Page, all: &[Page]) -> Vec<String> {
    let mut found = Vec::new();
    for (line, link) in page.links() {
        if link.contains("://") {
            continue;
        }
        let (target, anchor) = link.split_once('#').unwrap_or((&link, ""));
        let path = match target {
            "" => page.path.clone(),
            target => resolved(&page.path, target),
        };
        let known = all.iter().find(|other| other.path == path);
        let leads = match (known, anchor) {
            (None, "") => root().join(&path).exists(),
            (None, _) => false,
            (Some(_), "") => true,
            (Some(other), anchor) => other.anchors().iter().any(|known| known == anchor),
        };
        if !leads {
            found.push(format!("{}:{line}: {link}", page.path));
        }
    }
    found
}

#[test]
fn every_link_leads_somewhere() {
    let mut pages = pages();
    for name in ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"] {
        pages.push(Page::read(root(), &root().join(name)));
    }
    let found: Vec<String> = pages.iter().flat_map(|page| dead(page, &pages)).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Paths of the repository between backticks that lead nowhere; not those that stand for several.
fn lost(page: &Page) -> Vec<String> {
    let folders = [
        "src/",
        "commands/",
        "tests/",
        "deploy/",
        "docs/",
        "proto/",
        "fuzz/",
    ];
    let mut found = Vec::new();
    for (line, text) in page.prose() {
        for word in text.split('`').skip(1).step_by(2) {
            let is_path = folders.iter().any(|folder| word.starts_with(folder));
            let several = word.contains(['*', '{', ' ', '…']);
            if is_path && !several && !root().join(word).exists() {
                found.push(format!("{}:{line}: {word}", page.path));
            }
        }
    }
    found
}

#[test]
fn every_path_that_is_named_exists() {
    let mut pages = pages();
    for name in ["ARCHITECTURE.md", "CONTRIBUTING.md"] {
        pages.push(Page::read(root(), &root().join(name)));
    }
    let found: Vec<String> = pages.iter().flat_map(lost).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
    let page = Page::of("a.md", "`src/lib.rs` and `src/no.rs`\n");
    assert_eq!(lost(&page), ["a.md:1: src/no.rs"]);
}

#[test]
fn a_dead_link_is_found() {
    let pages = [
        Page::of(
            "docs/a.md",
            "# A\n[b](../docs/b.md#b) [b](b.md#c) [x](x.md) [a](#a)\n",
        ),
        Page::of(
            "docs/b.md",
            "# B\n[up](../README.md) [no](../README.md#no)\n",
        ),
    ];
    let found: Vec<String> = pages.iter().flat_map(|page| dead(page, &pages)).collect();
    assert_eq!(
        found,
        [
            "docs/a.md:2: b.md#c",
            "docs/a.md:2: x.md",
            "docs/b.md:2: ../README.md#no",
        ]
    );
}

#[test]
fn the_map_leads_to_every_page() {
    let pages = pages();
    let map = pages.iter().find(|page| page.path == "docs/README.md");
    let links: BTreeSet<String> = map
        .expect("docs/README.md is the map")
        .links()
        .iter()
        .map(|(_, link)| resolved("docs/README.md", link))
        .collect();
    for page in pages.iter().filter(|page| page.path.starts_with("docs/")) {
        let listed = links.contains(&page.path) || page.path == "docs/README.md";
        assert!(listed, "{} is not in docs/README.md", page.path);
    }
}

#[test]
fn the_first_page_is_short_and_lines_are_narrow() {
    for page in pages() {
        let lines = page.text.lines().count();
        assert!(
            page.path != "README.md" || lines <= README_LINES_MAX,
            "{lines}"
        );
        for (number, line) in page.text.lines().enumerate() {
            // A row of a table cannot be folded.
            let columns = line.chars().count();
            let table = line.starts_with('|') && page.path != "README.md";
            assert!(
                table || columns <= COLUMNS_MAX,
                "{}:{}",
                page.path,
                number + 1
            );
        }
    }
}
