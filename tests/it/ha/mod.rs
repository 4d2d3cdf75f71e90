//! Two processes for one account: whatever happens to one, the other goes on, and nothing is lost,
//! doubled or encrypted with a used key.
//!
//! `WMCTL_HA_ROUNDS` makes it a soak.

mod faults;
mod figures;
mod health;
mod hosts;
mod lag;
mod locks;
mod orderly;
mod patroni;
mod plain;
mod scene;
mod service;
mod stall;
mod takeover;
