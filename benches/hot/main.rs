//! Measures the processor time of each part of a message, next to third-party code where a crate is
//! available. Compare two figures of the same run; absolute figures vary between machines.
//!
//! Run `cargo bench --bench hot`; add `-- NAME` to run only benchmarks whose name contains NAME.

#![allow(
    clippy::unwrap_used,
    reason = "a measurement that cannot go on may panic"
)]

use criterion::{criterion_group, criterion_main};

mod pieces;
mod whole;

criterion_group!(
    hot,
    pieces::binary_xml,
    pieces::noise_frame,
    pieces::ratchets,
    pieces::sender_keys,
    pieces::patches,
    whole::incoming,
    whole::commits,
);
criterion_main!(hot);
