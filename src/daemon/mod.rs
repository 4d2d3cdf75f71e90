//! The long-running parts of a process: accounts, standby, hosts, deliveries, health.

pub mod account;
mod active;
pub mod health;
pub mod host;
mod record;
pub mod retention;
pub mod standby;
pub mod sweep;
pub mod webhooks;
