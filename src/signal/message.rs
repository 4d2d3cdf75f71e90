//! The wire form of ratchet messages: a version byte, a protobuf, and the first eight bytes of a
//! MAC.
//!
//! Source: libsignal-protocol-go 0.2.0 `protocol/SignalMessage.go`,
//! `protocol/PreKeySignalMessage.go`.

use prost::Message as _;
use wmctl_proto::signal::{PreKeySignalMessage, SignalMessage};

use super::chain::MessageKeys;
use super::error::RatchetError;
use crate::crypto::curve::PublicKey;
use crate::crypto::{cbc, mac};

/// The supported protocol version.
pub(super) const VERSION: u8 = 3;

/// The version byte: the message version (high half) and the newest version that we support.
pub(super) const VERSION_BYTE: u8 = VERSION << 4 | VERSION;

/// Length of the truncated MAC, in bytes.
const MAC_BYTES: usize = 8;

/// A message of an established ratchet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RatchetMessage {
    pub(super) ratchet_key: PublicKey,
    pub(super) counter: u32,
    ciphertext: Vec<u8>,
    /// Version byte and protobuf as received: the input of the MAC.
    authenticated: Vec<u8>,
    mac: [u8; MAC_BYTES],
}

impl RatchetMessage {
    /// Parses a message. The MAC is verified later, by [`RatchetMessage::open`].
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RatchetError> {
        check_version(bytes)?;
        let (authenticated, mac) = bytes
            .split_last_chunk::<MAC_BYTES>()
            .ok_or(RatchetError::Malformed)?;
        let body = authenticated.get(1..).ok_or(RatchetError::Malformed)?;
        let body = SignalMessage::decode(body).map_err(|_| RatchetError::Malformed)?;
        let ratchet_key = body.ratchet_key.as_deref().and_then(PublicKey::from_signal);
        Ok(Self {
            ratchet_key: ratchet_key.ok_or(RatchetError::Malformed)?,
            counter: body.counter.ok_or(RatchetError::Malformed)?,
            ciphertext: body.ciphertext.ok_or(RatchetError::Malformed)?,
            authenticated: authenticated.to_vec(),
            mac: *mac,
        })
    }

    /// Verifies the MAC, then decrypts.
    pub(super) fn open(
        &self,
        keys: &MessageKeys,
        sender: &PublicKey,
        receiver: &PublicKey,
    ) -> Result<Vec<u8>, RatchetError> {
        let expected = mac_of(keys, sender, receiver, &self.authenticated);
        if !mac::verify(&expected, &self.mac) {
            return Err(RatchetError::BadMac);
        }
        cbc::decrypt(keys.cipher.expose(), keys.iv.expose(), &self.ciphertext)
            .map_err(|_| RatchetError::Malformed)
    }
}

/// Encrypts one message.
pub(super) fn seal(
    keys: &MessageKeys,
    ratchet_key: &PublicKey,
    previous_counter: u32,
    [sender, receiver]: [&PublicKey; 2],
    plain: &[u8],
) -> Vec<u8> {
    let body = SignalMessage {
        ratchet_key: Some(ratchet_key.to_signal().to_vec()),
        counter: Some(keys.index),
        previous_counter: Some(previous_counter),
        ciphertext: Some(cbc::encrypt(keys.cipher.expose(), keys.iv.expose(), plain)),
    };
    let mut bytes = with_version(&body);
    let mac = mac_of(keys, sender, receiver, &bytes);
    bytes.extend_from_slice(&mac);
    bytes
}

fn mac_of(
    keys: &MessageKeys,
    sender: &PublicKey,
    receiver: &PublicKey,
    authenticated: &[u8],
) -> [u8; MAC_BYTES] {
    let parts: [&[u8]; 3] = [&sender.to_signal(), &receiver.to_signal(), authenticated];
    let full = mac::hmac_sha256(keys.mac.expose(), &parts);
    let mut mac = [0; MAC_BYTES];
    mac.copy_from_slice(&full[..MAC_BYTES]);
    mac
}

/// A message that contains everything its receiver needs to start the ratchet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreKeyMessage {
    /// Id of our one-time pre-key that was used, if any.
    pub prekey_id: Option<u32>,
    /// Id of our signed pre-key that was used.
    pub signed_prekey_id: u32,
    /// The sender's base key; the same in all messages that start this ratchet.
    pub base_key: PublicKey,
    /// The sender's identity key. It is unproven until the message has been accepted.
    pub identity: PublicKey,
    /// The sender's registration id.
    pub registration_id: u32,
    pub(super) message: RatchetMessage,
}

impl PreKeyMessage {
    /// Parses a pre-key message and the message inside it. Nothing is authenticated yet.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, RatchetError> {
        check_version(bytes)?;
        let body = bytes.get(1..).ok_or(RatchetError::Malformed)?;
        let body = PreKeySignalMessage::decode(body).map_err(|_| RatchetError::Malformed)?;
        let key = |bytes: Option<&[u8]>| {
            bytes
                .and_then(PublicKey::from_signal)
                .ok_or(RatchetError::Malformed)
        };
        Ok(Self {
            // Ids start at 1; some senders write 0 for none.
            prekey_id: body.pre_key_id.filter(|id| *id != 0),
            signed_prekey_id: body.signed_pre_key_id.ok_or(RatchetError::Malformed)?,
            base_key: key(body.base_key.as_deref())?,
            identity: key(body.identity_key.as_deref())?,
            registration_id: body.registration_id.unwrap_or_default(),
            message: RatchetMessage::parse(
                body.message.as_deref().ok_or(RatchetError::Malformed)?,
            )?,
        })
    }
}

/// Encodes a version byte and a protobuf.
pub(super) fn with_version(body: &impl prost::Message) -> Vec<u8> {
    let mut bytes = vec![VERSION_BYTE];
    body.encode(&mut bytes)
        .expect("a vector has room for everything");
    bytes
}

/// Checks the message version, which is the high half of the first byte.
fn check_version(bytes: &[u8]) -> Result<(), RatchetError> {
    let found = bytes.first().ok_or(RatchetError::Malformed)? >> 4;
    if found != VERSION {
        return Err(RatchetError::Version { found });
    }
    Ok(())
}
