//! Where a server is, and what it has to show.

use std::path::PathBuf;

use crate::config::postgres::Roots;

/// Where a server is.
#[derive(Debug)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
}

/// What a server has to show, and what it is shown.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) roots: Roots,
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

impl Address {
    /// It is on this machine, behind a socket in the file system.
    pub(super) fn is_socket(&self) -> bool {
        self.host.starts_with('/')
    }
}
