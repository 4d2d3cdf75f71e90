//! The engine of wmctl: one account's protocol session, the fenced store, and what runs them.
//!
//! Read in this order: `ids`, `wire` (bytes and nodes), `crypto`, `noise` (the link's encryption),
//! `signal` (ratchets), `appstate` (what an account's
//! devices share), `session` (one account, no input or output), `store` (rows and the lease),
//! `net` (sockets), `engine` (one live account), `app` (what every process starts from), `daemon`
//! (what runs for as long as a process lives), `ops` (what a person asks for once), `rehearsal`
//! (simulations, drills and measurements), `client` and `api` (HTTP).

pub mod api;
pub mod app;
pub mod appstate;
pub mod client;
pub mod clock;
pub mod config;
pub mod crypto;
pub mod daemon;
pub mod engine;
pub mod ids;
pub mod lead;
pub mod metrics;
pub mod net;
pub mod noise;
pub mod ops;
pub mod rehearsal;
pub mod secret;
pub mod session;
pub mod signal;
pub mod sim;
pub mod store;
pub mod wire;
