//! Writes `proto/src/*.rs` from `proto/schema/*.proto`; needs no `protoc`.
//!
//! Run from anywhere: `cargo run --manifest-path proto/generate/Cargo.toml`.

use std::path::Path;

const SCHEMAS: [&str; 7] =
    ["adv", "appstate", "handshake", "history", "message", "records", "signal"];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let files = SCHEMAS.map(|name| format!("{name}.proto"));
    let set = protox::compile(files, [root.join("schema")])?;
    prost_build::Config::new().out_dir(root.join("src")).compile_fds(set)?;
    Ok(())
}
