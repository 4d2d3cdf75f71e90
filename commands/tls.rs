//! TLS of the HTTP interface. The files are read before anything listens.

use std::path::PathBuf;

use wmctl::api::tls::{Tls, TlsError};
use wmctl::clock::Surroundings;

use crate::failure::{Exit, Failure};
use crate::settings::Settings;

/// Options of commands that listen.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "TLS")]
pub(crate) struct TlsArgs {
    /// Serve HTTPS with this certificate (PEM, including intermediate certificates)
    ///
    /// On SIGHUP wmctl reloads both files; if a new file is invalid, the old certificate stays in
    /// use. TLS does not replace API keys. WMCTL_TLS_CERT and WMCTL_TLS_KEY are the same.
    #[arg(long, value_name = "FILE", conflicts_with = "no_http")]
    pub(crate) tls_cert: Option<PathBuf>,

    /// Private key of --tls-cert (PEM), in a file that other users cannot read
    #[arg(long, value_name = "FILE", conflicts_with = "no_http")]
    pub(crate) tls_key: Option<PathBuf>,
}

/// Loads the configured certificate and key, if any.
pub(crate) fn load(settings: &Settings, args: &TlsArgs) -> Result<Option<Tls>, Failure> {
    let Some(files) = settings.tls_files(args)? else {
        return Ok(None);
    };
    Tls::load(files, Surroundings::system())
        .map(Some)
        .map_err(|error| {
            let message = error.to_string();
            let failure = |code| Failure::new(Exit::Config, code, message);
            match error {
                TlsError::Exposed(path) => {
                    failure("TLS_KEY_EXPOSED").hint(format!("chmod 600 {}", path.display()))
                }
                TlsError::Mismatch { .. } => failure("TLS_MISMATCH").hint(
                    "--tls-cert must start with the server's own certificate, not its authority's",
                ),
                TlsError::Expired { .. } | TlsError::NotYet { .. } => {
                    failure("TLS_EXPIRED").hint("renew it, or check the clock of this machine")
                }
                TlsError::NoKey(_) => {
                    failure("TLS_FILES").hint("a key starts with -----BEGIN PRIVATE KEY-----")
                }
                _ => failure("TLS_FILES"),
            }
        })
}
