//! Key bytes: zeroed on drop, compared in constant time, never shown.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// `N` secret bytes.
///
/// They are only accessible through [`Secret::expose`], so that each use can be found by name.
#[derive(Clone)]
pub struct Secret<const N: usize>([u8; N]);

impl<const N: usize> Secret<N> {
    /// Takes ownership of the bytes.
    pub const fn new(bytes: [u8; N]) -> Self {
        Self(bytes)
    }

    /// Copies `bytes`; returns `None` unless there are exactly `N`.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// Returns the bytes.
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }

    /// Returns `M` of the bytes, from `START`. A part outside the secret does not compile.
    pub fn part<const START: usize, const M: usize>(&self) -> Secret<M> {
        const { assert!(START + M <= N, "the part lies outside the secret") };
        let mut bytes = [0; M];
        bytes.copy_from_slice(&self.0[START..START + M]);
        Secret(bytes)
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> ConstantTimeEq for Secret<N> {
    fn ct_eq(&self, other: &Self) -> Choice {
        self.0.ct_eq(&other.0)
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.ct_eq(other).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Secret text: zeroed on drop, never shown.
#[derive(Clone)]
pub struct SecretText(String);

impl SecretText {
    /// Takes ownership of the text.
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// Returns the text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Drop for SecretText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_compare_but_do_not_show() {
        let secret = Secret::new([7; 32]);
        assert_eq!(format!("{secret:?}"), "[redacted]");
        assert_eq!(Secret::from_slice(&[7; 32]), Some(secret.clone()));
        assert_ne!(Secret::new([8; 32]), secret);
        assert_eq!(Secret::<32>::from_slice(&[7; 31]), None);
        let text = SecretText::new("hush".into());
        assert_eq!(format!("{text:?} {}", text.expose()), "[redacted] hush");
    }
}
