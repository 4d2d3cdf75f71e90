//! XEdDSA: signatures with X25519 keys, in the form that Signal and WhatsApp use.
//!
//! The signer's Edwards key may have either sign. Its sign bit is stored in the top bit of the
//! signature's last byte, which the scalar `s` leaves free.
//!
//! Source: the XEdDSA specification (revision 1) sections 2.5 and 3; sign bit as in
//! libsignal-protocol-go 0.2.0 `ecc/SignCurve25519.go`.

use curve25519_dalek::edwards::{CompressedEdwardsY, EdwardsPoint};
use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest, Sha512};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::curve::{PrivateKey, PublicKey};

/// Length of a signature, in bytes.
pub const SIGNATURE_BYTES: usize = 64;

/// The prefix that separates the nonce hash from other uses of SHA-512: 2^256 - 2 in little-endian
/// form, as in `hash1` of the XEdDSA specification.
const NONCE_PREFIX: [u8; 32] = {
    let mut prefix = [0xFF; 32];
    prefix[0] = 0xFE;
    prefix
};

const SIGN_BIT: u8 = 0x80;

/// Signs `message`. `random` must be fresh for each signature.
pub fn sign(private: &PrivateKey, message: &[u8], random: &[u8; 64]) -> [u8; SIGNATURE_BYTES] {
    let mut clamped = clamp_integer(*private.expose());
    let mut key = Scalar::from_bytes_mod_order(clamped);
    let public = EdwardsPoint::mul_base(&key).compress();

    let mut nonce = scalar_of(&[&NONCE_PREFIX, &clamped, message, random]);
    let commitment = EdwardsPoint::mul_base(&nonce).compress();
    let challenge = scalar_of(&[commitment.as_bytes(), public.as_bytes(), message]);
    let response = challenge * key + nonce;

    let mut signature = [0; SIGNATURE_BYTES];
    signature[..32].copy_from_slice(commitment.as_bytes());
    signature[32..].copy_from_slice(response.as_bytes());
    signature[63] = (signature[63] & !SIGN_BIT) | (public.as_bytes()[31] & SIGN_BIT);
    clamped.zeroize();
    key.zeroize();
    nonce.zeroize();
    signature
}

/// Returns whether the owner of `public` signed `message` with `signature`.
///
/// Rejects a public key or an `s` that is not canonical, so that no signature can be turned into a
/// second valid one.
pub fn verify(public: &PublicKey, message: &[u8], signature: &[u8; SIGNATURE_BYTES]) -> bool {
    if !is_canonical(public) {
        return false;
    }
    let sign = signature[63] >> 7;
    let Some(key) = MontgomeryPoint(public.0).to_edwards(sign) else {
        return false;
    };
    let (commitment, response) = halves(signature);
    let Some(response) = Option::<Scalar>::from(Scalar::from_canonical_bytes(response)) else {
        return false;
    };
    let challenge = scalar_of(&[&commitment, key.compress().as_bytes(), message]);
    let expected =
        EdwardsPoint::vartime_double_scalar_mul_basepoint(&challenge, &-key, &response).compress();
    expected.ct_eq(&CompressedEdwardsY(commitment)).into()
}

/// Returns the commitment `R`, and `s` without the sign bit.
fn halves(signature: &[u8; SIGNATURE_BYTES]) -> ([u8; 32], [u8; 32]) {
    let mut commitment = [0; 32];
    let mut response = [0; 32];
    commitment.copy_from_slice(&signature[..32]);
    response.copy_from_slice(&signature[32..]);
    response[31] &= !SIGN_BIT;
    (commitment, response)
}

/// Returns whether the coordinate is below 2^255 - 19.
fn is_canonical(public: &PublicKey) -> bool {
    let [low, middle @ .., high] = public.0;
    let reaches = low >= 0xED && middle.iter().all(|byte| *byte == 0xFF) && high == 0x7F;
    high & SIGN_BIT == 0 && !reaches
}

fn scalar_of(parts: &[&[u8]]) -> Scalar {
    let mut hash = Sha512::new();
    for part in parts {
        hash.update(part);
    }
    Scalar::from_bytes_mod_order_wide(&hash.finalize().into())
}
