//! Why the simulator cannot do what it is asked.

use crate::sim::tls::TlsError;
use crate::sim::unpaired::ScanError;

/// Why the simulator cannot do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum SimError {
    /// The port cannot be taken.
    #[error("cannot listen on 127.0.0.1:{port}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: std::io::Error,
    },
    /// The certificates could not be made.
    #[error("cannot set up TLS")]
    Tls(#[from] TlsError),
    /// Too many faults wait to happen.
    #[error("too many faults wait to happen")]
    Faults,
    /// The simulator has been stopped.
    #[error("the simulator is stopped")]
    Stopped,
    /// There is no account with that phone number.
    #[error("no account has this phone number")]
    UnknownAccount,
    /// There is no group with that address.
    #[error("no group has this address")]
    UnknownGroup,
    /// Who is to write to the group is no member.
    #[error("the account is not in the group")]
    NotInGroup,
    /// The account has no such device.
    #[error("the account has no such device")]
    UnknownDevice,
    /// The account has this device already, or it is the phone.
    #[error("the account has this device already")]
    DeviceTaken,
    /// The signed pre-key of a device is not signed by its identity.
    #[error("the signed pre-key is not signed by the identity")]
    Unsigned,
    /// A history of more than a phone holds.
    #[error("no phone has so much of a past")]
    TooMuch,
    /// The phone could not pair the client.
    #[error("the phone refuses to pair")]
    Scan(#[from] ScanError),
}
