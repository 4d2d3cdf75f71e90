//! The primitives that WhatsApp's protocols are built from: one file a primitive, typed calls.
//!
//! Nothing here knows a protocol, and nothing here asks the system for randomness: it is handed in
//! as [`random::Random`]. Keys are [`crate::secret::Secret`]s or slices whose owner erases them.

pub mod cbc;
pub mod ctr;
pub mod curve;
pub mod gcm;
pub mod hash;
pub mod hkdf;
pub mod mac;
pub mod pbkdf2;
pub mod random;
pub mod xeddsa;

#[cfg(test)]
mod tests;
