//! PBKDF2-HMAC-SHA256, which derives a key from a code that a person types.

use sha2::Sha256;

use crate::secret::Secret;

/// Derives `N` bytes from `password` with `rounds` iterations.
pub fn derive<const N: usize>(password: &[u8], salt: &[u8], rounds: u32) -> Secret<N> {
    let mut output = [0; N];
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut output);
    Secret::new(output)
}
