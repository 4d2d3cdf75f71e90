//! How a connection to a server is encrypted: a URL means what it means to PostgreSQL's clients.

use std::fs;
use std::io;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

use crate::config::postgres::{PostgresUrl, Roots, TlsMode};
use crate::store::error::StoreError;

/// Longest file of certificates that is read.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// The mode to connect with, and another one for when that is refused.
pub(super) fn modes(url: &PostgresUrl, options: &PgConnectOptions) -> (TlsMode, Option<TlsMode>) {
    // No server offers TLS over its socket, and nobody sits in between.
    if options.get_socket().is_some() || options.get_host().starts_with('/') {
        return (TlsMode::Disable, None);
    }
    match url.tls.unwrap_or(of_driver(options.get_ssl_mode())) {
        TlsMode::Allow => (TlsMode::Disable, Some(TlsMode::Require)),
        TlsMode::Prefer => (TlsMode::Prefer, Some(TlsMode::Disable)),
        // Whoever names a root does not mean any certificate.
        TlsMode::Require if url.roots != Roots::Any => (TlsMode::VerifyCa, None),
        mode => (mode, None),
    }
}

/// Whether a server that refused may want the connection encrypted, or not encrypted.
pub(super) fn may_be_the_reason(error: &StoreError) -> bool {
    match error {
        StoreError::Untrusted(_) => true,
        StoreError::Login { listed, .. } => !listed,
        _ => false,
    }
}

/// Refuses files that the driver would pass over, or would tell of without their names.
pub(super) fn check_files(url: &PostgresUrl) -> Result<(), StoreError> {
    let certificates = |bytes: &[u8]| {
        let mut certificates = CertificateDer::pem_slice_iter(bytes).peekable();
        certificates.peek().is_some() && certificates.all(|certificate| certificate.is_ok())
    };
    if let Roots::File(path) = &url.roots {
        check("sslrootcert", path, certificates)?;
    }
    if let Some((cert, key)) = &url.client {
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

const MODES: [(TlsMode, PgSslMode); 6] = [
    (TlsMode::Disable, PgSslMode::Disable),
    (TlsMode::Allow, PgSslMode::Allow),
    (TlsMode::Prefer, PgSslMode::Prefer),
    (TlsMode::Require, PgSslMode::Require),
    (TlsMode::VerifyCa, PgSslMode::VerifyCa),
    (TlsMode::VerifyFull, PgSslMode::VerifyFull),
];

/// The driver's word for a mode.
pub(super) fn for_driver(mode: TlsMode) -> PgSslMode {
    let known = MODES.iter().find(|(ours, _)| *ours == mode);
    known.map_or(PgSslMode::VerifyFull, |(_, theirs)| *theirs)
}

/// Our word for one of the driver's.
pub(super) fn of_driver(mode: PgSslMode) -> TlsMode {
    let same = |theirs: PgSslMode| std::mem::discriminant(&theirs) == std::mem::discriminant(&mode);
    let known = MODES.iter().find(|(_, theirs)| same(*theirs));
    known.map_or(TlsMode::VerifyFull, |(ours, _)| *ours)
}
