//! The `wmctl` binary.

fn main() {}
