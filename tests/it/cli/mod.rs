//! The binary as scripts and people use it: output, exit codes and help.

use std::path::Path;
use std::process::{Command, Output};

mod account;
mod bench;
mod complete;
mod demo;
mod help;
mod outbox;
mod output;
mod schema;
mod serve;
mod settings;
mod simulate;
mod terminal;
mod version;

/// Runs one command in `home`, without the tester's environment.
fn wmctl(home: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Ended {
    let output = Command::new(env!("CARGO_BIN_EXE_wmctl"))
        .env_clear()
        .env("HOME", home)
        .envs(variables.iter().copied())
        .current_dir(home)
        .args(arguments)
        .output()
        .unwrap();
    Ended::new(output)
}

/// The result of a command.
struct Ended {
    code: i32,
    answer: String,
    words: String,
}

impl Ended {
    fn new(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            answer: String::from_utf8(output.stdout).unwrap(),
            words: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
