//! Connections to a server: where it is, how it is logged in to, and what is asked on them.
//!
//! Values are bound and never part of a text; what is asked together goes out together. What is
//! asked comes from above, and so does what to do when a connection fails.

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
