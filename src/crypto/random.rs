//! Randomness as an argument, so that the protocol layers stay repeatable.

use rand::Rng;
use rand::rngs::StdRng;

use crate::secret::Secret;

/// A source of bytes that nobody can predict.
///
/// The live program hands in the system's source; tests and the simulator hand in a seeded
/// [`StdRng`] and get the same run again.
pub trait Random {
    /// Overwrites all of `bytes`.
    fn fill(&mut self, bytes: &mut [u8]);
}

impl Random for StdRng {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.fill_bytes(bytes);
    }
}

/// `N` fresh bytes that may be shown to anybody: an identifier, a nonce.
pub fn bytes<const N: usize>(random: &mut dyn Random) -> [u8; N] {
    let mut bytes = [0; N];
    random.fill(&mut bytes);
    bytes
}

/// `N` fresh bytes to be kept secret.
pub fn secret<const N: usize>(random: &mut dyn Random) -> Secret<N> {
    Secret::new(bytes(random))
}

/// A fresh number of all 32 bits.
pub fn number(random: &mut dyn Random) -> u32 {
    u32::from_be_bytes(bytes(random))
}
