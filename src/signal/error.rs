//! Errors of starting or using a ratchet.

/// Why a ratchet could not be started or used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RatchetError {
    /// There is no ratchet with the device.
    #[error("no ratchet with this device")]
    NoSession,
    /// The bytes are not a message, or one of its keys is invalid.
    #[error("malformed message")]
    Malformed,
    /// The message has another protocol version.
    #[error("message of protocol version {found}")]
    Version {
        /// The version in the message.
        found: u8,
    },
    /// The MAC does not match the key for this counter: the message was modified.
    #[error("message authentication code does not fit")]
    BadMac,
    /// No ratchet with the device knows or derives the message's chain. The chain may be older than
    /// those that are kept, or belong to another ratchet, or the message was modified.
    #[error("message of a chain that is not kept any more, or of another ratchet")]
    UnknownChain,
    /// The message key no longer exists: the message was decrypted before, or it is too old.
    #[error("message {counter} was decrypted before")]
    Duplicate {
        /// Counter of the message.
        counter: u32,
    },
    /// The message is more than [`super::SKIPPED_MAX`] ahead of the chain.
    #[error("message {counter} is too far ahead of {expected}")]
    TooFarAhead {
        /// Counter of the message.
        counter: u32,
        /// The chain's next counter.
        expected: u32,
    },
    /// The chain has no counters left.
    #[error("chain has no numbers left")]
    Exhausted,
    /// The signed pre-key in a bundle is not signed by the bundle's identity key.
    #[error("signed pre-key is not signed by its identity")]
    BundleSignature,
    /// The message uses a one-time pre-key that is used up or was never ours.
    #[error("no one-time pre-key {id}")]
    MissingPreKey {
        /// Id of the pre-key.
        id: u32,
    },
    /// The message uses a signed pre-key that we no longer have.
    #[error("no signed pre-key {id}")]
    MissingSignedPreKey {
        /// Id of the pre-key.
        id: u32,
    },
    /// The message claims a different identity than the one that started its ratchet.
    #[error("message claims another identity than its ratchet has")]
    OtherIdentity,
    /// The peer's key has low order, so the shared secret would be public.
    #[error("ratchet key of low order")]
    LowOrder,
}

impl RatchetError {
    /// Returns how informative the error is, to choose among the errors of several ratchets.
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
