//! Blobs on the media server, encrypted with a key that is sent separately.
//!
//! Source: whatsmeow 33cfac51 `download.go`.

use crate::appstate::AppStateError;
use crate::crypto::cbc::{self, BLOCK_BYTES};
use crate::crypto::random::Random;
use crate::crypto::{hash, hkdf, mac, random};
use crate::secret::Secret;

/// Length of the MAC at the end of a blob, in bytes.
const MAC_BYTES: usize = 10;

/// The kind of a blob, which determines its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    AppState,
    History,
}

impl Kind {
    fn info(self) -> &'static [u8] {
        match self {
            Self::AppState => b"WhatsApp App State Keys",
            Self::History => b"WhatsApp History Keys",
        }
    }
}

/// The announcement of an encrypted blob, sufficient to download, verify and decrypt it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    pub kind: Kind,
    pub media_key: Secret<32>,
    /// Path and query on the media server.
    pub direct_path: String,
    /// SHA-256 of the decrypted blob.
    pub plain_sha256: [u8; 32],
    /// SHA-256 of the encrypted blob, including its MAC.
    pub sealed_sha256: [u8; 32],
}

/// Maximum length of a path, in bytes.
const PATH_BYTES_MAX: usize = 2_048;

impl Reference {
    /// Builds a reference from the parts of an announcement; `None` if one is missing or malformed.
    pub fn new(
        kind: Kind,
        media_key: Option<&[u8]>,
        direct_path: Option<&str>,
        plain_sha256: Option<&[u8]>,
        sealed_sha256: Option<&[u8]>,
    ) -> Option<Self> {
        let path = direct_path.filter(|path| is_path(path))?;
        Some(Self {
            kind,
            media_key: Secret::from_slice(media_key?)?,
            direct_path: path.to_owned(),
            plain_sha256: plain_sha256?.try_into().ok()?,
            sealed_sha256: sealed_sha256?.try_into().ok()?,
        })
    }

    /// Verifies and decrypts a downloaded blob, in place.
    pub fn open(&self, mut sealed: Vec<u8>) -> Result<Vec<u8>, AppStateError> {
        if !mac::verify(&hash::sha256(&[&sealed]), &self.sealed_sha256) {
            return Err(AppStateError::Blob);
        }
        let keys = MediaKeys::expand(self.kind, &self.media_key);
        let (cipher, found) = sealed
            .split_last_chunk::<MAC_BYTES>()
            .ok_or(AppStateError::Blob)?;
        if !mac::verify(&keys.mac(cipher), found) {
            return Err(AppStateError::Blob);
        }
        sealed.truncate(cipher.len());
        let plain = cbc::decrypt_in_place(keys.cipher.expose(), keys.iv.expose(), sealed)
            .map_err(|_| AppStateError::Blob)?;
        match mac::verify(&hash::sha256(&[&plain]), &self.plain_sha256) {
            true => Ok(plain),
            false => Err(AppStateError::Blob),
        }
    }
}

/// Returns whether this is an absolute path of visible ASCII that cannot name another host.
fn is_path(path: &str) -> bool {
    path.len() <= PATH_BYTES_MAX
        && path.starts_with('/')
        && !path.starts_with("//")
        && path
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#')
}

/// Encrypts a blob that will be stored at `direct_path`.
pub fn seal(
    kind: Kind,
    plain: &[u8],
    direct_path: String,
    rng: &mut dyn Random,
) -> (Reference, Vec<u8>) {
    let media_key = random::secret(rng);
    let keys = MediaKeys::expand(kind, &media_key);
    let mut sealed = cbc::encrypt(keys.cipher.expose(), keys.iv.expose(), plain);
    let mac = keys.mac(&sealed);
    sealed.extend(mac);
    let reference = Reference {
        kind,
        media_key,
        direct_path,
        plain_sha256: hash::sha256(&[plain]),
        sealed_sha256: hash::sha256(&[&sealed]),
    };
    (reference, sealed)
}

struct MediaKeys {
    iv: Secret<BLOCK_BYTES>,
    cipher: Secret<32>,
    mac: Secret<32>,
}

impl MediaKeys {
    fn expand(kind: Kind, media_key: &Secret<32>) -> Self {
        let all: Secret<112> = hkdf::derive(&[], media_key.expose(), kind.info());
        Self {
            iv: all.part::<0, BLOCK_BYTES>(),
            cipher: all.part::<16, 32>(),
            mac: all.part::<48, 32>(),
        }
    }

    fn mac(&self, cipher: &[u8]) -> [u8; MAC_BYTES] {
        let mac = mac::hmac_sha256(self.mac.expose(), &[self.iv.expose(), cipher]);
        *mac.first_chunk().expect("ten of 32 bytes")
    }
}
