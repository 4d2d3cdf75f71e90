//! The address of a PostgreSQL server, and the certificates of a connection to it.

use std::path::PathBuf;

use crate::config::postgres::Roots;

/// The address of a server.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

/// The root certificates that must sign the server's certificate, and the client's own certificate.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) roots: Roots,
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

impl Address {
    /// Returns whether the server is reached over a Unix socket on this machine.
    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}
