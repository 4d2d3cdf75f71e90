//! Many hosts and many tenants: which hosts are dead, and which tenants a host takes, keeps and
//! gives away.
//!
//! This module decides and performs nothing; `daemon::host` carries the decisions out. Each host
//! decides alone from the same rows, without a coordinator.

mod observer;
mod placement;

pub use observer::{HostSighting, Observer, beat_every_ms};
pub use placement::{Decision, Pace, Peer, Placed, TAKE_MAX, View, decide};
