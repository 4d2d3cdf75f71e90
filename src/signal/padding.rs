//! The padding inside every encrypted message, which hides the length of short ones.
//!
//! Source: whatsmeow 33cfac51 `message.go` (`padMessage`, `unpadMessage`).

use crate::crypto::random::{self, Random};

/// Maximum number of padding bytes.
pub const PADDING_BYTES_MAX: u8 = 16;

/// Appends 1 to 16 bytes, each with the number of padding bytes as its value.
pub fn pad(plain: &[u8], random: &mut dyn Random) -> Vec<u8> {
    let [byte] = random::bytes(random);
    let count = byte % PADDING_BYTES_MAX + 1;
    let mut padded = plain.to_vec();
    padded.resize(plain.len() + usize::from(count), count);
    padded
}

/// Removes the padding. Only the last byte is read, as in other clients. Fails if it is zero or
/// exceeds the length.
pub fn unpad(padded: &[u8]) -> Result<&[u8], BadPadding> {
    let count = usize::from(*padded.last().ok_or(BadPadding)?);
    let length = padded.len().checked_sub(count).ok_or(BadPadding)?;
    if count == 0 {
        return Err(BadPadding);
    }
    Ok(&padded[..length])
}

/// The padding is longer than the message, or its length is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message padding does not fit")]
pub struct BadPadding;
