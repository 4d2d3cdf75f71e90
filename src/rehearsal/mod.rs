//! Rehearsals and measurements: the simulator as a command, demonstrations, drills, benchmarks, and
//! the audit that compares the simulator's journal with the database.
//!
//! Code that serves real accounts does not use this module.

pub mod audit;
pub mod bench;
pub mod demo;
pub mod drill;
pub mod simulate;
pub mod simulated_phone;
pub(crate) mod stage;
