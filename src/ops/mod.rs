//! The use cases: one function each, no printing.
//!
//! Commands and the HTTP API call these and show what comes back; neither reaches further down.

pub mod bench;
mod claim;
pub mod db;
pub mod demo;
pub mod doctor;
pub mod drill;
pub mod event;
pub mod events;
pub mod health;
pub mod hosts;
pub mod keys;
pub mod ledger;
mod live;
pub mod locks;
pub mod logout;
pub mod logs;
pub mod migrate;
pub mod moves;
pub mod open;
pub mod pair;
pub mod pairings;
mod rehearsal;
pub mod remote;
pub mod retention;
pub mod run;
pub mod send;
pub mod serve;
pub mod shapes;
pub mod simulate;
pub mod simulated_phone;
pub mod standby;
pub mod sweep;
pub mod tenants;
pub mod webhooks;

/// Why a use case that connects could not.
pub use crate::engine::line::LineError;
/// How to ask a use case that goes on to stop.
pub use crate::engine::stop::Stop;
use crate::session::config::CLIENT_VERSION;

/// What this binary is.
pub fn version() -> shapes::Version {
    shapes::Version {
        version: env!("CARGO_PKG_VERSION"),
        features: vec!["sqlite", "postgres"],
        client_version: CLIENT_VERSION.map(|part| part.to_string()).join("."),
    }
}
