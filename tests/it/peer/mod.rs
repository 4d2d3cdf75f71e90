//! Third-party clients, against the simulator and against `wmctl`.
//!
//! The simulator and wmctl share one codec and one understanding of the protocol. Independent
//! clients show that both are right.

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
