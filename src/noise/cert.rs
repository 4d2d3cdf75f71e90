//! The server's certificate chain: a leaf for its static key, signed by an intermediate, signed by
//! a root key that clients know.
//!
//! Source: whatsmeow 33cfac51 `handshake.go` (`verifyServerCert`, `WACertPubKey`).

use prost::Message;
use wmctl_proto::handshake::CertChain;
use wmctl_proto::handshake::cert_chain::NoiseCertificate;
use wmctl_proto::handshake::cert_chain::noise_certificate::Details;

use crate::crypto::curve::{KeyPair, PrivateKey, PublicKey};
use crate::crypto::random::{self, Random};
use crate::crypto::xeddsa;

/// The public key that must have signed the intermediate certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RootKey(pub PublicKey);

/// WhatsApp's root key.
pub const WHATSAPP_ROOT: RootKey = RootKey(PublicKey([
    0x14, 0x23, 0x75, 0x57, 0x4d, 0x0a, 0x58, 0x71, 0x66, 0xaa, 0xe7, 0x1e, 0xbe, 0x51, 0x64, 0x37,
    0xc4, 0xa2, 0x8b, 0x73, 0xe3, 0x69, 0x5c, 0x6c, 0xe1, 0xf7, 0xf9, 0x54, 0x5d, 0xa8, 0xee, 0x6b,
]));

/// The issuer serial number of an intermediate certificate; it denotes the root.
const ROOT_SERIAL: u32 = 0;

/// A server with a verified key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// The server's static key.
    pub key: PublicKey,
    /// Serial number of the leaf certificate.
    pub serial: u32,
    /// End of validity of the certificate that expires first, in Unix seconds.
    pub not_after_s: u64,
}

/// Verifies a chain for the static key that the handshake revealed.
///
/// Checks both signatures, both issuer serials, the key, and both validity periods (inclusive) at
/// `now_s` (Unix seconds).
pub fn verify(
    chain: &[u8],
    root: &RootKey,
    server: &PublicKey,
    now_s: u64,
) -> Result<ServerIdentity, CertError> {
    let chain = CertChain::decode(chain).map_err(|_| CertError::Malformed)?;
    let intermediate =
        Certificate::open(chain.intermediate.as_ref(), &root.0, Level::Intermediate)?;
    if intermediate.issuer_serial != ROOT_SERIAL {
        return Err(CertError::Serial {
            level: Level::Intermediate,
        });
    }
    intermediate.check_times(now_s)?;

    let leaf = Certificate::open(chain.leaf.as_ref(), &intermediate.key, Level::Leaf)?;
    if leaf.issuer_serial != intermediate.serial {
        return Err(CertError::Serial { level: Level::Leaf });
    }
    if leaf.key != *server {
        return Err(CertError::OtherKey);
    }
    leaf.check_times(now_s)?;
    Ok(ServerIdentity {
        key: leaf.key,
        serial: leaf.serial,
        not_after_s: leaf.not_after_s.min(intermediate.not_after_s),
    })
}

/// One certificate with a verified signature.
struct Certificate {
    level: Level,
    serial: u32,
    issuer_serial: u32,
    key: PublicKey,
    not_before_s: u64,
    not_after_s: u64,
}

impl Certificate {
    fn open(
        signed: Option<&NoiseCertificate>,
        issuer: &PublicKey,
        level: Level,
    ) -> Result<Self, CertError> {
        let signed = signed.ok_or(CertError::Malformed)?;
        let details = signed.details.as_deref().ok_or(CertError::Malformed)?;
        let signature = signed.signature.as_deref().ok_or(CertError::Malformed)?;
        let signature = signature.try_into().map_err(|_| CertError::Malformed)?;
        if !xeddsa::verify(issuer, details, signature) {
            return Err(CertError::Signature { level });
        }
        let details = Details::decode(details).map_err(|_| CertError::Malformed)?;
        let key = details.key.as_deref().and_then(PublicKey::from_slice);
        Ok(Self {
            level,
            serial: details.serial.ok_or(CertError::Malformed)?,
            issuer_serial: details.issuer_serial.ok_or(CertError::Malformed)?,
            key: key.ok_or(CertError::Malformed)?,
            not_before_s: details.not_before.ok_or(CertError::Malformed)?,
            not_after_s: details.not_after.ok_or(CertError::Malformed)?,
        })
    }

