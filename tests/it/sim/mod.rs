//! The simulator against a client that has only the codec.

mod client;
mod delivery;
mod honest;
mod login;
