//! One account as a machine without input or output.
//!
//! It decides and does nothing: stanzas, sends and the time come in; changes to commit and stanzas
//! to transmit come out, in that order. It knows no socket, no database, no clock and no
//! randomness.

pub mod account;
pub mod backoff;
pub mod changes;
pub mod config;
pub mod content;
pub mod input;
pub mod link;
pub mod machine;
pub mod output;
mod owed;
pub mod pair;
pub mod pair_code;
pub mod payload;
pub mod rows;
pub mod unit;

mod ack;
mod adv;
mod appstate;
mod bundles;
mod devices;
mod fields;
mod group;
mod history;
mod iq;
mod keepalive;
mod login;
mod notification;
mod past;
mod people;
mod prekeys;
pub mod pulse;
mod ratchets;
mod receipt;
mod receive;
pub mod refused;
mod retry;
mod send;
mod settings;
mod source;
mod stream_error;
#[cfg(test)]
mod tests;
mod unread;
