//! HKDF-SHA256 (RFC 5869): one secret becomes several.

use hkdf::Hkdf;
use sha2::Sha256;

use crate::secret::Secret;

/// Most that HKDF-SHA256 can give.
const OUTPUT_BYTES_MAX: usize = 255 * 32;

/// Derives `N` bytes from `material`. An empty `salt` means 32 zero bytes, as the RFC says.
pub fn derive<const N: usize>(salt: &[u8], material: &[u8], info: &[u8]) -> Secret<N> {
    const { assert!(N <= OUTPUT_BYTES_MAX, "HKDF cannot give so many bytes") };
    let mut output = [0; N];
    Hkdf::<Sha256>::new(Some(salt), material)
        .expand(info, &mut output)
        .expect("the length is checked when compiling");
    Secret::new(output)
}
