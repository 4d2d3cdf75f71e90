//! How a connection to a server is encrypted: a URL means what it means to PostgreSQL's clients.

use std::fs;
use std::io;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::postgres::{Roots, TlsMode};
use crate::store::db::postgres::target::Target;
use crate::store::error::StoreError;

/// Longest file of certificates that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The mode to connect with, and another one for when that is refused.
pub(in crate::store) fn modes(target: &Target) -> (TlsMode, Option<TlsMode>) {
    match target.tls() {
        TlsMode::Allow => (TlsMode::Disable, Some(TlsMode::Require)),
        TlsMode::Prefer => (TlsMode::Prefer, Some(TlsMode::Disable)),
        // Whoever names a root does not mean any certificate.
        TlsMode::Require if *target.roots() != Roots::Any => (TlsMode::VerifyCa, None),
        mode => (mode, None),
    }
}

/// Whether a server that refused may want the connection encrypted, or not encrypted.
pub(in crate::store) fn may_be_the_reason(error: &StoreError) -> bool {
    match error {
        StoreError::Untrusted(_) => true,
        StoreError::Login { listed, .. } => !listed,
        _ => false,
    }
}

/// Refuses files that the driver would pass over, or would tell of without their names.
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
