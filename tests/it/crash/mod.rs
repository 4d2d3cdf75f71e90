//! `wmctl run` under traffic, killed at random moments, and under a store that stops answering.
//!
//! After each kill and at the end, the simulator's journal is held against the rows: nothing is
//! lost, nothing doubled, nothing acked before its commit, no chain counter used twice.
//!
//! `WMCTL_CRASH_KILLS`, `WMCTL_CRASH_MESSAGES` (each way) and `WMCTL_CRASH_SEED` make it a soak.

mod faults;
mod kills;
mod outage;
mod settings;
