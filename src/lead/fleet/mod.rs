//! Many hosts, many tenants: which host is dead, and which tenants a host takes, keeps and gives
//! away.
//!
//! Decides and does nothing; `ops::serve` carries it out. Every host decides by itself from the
//! same rows, so that nobody has to be asked.

mod observer;
mod placement;

pub use observer::{Observer, Sign, beat_every_ms};
pub use placement::{Decision, Pace, Peer, Placed, TAKE_MAX, View, decide};
