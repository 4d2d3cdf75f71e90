//! Verification of the server's certificate: `sslmode` and `sslrootcert` with the meaning that
//! PostgreSQL's clients give them.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::config::postgres::{Roots, TlsMode};
use crate::store::db::postgres::address::Files;
use crate::store::error::StoreError;

/// Returns the TLS configuration of a mode.
pub(super) fn config(mode: TlsMode, files: &Files) -> Result<Arc<ClientConfig>, StoreError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = verifier(mode, files, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(untrusted)?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let config = match &files.client {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_file_iter(certificate).map_err(untrusted)?;
            let chain = chain.collect::<Result<Vec<_>, _>>().map_err(untrusted)?;
            let key = PrivateKeyDer::from_pem_file(key).map_err(untrusted)?;
            config
                .with_client_auth_cert(chain, key)
                .map_err(untrusted)?
        }
    };
    Ok(Arc::new(config))
}

fn untrusted(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Untrusted(Box::new(error))
}

fn verifier(
    mode: TlsMode,
    files: &Files,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, StoreError> {
    let signatures = Arc::clone(provider);
    if !matches!(mode, TlsMode::VerifyCa | TlsMode::VerifyFull) {
        return Ok(Arc::new(Lenient {
            chains: None,
            signatures,
        }));
    }
    let mut roots = RootCertStore::empty();
    match &files.roots {
        Roots::File(path) => {
            for certificate in CertificateDer::pem_file_iter(path).map_err(untrusted)? {
                // A root that the verifier cannot use is skipped.
                let _ = roots.add(certificate.map_err(untrusted)?);
            }
        }
        Roots::Any | Roots::System => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            // A container image without root certificates still has the built-in ones.
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    let chains = WebPkiServerVerifier::builder_with_provider(roots.into(), signatures.clone());
    let chains = chains.build().map_err(untrusted)?;
    Ok(match mode {
        TlsMode::VerifyFull => chains,
        _ => Arc::new(Lenient {
            chains: Some(chains),
            signatures,
        }),
    })
}

/// Accepts any host name. Without `chains`, it accepts any certificate whose key the server has.
#[derive(Debug)]
struct Lenient {
    chains: Option<Arc<WebPkiServerVerifier>>,
    signatures: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(chains) = &self.chains else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified =
            chains.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verified {
            // The host name is checked last, so everything else was valid.
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.signatures.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.signatures.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.signatures.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// Returns the certificate's hash for channel binding (`tls-server-end-point`). It uses the hash
/// function of the certificate's signature, but at least SHA-256. `None` if no hash function is
/// defined for the signature.
///
/// Source: RFC 5929, section 4.1.
pub(super) fn digest(certificate: &[u8]) -> Option<Vec<u8>> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let algorithm = parsed.signature_algorithm.algorithm.to_id_string();
    match algorithm.as_str() {
        // RSA with MD5, SHA-1 and SHA-256; ECDSA with SHA-1 and SHA-256.
        "1.2.840.113549.1.1.4"
        | "1.2.840.113549.1.1.5"
        | "1.2.840.113549.1.1.11"
        | "1.2.840.10045.4.1"
        | "1.2.840.10045.4.3.2" => Some(Sha256::digest(certificate).to_vec()),
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => {
            Some(Sha384::digest(certificate).to_vec())
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => {
            Some(Sha512::digest(certificate).to_vec())
        }
        _ => None,
    }
}
