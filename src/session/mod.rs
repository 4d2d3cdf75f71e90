//! One account as a machine without input or output.
//!
//! It decides and does nothing: stanzas, sends and the time come in; changes to commit and stanzas to
//! transmit come out, in that order. It knows no socket, no database, no clock and no randomness.

pub mod account;
pub mod backoff;
pub mod changes;
pub mod config;
pub mod rows;
