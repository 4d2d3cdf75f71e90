//! Many tenants: hosts that share them out, and the interface that steers them.

mod balance;
mod contract;
pub(crate) mod fleet;
mod guide;
mod healthy;
pub(crate) mod http;
mod logs;
mod names;
mod page;
mod pairing;
mod proxy;
mod reload;
mod rolling;
mod scale;
mod silence;
mod tls;
