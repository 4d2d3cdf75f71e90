//! Randomness as an argument, so that the protocol layers are reproducible.

use rand::Rng;
use rand::rngs::StdRng;

use crate::secret::Secret;

/// A source of unpredictable bytes.
///
/// The live program passes the system's source. Tests and the simulator pass a seeded [`StdRng`]
/// and get reproducible runs.
pub trait Random {
    /// Overwrites all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl Random for StdRng {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.fill_bytes(bytes);
    }
}

/// Returns `N` random bytes that may be public, such as an id or a nonce.
pub fn bytes<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// Returns `N` random bytes that must stay secret.
pub fn secret<const N: usize>(random: &mut dyn Random) -> Secret<N> {
    Secret::new(bytes(random))
}

/// Returns a random 32-bit number.
pub fn number(random: &mut dyn Random) -> u32 {
    u32::from_be_bytes(bytes(random))
}
