//! Sockets to the outside: the only module that opens any.
//!
//! It knows names, TLS and WebSockets; it knows nothing of what the bytes mean.

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
