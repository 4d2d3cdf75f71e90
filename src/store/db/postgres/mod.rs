//! Connections to PostgreSQL: address, login and queries.
//!
//! Values are bound and never part of a statement's text. Statements of one batch are sent
//! together. The caller decides what to do when a connection fails.

mod address;
pub(in crate::store) mod answer;
mod connect;
mod dial;
mod environment;
pub(in crate::store) mod link;
mod login;
mod passwords;
pub(in crate::store) mod pool;
pub(in crate::store) mod target;
mod trust;
