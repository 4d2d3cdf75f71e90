//! The protocol of wmctl without input or output: from bytes to one account's session, and the
//! decisions about who leads. A crate of its own, so that an edit above it does not check it again.

pub mod appstate;
pub mod crypto;
pub mod ids;
pub mod lead;
pub mod noise;
pub mod secret;
pub mod session;
pub mod signal;
pub mod wire;
