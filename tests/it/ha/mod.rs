//! Two processes for one account: after any fault of one, the other continues. No message is lost,
//! doubled or encrypted with a used key.
//!
//! `WMCTL_HA_ROUNDS` makes it a soak test.

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
