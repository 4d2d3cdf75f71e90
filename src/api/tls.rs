//! The certificate and key of a listener, loaded from files and reloaded on request.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{InconsistentKeys, ServerConfig};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use x509_parser::parse_x509_certificate;

use crate::app::shapes::time;
use crate::clock::Surroundings;

/// A certificate that expires within this time causes a warning.
const SOON: Duration = Duration::from_secs(14 * 24 * 3_600);

/// The paths of the certificate and the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the server's certificate, followed by intermediate certificates.
    pub cert: PathBuf,
    /// PEM, not encrypted.
    pub key: PathBuf,
}

/// Why the files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("read {}: {source}", path.display())]
    Read { path: PathBuf, source: io::Error },
    /// The file contains no PEM certificate.
    #[error("{} holds no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    /// The file contains no unencrypted PEM private key.
    #[error("{} holds no private key in PEM form, or an encrypted one", .0.display())]
    NoKey(PathBuf),
    /// The key file's mode allows other users to read it.
    #[error("every user of this machine can read the private key {}", .0.display())]
    Exposed(PathBuf),
    /// The key does not belong to the certificate.
    #[error("{} is not the key of the certificate {}", key.display(), cert.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
    /// The certificate has expired.
    #[error("the certificate {} ended at {at}", path.display())]
    Expired { path: PathBuf, at: String },
    /// The certificate is not valid yet.
    #[error("the certificate {} begins at {at}", path.display())]
    NotYet { path: PathBuf, at: String },
    /// TLS does not accept the certificate or the key.
    #[error("{} cannot be used: {source}", path.display())]
    Unusable {
        path: PathBuf,
        source: rustls::Error,
    },
}

/// A TLS configuration. Clones share it.
#[derive(Clone)]
pub struct Tls {
    files: Arc<TlsFiles>,
    surroundings: Surroundings,
    config: Arc<watch::Sender<Arc<ServerConfig>>>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

impl Tls {
    /// Loads and validates the files.
    pub fn load(files: TlsFiles, surroundings: Surroundings) -> Result<Self, TlsError> {
        let config = read(&files, surroundings.clock.unix_ms())?;
        Ok(Self {
            files: Arc::new(files),
            surroundings,
            config: Arc::new(watch::Sender::new(config)),
        })
    }

    /// Reloads the files for new connections. If they are invalid, the old configuration stays in
    /// use.
    pub fn reload(&self) {
        match read(&self.files, self.surroundings.clock.unix_ms()) {
            Ok(config) => {
                self.config.send_replace(config);
                tracing::info!(cert = %self.files.cert.display(), "certificate reloaded");
            }
            Err(error) => tracing::error!(%error, "the old certificate stays in use"),
        }
    }

    pub(super) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.borrow().clone())
    }
}

/// Builds a configuration for TLS 1.2 and 1.3 from both files. `now_ms` is wall-clock time (Unix
/// ms).
fn read(files: &TlsFiles, now_ms: i64) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = certificates(&files.cert)?;
    check_dates(&files.cert, &chain[0], now_ms)?;
    let key = private_key(&files.key)?;
    let unusable = |source| match source {
        rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => TlsError::Mismatch {
            cert: files.cert.clone(),
            key: files.key.clone(),
        },
        source => TlsError::Unusable {
            path: files.cert.clone(),
            source,
        },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn text(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// Reads at least one certificate.
fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text(path)?).collect();
    let chain = chain.unwrap_or_default();
    match chain.is_empty() {
        true => Err(TlsError::NoCertificate(path.to_owned())),
        false => Ok(chain),
    }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = zeroize::Zeroizing::new(text(path)?);
    if is_open_to_all(path) {
        return Err(TlsError::Exposed(path.to_owned()));
    }
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| TlsError::NoKey(path.to_owned()))
}

#[cfg(unix)]
fn is_open_to_all(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|metadata| metadata.permissions().mode() & 0o006 != 0)
}

#[cfg(not(unix))]
fn is_open_to_all(_path: &Path) -> bool {
    false
}

fn check_dates(path: &Path, certificate: &[u8], now_ms: i64) -> Result<(), TlsError> {
    let parsed = parse_x509_certificate(certificate);
    let Ok((_, parsed)) = parsed else {
        return Err(TlsError::NoCertificate(path.to_owned()));
    };
    let [begins_ms, ends_ms] = [parsed.validity().not_before, parsed.validity().not_after]
        .map(|at| at.timestamp().saturating_mul(1_000));
    let path = path.to_owned();
    if now_ms < begins_ms {
        let at = time(begins_ms);
        return Err(TlsError::NotYet { path, at });
    }
    let at = time(ends_ms);
    if ends_ms < now_ms {
        return Err(TlsError::Expired { path, at });
    }
    if ends_ms - now_ms < i64::try_from(SOON.as_millis()).unwrap_or(i64::MAX) {
        tracing::warn!(cert = %path.display(), ends = at, "the certificate expires soon");
    }
    Ok(())
}
