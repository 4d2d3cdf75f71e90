//! The padding inside every encrypted message, which hides the length of short ones.

use crate::crypto::random::{self, Random};

/// Most bytes that are added.
pub const PADDING_BYTES_MAX: u8 = 16;

/// Adds 1 to 16 bytes, each of which tells how many there are.
pub fn pad(plain: &[u8], random: &mut dyn Random) -> Vec<u8> {
    let [byte] = random::bytes(random);
    let count = byte % PADDING_BYTES_MAX + 1;
    let mut padded = plain.to_vec();
    padded.resize(plain.len() + usize::from(count), count);
    padded
}

/// Takes the padding off; only the last byte counts, as with other clients.
pub fn unpad(padded: &[u8]) -> Result<&[u8], BadPadding> {
    let count = usize::from(*padded.last().ok_or(BadPadding)?);
    let length = padded.len().checked_sub(count).ok_or(BadPadding)?;
    if count == 0 {
        return Err(BadPadding);
    }
    Ok(&padded[..length])
}

/// There is less text than the padding claims to fill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message padding does not fit")]
pub struct BadPadding;
