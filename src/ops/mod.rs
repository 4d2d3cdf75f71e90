//! The use cases: one function each, no printing.
//!
//! Commands and the HTTP API call these and show what comes back; neither reaches further down.

pub mod event;
pub mod shapes;

use crate::session::config::CLIENT_VERSION;

/// What this binary is.
pub fn version() -> shapes::Version {
    shapes::Version {
        version: env!("CARGO_PKG_VERSION"),
        features: vec!["sqlite", "postgres"],
        client_version: CLIENT_VERSION.map(|part| part.to_string()).join("."),
    }
}
