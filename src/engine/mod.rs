//! The live system: one actor per account, which waits, commits and transmits.
//!
//! An [`actor`] owns one account: its session, its link and its cached rows. It waits for an input,
//! lets the session decide, commits through the [`ledger`], and only then transmits. This is the
//! only module where sockets and rows meet. `session` decides what stanzas mean, and `store`
//! defines the rows.

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
