//! Use cases for people and programs: one function each. They print nothing.
//!
//! Commands and the HTTP API call these functions and present the results. Neither uses the layers
//! below directly.

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

pub use crate::ops::actor::AuditActor;

use crate::app::shapes;
use crate::session::config::CLIENT_VERSION;

/// Returns the version of this binary.
pub fn version() -> shapes::Version {
    shapes::Version {
        version: env!("CARGO_PKG_VERSION"),
        features: vec!["sqlite", "postgres"],
        client_version: CLIENT_VERSION.map(|part| part.to_string()).join("."),
    }
}
