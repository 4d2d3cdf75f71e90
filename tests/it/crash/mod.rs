//! `wmctl run` under traffic, killed at random moments, and with a store that stops answering.
//!
//! After each kill and at the end, the simulator's journal is compared with the rows. Nothing may
//! be lost, doubled, or acked before its commit, and no chain counter may be used twice.
//!
//! `WMCTL_CRASH_KILLS`, `WMCTL_CRASH_MESSAGES` (each way) and `WMCTL_CRASH_SEED` make it a soak
//! test.

mod faults;
mod kills;
mod outage;
mod settings;
