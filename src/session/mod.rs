//! One account as a machine without input or output.
//!
//! It decides and does nothing: stanzas, sends and the time come in; changes to commit and stanzas
//! to transmit come out, in that order. It knows no socket, no database, no clock and no
//! randomness.

// The machine that uses the rest is the next to come.
#![allow(dead_code, reason = "parts of the machine stand before it")]

pub mod account;
pub mod backoff;
pub mod changes;
pub mod config;
pub mod content;
pub mod input;
pub mod link;
pub mod output;
pub mod pair;
pub mod pair_code;
pub mod payload;
pub mod rows;
pub mod unit;

mod ack;
mod adv;
mod fields;
mod iq;
mod keepalive;
mod people;
mod stream_error;
#[cfg(test)]
mod tests;
