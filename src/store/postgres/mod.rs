//! Connections to a server: where it is, how it is logged in to, and what is asked on them.
//!
//! Values are bound and never part of a text; what is asked together goes out together. What is
//! asked comes from above, and so does what to do when a connection fails.

pub(super) mod answer;
mod dial;
mod environment;
pub(super) mod link;
mod login;
mod passwords;
pub(super) mod pool;
pub(super) mod target;
mod trust;
