//! The use cases: one function each, no printing.
//!
//! Commands and the HTTP API call these and show what comes back; neither reaches further down.

pub mod shapes;
