//! Pairing by a code that is typed on the phone: the key exchange that replaces the QR code.
//!
//! Both sides send an ephemeral public key, encrypted with a key that is derived from the code. The
//! derivation is slow by design. It is a separate function, so that the owner can run it where it
//! blocks nothing else.
//!
//! Source: whatsmeow 33cfac51 `pair-code.go`.

use crate::crypto::curve::{KeyPair, PublicKey};
use crate::crypto::random::{self, Random};
use crate::crypto::{ctr, gcm, hkdf, pbkdf2};
use crate::ids::Jid;
use crate::secret::Secret;

/// PBKDF2 iterations.
const ROUNDS: u32 = 131_072;
/// The characters of a code. 0, I, O and U are left out because they are easily misread.
const ALPHABET: &[u8; 32] = b"123456789ABCDEFGHJKLMNPQRSTVWXYZ";
/// Length of a code, in characters.
pub const CODE_CHARS: usize = 8;
/// Length of a wrapped key in bytes: salt (32), counter block (16), encrypted key (32).
const WRAPPED_BYTES: usize = 80;
/// Number of digits of an international phone number.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=15;

/// A slow key derivation that pairing waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeWork {
    code: Secret<CODE_CHARS>,
    salt: [u8; 32],
}

impl CodeWork {
    /// Derives the key. Takes tens of milliseconds of CPU time.
    pub fn derive(&self) -> Secret<32> {
        pbkdf2::derive(self.code.expose(), &self.salt, ROUNDS)
    }
}

/// Our side of the exchange.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::session) struct Exchange {
    pub(in crate::session) phone: Jid,
    ephemeral: KeyPair,
    code: Secret<CODE_CHARS>,
    salt: [u8; 32],
    counter_block: [u8; 16],
}

/// The phone's message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::session) struct PrimaryHello {
    pub(in crate::session) reference: Vec<u8>,
    identity: PublicKey,
    salt: [u8; 32],
    counter_block: [u8; 16],
    encrypted: [u8; 32],
}

/// The content of our last message, and the resulting ADV secret.
pub(in crate::session) struct Finish {
    pub(in crate::session) wrapped_bundle: Vec<u8>,
    pub(in crate::session) adv_secret: Secret<32>,
}

/// Parses an international phone number into a JID: 7 to 15 digits without leading zero. A plus
/// sign in front and common separators are allowed. Returns `None` for anything else.
pub fn phone_number(text: &str) -> Option<Jid> {
    let text = text.strip_prefix('+').unwrap_or(text);
    let digits: String = text.chars().filter(|c| !" ().-/".contains(*c)).collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let fits = PHONE_DIGITS.contains(&digits.len()) && !digits.starts_with('0');
    fits.then(|| Jid::user(digits))
}

impl Exchange {
    /// Starts an exchange with a fresh code.
    pub(in crate::session) fn new(phone: Jid, rng: &mut dyn Random) -> Self {
        let code = random::bytes::<CODE_CHARS>(rng).map(|byte| ALPHABET[usize::from(byte % 32)]);
        Self {
            phone,
            ephemeral: KeyPair::generate(rng),
            code: Secret::new(code),
            salt: random::bytes(rng),
            counter_block: random::bytes(rng),
        }
    }

    /// Returns the code to display.
    pub(in crate::session) fn code(&self) -> String {
        String::from_utf8_lossy(self.code.expose()).into_owned()
    }

    /// Returns the derivation whose result [`Exchange::wrapped`] needs.
    pub(in crate::session) fn hello_work(&self) -> CodeWork {
        CodeWork {
            code: self.code.clone(),
            salt: self.salt,
        }
    }

    /// Returns our ephemeral public key, encrypted with the derived key.
    pub(in crate::session) fn wrapped(&self, key: &Secret<32>) -> Vec<u8> {
        let mut public = self.ephemeral.public.0;
        ctr::apply(key.expose(), &self.counter_block, &mut public);
        [&self.salt[..], &self.counter_block, &public].concat()
    }

    /// Returns the derivation whose result [`Exchange::finish`] needs.
    pub(in crate::session) fn finish_work(&self, hello: &PrimaryHello) -> CodeWork {
        CodeWork {
            code: self.code.clone(),
            salt: hello.salt,
        }
    }

    /// Completes the key agreement. Returns `None` if a public key has low order, as a forged one
    /// may.
    pub(in crate::session) fn finish(
        &self,
        identity: &KeyPair,
        hello: &PrimaryHello,
        key: &Secret<32>,
        rng: &mut dyn Random,
    ) -> Option<Finish> {
        let mut public = hello.encrypted;
        ctr::apply(key.expose(), &hello.counter_block, &mut public);
        let shared = self.ephemeral.private.agree(&PublicKey(public)).ok()?;
        let between_identities = identity.private.agree(&hello.identity).ok()?;

        let salt = random::bytes::<32>(rng);
        let nonce = random::bytes::<12>(rng);
        let share = random::secret::<32>(rng);
        let info = b"link_code_pairing_key_bundle_encryption_key";
        let bundle_key: Secret<32> = hkdf::derive(&salt, shared.expose(), info);
        let bundle = [&identity.public.0[..], &hello.identity.0, share.expose()].concat();
        let sealed = gcm::seal(bundle_key.expose(), &nonce, &[], &bundle);

        let material = [
            &shared.expose()[..],
            between_identities.expose(),
            share.expose(),
        ]
        .concat();
        Some(Finish {
            wrapped_bundle: [&salt[..], &nonce, &sealed].concat(),
            adv_secret: hkdf::derive(&[], &material, b"adv_secret"),
        })
    }
}

impl PrimaryHello {
    /// Parses the parts of the phone's message. Returns `None` if a part has the wrong length.
    pub(in crate::session) fn new(
        reference: &[u8],
        identity: &[u8],
        wrapped: &[u8],
    ) -> Option<Self> {
        let wrapped = wrapped.get(..WRAPPED_BYTES)?;
        Some(Self {
            reference: reference.to_vec(),
            identity: PublicKey::from_slice(identity)?,
            salt: wrapped[..32].try_into().ok()?,
            counter_block: wrapped[32..48].try_into().ok()?,
            encrypted: wrapped[48..].try_into().ok()?,
        })
    }
}
