//! Who we are to other devices, and what is sent to them.

use crate::crypto::curve::KeyPair;

/// Who we are to other devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identity key.
    pub pair: KeyPair,
    /// The number that we gave ourselves when registering.
    pub registration_id: u32,
}

/// How a message has to be announced to its receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The receiver may have to start the ratchet first (`pkmsg`).
    PreKey,
    /// The ratchet is known to run on both sides (`msg`).
    Message,
}

/// An encrypted message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sealed {
    /// How to announce it.
    pub kind: Kind,
    /// What to send.
    pub bytes: Vec<u8>,
    /// Its place in the sender chain, from 0 after each turn.
    pub counter: u32,
}
