//! What a message costs in processor time, piece by piece, and beside other people's code where a
//! crate of theirs is at hand: the ratio of two figures of one run is worth more than either.
//!
//! `cargo bench --bench hot`; with `-- NAME` only what has the name in it.

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
