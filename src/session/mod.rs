//! One account as a machine without input or output.
//!
//! It decides and does nothing: stanzas, sends and the time come in; changes to commit and stanzas
//! to transmit come out, in that order. It knows no socket, no database, no clock and no
//! randomness.

pub mod account;
pub mod changes;
pub mod config;
mod deferred_acks;
mod dispatch;
pub mod input;
mod keys;
pub mod link;
pub mod machine;
pub mod messages;
pub mod output;
pub mod pairing;
pub mod rows;
mod sync;
#[cfg(test)]
mod tests;
pub mod unit;
