//! One account as a state machine without input or output (sans-I/O).
//!
//! The session decides; its owner acts. Stanzas, sends and the time come in. Changes to commit and
//! stanzas to transmit come out, in that order. The session knows no socket, database, clock or
//! random generator.

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
