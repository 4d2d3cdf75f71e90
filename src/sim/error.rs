//! Errors of the simulator's operations.

use crate::sim::tls::TlsError;
use crate::sim::unpaired::ScanError;

/// Why the simulator could not perform an operation.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The port could not be bound.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The requested port.
        port: u16,
        /// The system's error.
        source: std::io::Error,
    },
    /// The certificates could not be created.
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
    /// The limit of pending faults is reached.
    #[error("too many faults wait to happen")]
    Faults,
    /// The simulator has been stopped.
    #[error("the simulator is stopped")]
    Stopped,
    /// No account has this phone number.
    #[error("no account has this phone number")]
    UnknownAccount,
    /// No group has this JID.
    #[error("no group has this address")]
    UnknownGroup,
    /// The sending account is not a member of the group.
    #[error("the account is not in the group")]
    NotInGroup,
    /// The account has no such device.
    #[error("the account has no such device")]
    UnknownDevice,
    /// The account already has this device, or the device is the phone.
    #[error("the account has this device already")]
    DeviceTaken,
    /// The identity key did not sign the device's signed pre-key.
    #[error("the signed pre-key is not signed by the identity")]
    Unsigned,
    /// The history exceeds the simulator's limits.
    #[error("no phone has so much of a past")]
    TooMuch,
    /// The phone could not pair the client.
    #[error("the phone refuses to pair")]
    Scan(#[from] ScanError),
}
