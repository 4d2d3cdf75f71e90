//! What rehearses and measures: the simulator as a command, demonstrations, drills, benchmarks, and
//! the audit that compares what a simulator saw with what a database holds.
//!
//! Nothing that serves real accounts uses this.

pub mod audit;
pub mod bench;
pub mod demo;
pub mod drill;
pub mod simulate;
pub mod simulated_phone;
pub(crate) mod stage;
