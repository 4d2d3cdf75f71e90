//! The cryptographic primitives of WhatsApp's protocols, one file each, with typed functions.
//!
//! This module knows no protocol and never asks the system for randomness, which is an argument
//! ([`random::Random`]). Keys are [`crate::secret::Secret`]s, or slices that their owner erases.

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
