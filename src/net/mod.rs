//! Outgoing sockets: the only module that opens any.
//!
//! It handles host names, TLS and WebSockets, and does not interpret the transferred bytes.

pub mod dial;
pub mod http;
mod media;
pub mod proxy;
pub mod simulator;
mod special;
pub mod webhook;
pub mod websocket;

#[cfg(test)]
mod tests;
