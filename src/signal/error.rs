//! Why a ratchet could not be started or used.

/// Why a ratchet could not be started or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatchetError {
    /// There is no ratchet with the device.
    #[error("no ratchet with this device")]
    NoSession,
    /// The bytes are no message, or one of its keys is none.
    #[error("malformed message")]
    Malformed,
    /// The message is of another protocol version.
    #[error("message of protocol version {found}")]
    Version {
        /// The version that the message names.
        found: u8,
    },
    /// The key that its place in a chain gives does not fit: the message was changed on the way.
    #[error("message authentication code does not fit")]
    BadMac,
    /// No ratchet with the device has the chain that it comes from, nor leads to it: a chain older
    /// than those that are kept, another ratchet, or a change on the way.
    #[error("message of a chain that is not kept any more, or of another ratchet")]
    UnknownChain,
    /// The key of this message has been used: it was decrypted before, or is too old.
    #[error("message {counter} was decrypted before")]
    Duplicate {
        /// Place of the message in its chain.
        counter: u32,
    },
    /// More messages are missing before this one than keys would be kept for.
    #[error("message {counter} is too far ahead of {expected}")]
    TooFarAhead {
        /// Place of the message in its chain.
        counter: u32,
        /// Place of the next message that has not come.
        expected: u32,
    },
    /// The chain has no numbers left.
    #[error("chain has no numbers left")]
    Exhausted,
    /// The signed pre-key in a bundle is not signed by the identity in it.
    #[error("signed pre-key is not signed by its identity")]
    BundleSignature,
    /// The message was encrypted for a one-time pre-key that is used up or was never ours.
    #[error("no one-time pre-key {id}")]
    MissingPreKey {
        /// Number of the key.
        id: u32,
    },
    /// The message was encrypted for a signed pre-key that we no longer have.
    #[error("no signed pre-key {id}")]
    MissingSignedPreKey {
        /// Number of the key.
        id: u32,
    },
    /// The message claims another identity than the one that started its ratchet.
    #[error("message claims another identity than its ratchet has")]
    OtherIdentity,
    /// The peer's key would make the shared secret known to everybody.
    #[error("ratchet key of low order")]
    LowOrder,
}

impl RatchetError {
    /// How much it says about a message that several ratchets refused.
    pub(super) const fn weight(&self) -> u8 {
        match self {
            Self::Duplicate { .. } => 4,
            Self::TooFarAhead { .. } => 3,
            Self::UnknownChain => 1,
            Self::NoSession => 0,
            _ => 2,
        }
    }
}
