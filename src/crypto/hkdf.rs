//! HKDF-SHA256 (RFC 5869), which derives several keys from one secret.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::secret::Secret;

/// Maximum output of HKDF-SHA256, in bytes.
const OUTPUT_BYTES_MAX: usize = 255 * 32;

/// Derives `N` bytes from `material`. An empty `salt` means 32 zero bytes (RFC 5869 section 2.2).
pub fn derive<const N: usize>(salt: &[u8], material: &[u8], info: &[u8]) -> Secret<N> {
    const { assert!(N <= OUTPUT_BYTES_MAX, "HKDF cannot give so many bytes") };
    let mut output = [0; N];
    Hkdf::<Sha256>::new(Some(salt), material)
        .expand(info, &mut output)
        .expect("the length is checked when compiling");
    Secret::new(output)
}
