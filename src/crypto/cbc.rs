//! AES-256-CBC with PKCS#7 padding.
//!
//! It is not authenticated: verify a MAC before decrypting.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};

/// Length of a block and of the IV, in bytes.
pub const BLOCK_BYTES: usize = 16;

/// Encrypts and adds 1 to 16 bytes of padding.
pub fn encrypt(key: &[u8; 32], iv: &[u8; BLOCK_BYTES], plain: &[u8]) -> Vec<u8> {
    let mut buffer = plain.to_vec();
    buffer.resize((plain.len() / BLOCK_BYTES + 1) * BLOCK_BYTES, 0);
    cbc::Encryptor::<Aes256>::new(key.into(), iv.into())
        .encrypt_padded::<Pkcs7>(&mut buffer, plain.len())
        .expect("the buffer has room for a whole block of padding");
    buffer
}

/// Decrypts and removes the padding.
pub fn decrypt(
    key: &[u8; 32],
    iv: &[u8; BLOCK_BYTES],
    cipher: &[u8],
) -> Result<Vec<u8>, BadPadding> {
    decrypt_in_place(key, iv, cipher.to_vec())
}

/// Decrypts in place, without a copy of long data.
pub fn decrypt_in_place(
    key: &[u8; 32],
    iv: &[u8; BLOCK_BYTES],
    mut buffer: Vec<u8>,
) -> Result<Vec<u8>, BadPadding> {
    let length = cbc::Decryptor::<Aes256>::new(key.into(), iv.into())
        .decrypt_padded::<Pkcs7>(&mut buffer)
        .map_err(|_| BadPadding)?
        .len();
    buffer.truncate(length);
    Ok(buffer)
}

/// The length is not a multiple of the block size, or the padding is invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad padding")]
pub struct BadPadding;
