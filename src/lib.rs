//! The library behind wmctl: the protocol session of one account, the fenced store, and everything
//! that runs them.
//!
//! Suggested reading order:
//!
//! - `ids`, `wire` (bytes and nodes), `crypto`, `noise` (link encryption), `signal` (ratchets) and
//!   `appstate` (data that an account's devices share)
//! - `session` (one account, no input or output)
//! - `store` (rows and the lease), `net` (sockets), `engine` (one live account)
//! - `app` (start-up of every process), `daemon` (long-running tasks), `ops` (one-off use cases)
//! - `rehearsal` (simulations, drills and measurements), `client` and `api` (HTTP)

pub mod api;
pub mod app;
pub mod client;
pub mod clock;
pub mod config;
pub mod daemon;
pub mod engine;
pub mod metrics;
pub mod net;
pub mod ops;
pub mod rehearsal;
pub mod sim;
pub mod store;

pub use wmctl_core::{appstate, crypto, ids, lead, noise, secret, session, signal, wire};
