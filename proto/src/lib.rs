//! Protobuf types of wmctl, generated from `proto/schema`.
//!
//! Only this file is written by hand. CONTRIBUTING.md describes how to regenerate the others.

#![allow(missing_docs, reason = "generated: the schema holds the words")]
#![allow(clippy::all, reason = "generated: written by prost-build, not by hand")]

pub mod adv;
pub mod appstate;
pub mod handshake;
pub mod history;
pub mod message;
pub mod records;
pub mod signal;
