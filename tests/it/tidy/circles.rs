//! Finds import cycles between files. A cycle may not cross folders, and has at most three files.
//!
//! Only names in code count, not `mod` declarations and not the visibility of items.

use std::collections::{BTreeMap, BTreeSet};

use super::layers::{is_test, module_path};
use super::source::Source;
use super::{Finding, Tree, expect_found, expect_none};

/// Files that only declare modules.
const ROOTS: [&str; 2] = ["src/core.rs", "src/lib.rs"];
/// Maximum number of files in a cycle within one folder.
const FILES_MAX: usize = 3;

/// The files that each file names, by index.
struct Graph<'a> {
    paths: Vec<&'a str>,
    names: Vec<BTreeSet<usize>>,
}

/// Returns the text without the paths in `pub(in …)`.
fn without_reach(text: &str) -> String {
    let mut parts = text.split("pub(in ");
    let mut kept = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        kept.push_str("pub ");
        kept.push_str(part.split_once(')').map_or("", |(_, rest)| rest));
    }
    kept
}

/// Returns the modules of a path from the root, or `None` if it leads out of the crate.
fn absolute(segments: &[String], own: &[&str]) -> Option<Vec<String>> {
    let supers = segments.iter().take_while(|one| *one == "super").count();
    // A single word is a variable, a type, or a module declared with `mod`.
    if segments.len() < 2 {
        return None;
    }
    let base = |depth: usize| own.iter().take(depth).map(|one| (*one).to_owned());
    let first = segments.first()?;
    Some(match first.as_str() {
        "crate" => segments[1..].to_vec(),
        "self" => base(own.len())
            .chain(segments[1..].iter().cloned())
            .collect(),
        "super" => base(own.len().checked_sub(supers)?)
            .chain(segments[supers..].iter().cloned())
            .collect(),
        _ => base(own.len()).chain(segments.iter().cloned()).collect(),
    })
}

fn graph(tree: &Tree) -> Graph<'_> {
    let files = tree.files.iter().filter(|(path, _)| {
        path.starts_with("src/")
            && path.ends_with(".rs")
            && !is_test(path)
            && !ROOTS.contains(&path.as_str())
    });
    let files: Vec<(&str, &str)> = files.map(|(path, text)| (&**path, &**text)).collect();
    let modules: BTreeMap<String, usize> = (0..)
        .zip(&files)
        .map(|(number, (path, _))| (module_path(path).join("::"), number))
        .collect();
    let mut names = Vec::new();
    for (number, (path, text)) in files.iter().enumerate() {
        let own = module_path(path);
        let source = Source::of(&without_reach(text));
        let mut targets = BTreeSet::new();
        for named in source.without_tests().named() {
            let Some(segments) = absolute(&named.segments, &own) else {
                continue;
            };
            let longest = (1..=segments.len())
                .rev()
                .find_map(|length| modules.get(&segments[..length].join("::")));
            targets.extend(longest.copied().filter(|target| *target != number));
        }
        names.push(targets);
    }
    Graph {
        paths: files.into_iter().map(|(path, _)| path).collect(),
        names,
    }
}

impl Graph<'_> {
    fn reached(&self, from: usize) -> BTreeSet<usize> {
        let mut reached = BTreeSet::new();
        let mut left: Vec<usize> = self.names[from].iter().copied().collect();
        while let Some(next) = left.pop() {
            if reached.insert(next) {
                left.extend(&self.names[next]);
            }
        }
        reached
    }

    /// Returns every cycle once.
    fn circles(&self) -> Vec<Vec<usize>> {
        let reached: Vec<_> = (0..self.paths.len()).map(|at| self.reached(at)).collect();
        let mut circles = Vec::new();
        let mut seen = BTreeSet::new();
        for at in 0..self.paths.len() {
            if !reached[at].contains(&at) || !seen.insert(at) {
                continue;
            }
            let back = |other: &usize| reached[*other].contains(&at);
            let circle: Vec<usize> = reached[at].iter().copied().filter(back).collect();
            seen.extend(&circle);
            circles.push(circle);
        }
        circles
    }
}

fn room(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(room, _)| room)
}

fn circles(tree: &Tree) -> Vec<Finding> {
    let graph = graph(tree);
    let mut findings = Vec::new();
    for circle in graph.circles() {
        let paths: Vec<&str> = circle.iter().map(|at| graph.paths[*at]).collect();
        let rooms: BTreeSet<&str> = paths.iter().map(|path| room(path)).collect();
        if 1 < rooms.len() || FILES_MAX < paths.len() {
            let what = format!("a circle of {}: {}", paths.len(), paths.join(", "));
            findings.push(Finding::new(paths[0], 1, what));
        }
    }
    findings
}

#[test]
fn files_name_each_other_in_no_circle_across_rooms() {
    expect_none(&circles(&Tree::of_repository()));
}

#[test]
fn circles_are_found() {
    let files = [
        // Three files in one folder are allowed.
        ("src/a/mod.rs", "mod one;\nmod two;\nmod three;"),
        ("src/a/one.rs", "use super::two::Two;"),
        ("src/a/two.rs", "use crate::a::three;"),
        ("src/a/three.rs", "fn f() { crate::a::one::g() }"),
        // Two files in different folders are not allowed.
        ("src/b/mod.rs", "mod inner;\nuse crate::b::inner::deep::X;"),
        ("src/b/inner/mod.rs", "pub mod deep;"),
        (
            "src/b/inner/deep.rs",
            "pub(in crate::c) struct X;\nfn f(b: crate::b::B) {}",
        ),
        // Visibility to another module is not a use of it.
        ("src/b/near.rs", "pub(in crate::b) fn f() {}"),
        // Four files in one folder are too many.
        ("src/c/w.rs", "use crate::c::x::X;"),
        ("src/c/x.rs", "use crate::c::y::{self, Y};"),
        ("src/c/y.rs", "use crate::c::z;"),
        ("src/c/z.rs", "use super::w;"),
        // Names in test code do not count.
        ("src/d/one.rs", "use crate::e::two::Two;"),
        (
            "src/e/two.rs",
            "#[cfg(test)]\nmod tests {\n    use crate::d::one::One;\n}",
        ),
    ];
    let found = [("src/b/mod.rs", 1), ("src/c/w.rs", 1)];
    expect_found(circles, &files, &found);
}
