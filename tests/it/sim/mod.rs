//! The simulator against a client that knows nothing but the codec.

mod client;
mod delivery;
mod honest;
mod login;
