//! Many tenants: hosts that share them out, and the interface that steers them.

mod balance;
pub(crate) mod fleet;
mod http;
mod page;
mod pairing;
mod scale;
mod silence;