    fn check_times(&self, now_s: u64) -> Result<(), CertError> {
        let level = self.level;
        if now_s < self.not_before_s {
            return Err(CertError::NotYetValid {
                level,
                not_before_s: self.not_before_s,
                now_s,
            });
        }
        if self.not_after_s < now_s {
            return Err(CertError::Expired {
                level,
                not_after_s: self.not_after_s,
                now_s,
            });
        }
        Ok(())
    }
}

/// The parameters of a generated chain, for a simulated server.
#[derive(Clone, Debug)]
pub struct Issue<'a> {
    /// The root key, which signs the intermediate. Clients need its public half as [`RootKey`].
    pub root: &'a PrivateKey,
    /// The intermediate key, which signs the leaf.
    pub intermediate: &'a KeyPair,
    /// The server's static key.
    pub server: PublicKey,
    /// Serial number of the intermediate.
    pub intermediate_serial: u32,
    /// Serial number of the leaf.
    pub leaf_serial: u32,
    /// Start of both validity periods, in Unix seconds.
    pub not_before_s: u64,
    /// End of both validity periods, in Unix seconds.
    pub not_after_s: u64,
}

/// Generates a chain that [`verify`] accepts.
pub fn build(issue: &Issue<'_>, random: &mut dyn Random) -> Vec<u8> {
    let mut certify = |issuer: &PrivateKey, issuer_serial, serial, key: PublicKey| {
        let details = Details {
            serial: Some(serial),
            issuer_serial: Some(issuer_serial),
            key: Some(key.as_bytes().to_vec()),
            not_before: Some(issue.not_before_s),
            not_after: Some(issue.not_after_s),
        }
        .encode_to_vec();
        let signature = xeddsa::sign(issuer, &details, &random::bytes(random));
        NoiseCertificate {
            details: Some(details),
            signature: Some(signature.to_vec()),
        }
    };
    let (serial, public) = (issue.intermediate_serial, issue.intermediate.public);
    let intermediate = certify(issue.root, ROOT_SERIAL, serial, public);
    let leaf = certify(
        &issue.intermediate.private,
        serial,
        issue.leaf_serial,
        issue.server,
    );
    CertChain {
        leaf: Some(leaf),
        intermediate: Some(intermediate),
    }
    .encode_to_vec()
}

/// One of the two certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The certificate that the root signed.
    Intermediate,
    /// The certificate for the server's static key.
    Leaf,
}

impl std::fmt::Display for Level {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Intermediate => "intermediate",
            Self::Leaf => "leaf",
        })
    }
}

/// Why a chain is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertError {
    /// A part is missing or malformed.
    #[error("malformed certificate chain")]
    Malformed,
    /// The issuer's key did not sign the certificate.
    #[error("{level} certificate is not signed by its issuer")]
    Signature {
        /// The certificate.
        level: Level,
    },
    /// The certificate names another issuer.
    #[error("{level} certificate names another issuer")]
    Serial {
        /// The certificate.
        level: Level,
    },
    /// The leaf is for another server key.
    #[error("leaf certificate is for another key")]
    OtherKey,
    /// The certificate is not valid yet, or our clock is slow.
    #[error(
        "{level} certificate is valid only from {} on, and the clock here says {}",
        time(*not_before_s),
        time(*now_s)
    )]
    NotYetValid {
        /// The certificate.
        level: Level,
        /// Start of its validity, in Unix seconds.
        not_before_s: u64,
        /// Our clock, in Unix seconds.
        now_s: u64,
    },
    /// The certificate has expired, or our clock is fast.
    #[error(
        "{level} certificate ended at {}, and the clock here says {}",
        time(*not_after_s),
        time(*now_s)
    )]
    Expired {
        /// The certificate.
        level: Level,
        /// End of its validity, in Unix seconds.
        not_after_s: u64,
        /// Our clock, in Unix seconds.
        now_s: u64,
    },
}

/// Formats a certificate time for people.
fn time(unix_s: u64) -> String {
    let time = i64::try_from(unix_s)
        .ok()
        .and_then(|unix_s| jiff::Timestamp::from_second(unix_s).ok());
    time.map_or_else(|| format!("{unix_s} s after 1970"), |time| time.to_string())
}
