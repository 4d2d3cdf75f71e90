//! Many tenants: hosts that share them, and the HTTP interface that manages them.

mod balance;
mod contract;
mod door;
pub(crate) mod fleet;
mod guide;
mod healthy;
pub(crate) mod http;
mod lint;
mod logout;
mod logs;
mod names;
mod outbox;
mod page;
mod pairing;
mod proxy;
mod reload;
mod rolling;
mod scale;
mod silence;
mod tls;
