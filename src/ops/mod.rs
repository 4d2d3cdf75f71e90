//! What a person or a program asks for once: one function each, without printing.
//!
//! Commands and the HTTP API call these and show what comes back; neither reaches further down.

pub(crate) mod actor;
pub mod diagnose;
pub mod hosts;
pub mod keys;
pub mod logout;
pub mod logs;
pub mod migrate;
pub mod pair;
pub mod pairings;
pub mod prune;
pub mod send;
pub mod tenants;
pub mod transfer;
mod unlink;
pub mod webhooks;

pub use crate::ops::actor::Actor;

use crate::app::shapes;
use crate::session::config::CLIENT_VERSION;

/// What this binary is.
pub fn version() -> shapes::Version {
    shapes::Version {
        version: env!("CARGO_PKG_VERSION"),
        features: vec!["sqlite", "postgres"],
        client_version: CLIENT_VERSION.map(|part| part.to_string()).join("."),
    }
}
