//! One integration binary: it links the library once.

#![allow(
    clippy::unwrap_used,
    reason = "tests state what they expect by panicking"
)]

mod api;
mod cli;
mod crash;
mod db;
mod deploy;
mod docs;
mod drill;
mod faults;
mod ha;
mod hooks;
mod isolation;
mod lead;
mod moves;
mod peer;
mod restore;
mod sim;
mod store;
mod support;
mod tidy;
