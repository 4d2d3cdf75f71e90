//! The signed device identity (ADV): proof that an account's phone accepted a companion device, and
//! that the device accepted it back.

use prost::Message as _;

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::random::Random;
use crate::crypto::{random, xeddsa};
use crate::wire::node::Node;
use wmctl_proto::adv::AdvSignedDeviceIdentity;

/// What the phone's signature covers, before the details and the device's identity key.
const ACCOUNT_PREFIX: &[u8] = &[6, 0];
/// What the device's signature covers, before details, identity key and account key.
const DEVICE_PREFIX: &[u8] = &[6, 1];
/// The same prefixes for devices that a hosting provider runs.
const HOSTED_ACCOUNT_PREFIX: &[u8] = &[6, 5];
const HOSTED_DEVICE_PREFIX: &[u8] = &[6, 6];

/// The signed device identity, as the phone issued it and the device countersigned it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvIdentity {
    pub details: Vec<u8>,
    pub account_signature: [u8; 64],
    pub account_signature_key: [u8; 32],
    pub device_signature: [u8; 64],
}

/// Whether the phone signed this device: the account key's signature over details and identity.
pub(in crate::session) fn account_signed(adv: &AdvIdentity, identity: &PublicKey) -> bool {
    let key = PublicKey(adv.account_signature_key);
    [ACCOUNT_PREFIX, HOSTED_ACCOUNT_PREFIX]
        .iter()
        .any(|prefix| {
            let message = [*prefix, &adv.details, identity.as_bytes()].concat();
            xeddsa::verify(&key, &message, &adv.account_signature)
        })
}

/// Whether the device signed that it belongs to this account.
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

/// Our signature under the phone's acceptance.
pub(in crate::session) fn countersign(
    adv: &AdvIdentity,
    identity: &KeyPair,
    rng: &mut dyn Random,
) -> [u8; xeddsa::SIGNATURE_BYTES] {
    let message = device_message(DEVICE_PREFIX, adv, &identity.public);
    xeddsa::sign(&identity.private, &message, &random::bytes(rng))
}

/// Reads a device identity; missing signatures read as zeros, which verify for nobody.
///
/// `account_key` stands in where the account's key is left out, as it may be.
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

/// Writes a device identity; the phone wants ours without its own key.
pub(in crate::session) fn encode(adv: &AdvIdentity, with_account_key: bool) -> Vec<u8> {
    AdvSignedDeviceIdentity {
        details: Some(adv.details.clone()),
        account_signature_key: with_account_key.then(|| adv.account_signature_key.to_vec()),
        account_signature: Some(adv.account_signature.to_vec()),
        device_signature: Some(adv.device_signature.to_vec()),
    }
    .encode_to_vec()
}

/// The stanza child that proves to receivers who we are.
pub(in crate::session) fn node(adv: &AdvIdentity) -> Node {
    Node::new("device-identity").bytes(encode(adv, true))
}

/// Whether `bytes` prove that `identity` is a device of the account that they name.
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
