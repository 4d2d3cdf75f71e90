//! Our own identity, and encrypted messages.

use crate::crypto::curve::KeyPair;

/// Our own identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identity key.
    pub pair: KeyPair,
    /// The registration id.
    pub registration_id: u32,
}

/// The kind of an encrypted message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The receiver may have to start the ratchet first (`pkmsg`).
    PreKey,
    /// Both sides have the ratchet (`msg`).
    Message,
}

/// An encrypted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// Its kind.
    pub kind: Kind,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// Its counter in the sending chain, from 0 after each ratchet step.
    pub counter: u32,
}
