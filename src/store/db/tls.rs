//! TLS modes of a connection to PostgreSQL. A URL means here what it means to PostgreSQL's own
//! clients.

use std::fs;
use std::io;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::postgres::{Roots, TlsMode};
use crate::store::db::postgres::target::Target;
use crate::store::error::StoreError;

/// Maximum size of a certificate file, in bytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Returns the mode to connect with, and a second mode to try if the server refuses the first.
pub(in crate::store) fn modes(target: &Target) -> (TlsMode, Option<TlsMode>) {
    match target.tls() {
        TlsMode::Allow => (TlsMode::Disable, Some(TlsMode::Require)),
        TlsMode::Prefer => (TlsMode::Prefer, Some(TlsMode::Disable)),
        // A URL that names a root certificate wants it to be checked.
        TlsMode::Require if *target.roots() != Roots::Any => (TlsMode::VerifyCa, None),
        mode => (mode, None),
    }
}

/// Returns whether a refusal may mean that the server wants the other of encrypted and unencrypted.
pub(in crate::store) fn may_be_the_reason(error: &StoreError) -> bool {
    match error {
        StoreError::Untrusted(_) => true,
        StoreError::Login { listed, .. } => !listed,
        _ => false,
    }
}

/// Rejects certificate files that the driver would ignore, or whose errors would not name the file.
pub(in crate::store) fn check_files(target: &Target) -> Result<(), StoreError> {
    let certificates = |bytes: &[u8]| {
        let mut certificates = CertificateDer::pem_slice_iter(bytes).peekable();
        certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
    };
    if let Roots::File(path) = target.roots() {
        check("sslrootcert", path, certificates)?;
    }
    if let Some((cert, key)) = target.client() {
        check("sslcert", cert, certificates)?;
        check("sslkey", key, |bytes| {
            PrivateKeyDer::from_pem_slice(bytes).is_ok()
        })?;
    }
    Ok(())
}

fn check(
    parameter: &'static str,
    path: &Path,
    usable: impl FnOnce(&[u8]) -> bool,
) -> Result<(), StoreError> {
    let read = || {
        if FILE_BYTES_MAX < fs::metadata(path)?.len() {
            return Err(io::Error::other("file is too large"));
        }
        match usable(&zeroize::Zeroizing::new(fs::read(path)?)) {
            true => Ok(()),
            false => Err(io::Error::other("nothing of this kind in PEM form")),
        }
    };
    read().map_err(|source| StoreError::TlsFile {
        parameter,
        path: path.to_owned(),
        source,
    })
}
