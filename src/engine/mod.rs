//! The live system: what waits, commits and transmits for each account.
//!
//! An [`actor`] owns one account: its session, its link, its rows at hand. It waits for one thing,
//! lets the session decide, has the [`ledger`] commit, and only then transmits. Only here sockets
//! and rows meet; what stanzas mean is decided in `session`, what rows are in `store`.

pub mod actor;
mod ailment;
pub mod downloads;
pub mod farewell;
pub mod gate;
pub mod lease_keeper;
pub mod leased;
pub mod ledger;
pub mod line;
pub mod pairing;
mod parts;
mod refusal;
pub mod room;
pub mod status;
pub mod stop;
pub mod supervisor;

#[cfg(test)]
mod tests;
