//! The signed device identity (ADV). It proves that the phone accepted a companion device, and that
//! the device accepted the account.
//!
//! Source: whatsmeow 33cfac51 `pair.go` (prefixes and signed content).

use prost::Message as _;

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::random::Random;
use crate::crypto::{random, xeddsa};
use crate::wire::node::Node;
use wmctl_proto::adv::AdvSignedDeviceIdentity;

/// Prefix of the content that the phone signs; device details and identity key follow.
const ACCOUNT_PREFIX: &[u8] = &[6, 0];
/// Prefix of the content that the device signs; details, identity key and account key follow.
const DEVICE_PREFIX: &[u8] = &[6, 1];
/// The same prefixes for devices that a hosting provider runs.
const HOSTED_ACCOUNT_PREFIX: &[u8] = &[6, 5];
const HOSTED_DEVICE_PREFIX: &[u8] = &[6, 6];

/// The signed device identity, issued by the phone and countersigned by the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvIdentity {
    pub details: Vec<u8>,
    pub account_signature: [u8; 64],
    pub account_signature_key: [u8; 32],
    pub device_signature: [u8; 64],
}

/// Returns whether the account key signed the device details and the device's identity key.
pub(in crate::session) fn account_signed(adv: &AdvIdentity, identity: &PublicKey) -> bool {
    let key = PublicKey(adv.account_signature_key);
    [ACCOUNT_PREFIX, HOSTED_ACCOUNT_PREFIX]
        .iter()
        .any(|prefix| {
            let message = [*prefix, &adv.details, identity.as_bytes()].concat();
            xeddsa::verify(&key, &message, &adv.account_signature)
        })
}

/// Returns whether the device signed that it belongs to this account.
pub(in crate::session) fn device_signed(adv: &AdvIdentity, identity: &PublicKey) -> bool {
    [DEVICE_PREFIX, HOSTED_DEVICE_PREFIX].iter().any(|prefix| {
        let message = device_message(prefix, adv, identity);
        xeddsa::verify(identity, &message, &adv.device_signature)
    })
}

fn device_message(prefix: &[u8], adv: &AdvIdentity, identity: &PublicKey) -> Vec<u8> {
    [
        prefix,
        &adv.details,
        identity.as_bytes(),
        &adv.account_signature_key,
    ]
    .concat()
}

/// Signs the phone's device identity with our identity key.
pub(in crate::session) fn countersign(
    adv: &AdvIdentity,
    identity: &KeyPair,
    rng: &mut dyn Random,
) -> [u8; xeddsa::SIGNATURE_BYTES] {
    let message = device_message(DEVICE_PREFIX, adv, &identity.public);
    xeddsa::sign(&identity.private, &message, &random::bytes(rng))
}

/// Decodes a device identity. A missing signature reads as zeros, which never verify.
///
/// `account_key` is used if the bytes omit the account key. Returns `None` if bytes are malformed
/// or no account key is available.
pub(in crate::session) fn decode(
    bytes: &[u8],
    account_key: Option<[u8; 32]>,
) -> Option<AdvIdentity> {
    let adv = AdvSignedDeviceIdentity::decode(bytes).ok()?;
    let given = adv.account_signature_key.unwrap_or_default();
    let account_signature_key = match given.as_slice() {
        [] => account_key?,
        given => given.try_into().ok()?,
    };
    let signature = |bytes: Option<Vec<u8>>| match bytes {
        None => Some([0; xeddsa::SIGNATURE_BYTES]),
        Some(bytes) => bytes.try_into().ok(),
    };
    Some(AdvIdentity {
        details: adv.details?,
        account_signature: signature(adv.account_signature)?,
        account_signature_key,
        device_signature: signature(adv.device_signature)?,
    })
}

/// Encodes a device identity. The phone expects ours without the account key.
pub(in crate::session) fn encode(adv: &AdvIdentity, with_account_key: bool) -> Vec<u8> {
    AdvSignedDeviceIdentity {
        details: Some(adv.details.clone()),
        account_signature_key: with_account_key.then(|| adv.account_signature_key.to_vec()),
        account_signature: Some(adv.account_signature.to_vec()),
        device_signature: Some(adv.device_signature.to_vec()),
    }
    .encode_to_vec()
}

/// Returns the stanza child that proves our identity to receivers.
pub(in crate::session) fn node(adv: &AdvIdentity) -> Node {
    Node::new("device-identity").bytes(encode(adv, true))
}

/// Returns whether `bytes` prove that `identity` belongs to a device of the account.
pub(in crate::session) fn proves(
    bytes: &[u8],
    identity: &PublicKey,
    account_key: Option<[u8; 32]>,
) -> bool {
    decode(bytes, account_key)
        .is_some_and(|adv| account_signed(&adv, identity) && device_signed(&adv, identity))
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn a_device_is_proven_by_both_signatures() {
        let rng = &mut StdRng::seed_from_u64(1);
        let (phone, device) = (KeyPair::generate(rng), KeyPair::generate(rng));
        let details = b"details".to_vec();
        let signed = [ACCOUNT_PREFIX, &details, device.public.as_bytes()].concat();
        let mut adv = AdvIdentity {
            account_signature: xeddsa::sign(&phone.private, &signed, &random::bytes(rng)),
            account_signature_key: phone.public.0,
            device_signature: [0; 64],
            details,
        };
        assert!(account_signed(&adv, &device.public));
        assert!(!proves(&encode(&adv, true), &device.public, None));
        adv.device_signature = countersign(&adv, &device, rng);
        assert!(proves(&encode(&adv, true), &device.public, None));
        assert!(!proves(&encode(&adv, true), &phone.public, None));
        assert!(proves(
            &encode(&adv, false),
            &device.public,
            Some(phone.public.0)
        ));
        assert!(!proves(&encode(&adv, false), &device.public, None));
        assert!(!proves(b"\xFF", &device.public, None));
    }
}
