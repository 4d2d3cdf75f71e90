//! Clients that others wrote, against the simulator and against `wmctl`.
//!
//! The simulator and wmctl share one codec and one idea of the protocol. That both are right is
//! shown by strangers who understand them.

mod alone;
mod appstate;
mod binary_xml;
mod chat;
mod devices;
mod groups;
mod handshake;
mod ours;
mod settings;
mod signal;
mod strangers;
