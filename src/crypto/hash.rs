//! Hashes over several parts, as if they were concatenated.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

/// Returns the SHA-256 of the concatenated `parts`.
pub fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    digest::<Sha256>(parts).into()
}

/// Returns the SHA-512 of the concatenated `parts`.
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    digest::<Sha512>(parts).into()
}

/// Returns the SHA-1 of the concatenated `parts`; only where the protocol requires it.
pub fn sha1(parts: &[&[u8]]) -> [u8; 20] {
    digest::<Sha1>(parts).into()
}

/// Returns the MD5 of the concatenated `parts`; only where the protocol requires it.
pub fn md5(parts: &[&[u8]]) -> [u8; 16] {
    digest::<Md5>(parts).into()
}

fn digest<D: Digest>(parts: &[&[u8]]) -> sha2::digest::Output<D> {
    let mut hash = D::new();
    for part in parts {
        hash.update(part);
    }
    hash.finalize()
}
