//! Protobuf types that wmctl reads and writes, generated from `proto/schema`.
//!
//! Nothing here is written by hand but this file; see CONTRIBUTING.md for how to regenerate.

#![allow(missing_docs, reason = "generated: the schema holds the words")]
#![allow(clippy::all, reason = "generated: written by prost-build, not by hand")]

pub mod adv;
pub mod appstate;
pub mod handshake;
pub mod history;
pub mod message;
pub mod records;
pub mod signal;
