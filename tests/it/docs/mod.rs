//! What is written for people: every command runs, every link leads somewhere, every code has its
//! line. CONTRIBUTING names the kinds of blocks.

mod codes;
mod console;
mod links;
mod page;
mod reference;
mod shell;

use std::path::{Path, PathBuf};

use page::Page;

/// README and SECURITY at the top, and everything below `docs/`.
fn pages() -> Vec<Page> {
    let mut paths = vec![root().join("README.md"), root().join("SECURITY.md")];
    collect(&root().join("docs"), &mut paths);
    paths.sort();
    paths.iter().map(|path| Page::read(root(), path)).collect()
}

fn collect(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("docs can be read") {
        let path = entry.expect("docs can be read").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "md") {
            found.push(path);
        }
    }
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
