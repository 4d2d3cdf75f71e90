//! PgBouncer in front of a test's PostgreSQL server.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Child;
use std::time::Duration;

use tempfile::TempDir;

use super::postgres::{Postgres, as_server_user};

const PORT: u16 = 6432;

/// A running pooler, reachable only by its Unix socket.
pub(crate) struct Pooler {
    folder: TempDir,
    child: Child,
}

impl Pooler {
    /// Starts a pooler for a server, with `size` server connections and the given settings.
    pub(crate) fn start(server: &Postgres, mode: &str, size: u32, more: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("wmctl-pool")
            .tempdir()
            .unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
        let path = folder.path().display().to_string();
        let config = format!(
            "[databases]\n* = host={host} port={port} user=wm\n[pgbouncer]\nlisten_addr =\n\
             listen_port = {PORT}\nunix_socket_dir = {path}\nauth_type = any\n\
             pool_mode = {mode}\ndefault_pool_size = {size}\nmax_client_conn = 200\n\
             pidfile = {path}/pid\n{more}\n",
            host = server.folder().display(),
            port = server.port(),
        );
        let file = folder.path().join("pooler.ini");
        fs::write(&file, config).unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let mut command = as_server_user("pgbouncer".as_ref());
        command
            .arg(&file)
            .stderr(log)
            .stdout(std::process::Stdio::null());
        let child = command.spawn().expect(
            "PgBouncer is installed (apt-get install pgbouncer), or run ./test, which does",
        );
        let pooler = Self { folder, child };
        let socket = format!("{path}/.s.PGSQL.{PORT}");
        let mut looks = 0;
        while UnixStream::connect(&socket).is_err() {
            let log = || fs::read_to_string(pooler.folder.path().join("log"));
            looks += 1;
            assert!(looks < 4_000, "{:?}", log());
            std::thread::sleep(Duration::from_millis(5));
        }
        pooler
    }

    /// Returns its socket's path.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join(format!(".s.PGSQL.{PORT}"))
    }

    /// Returns the URL of a database behind it.
    pub(crate) fn url(&self, database: &str) -> String {
        let folder = self.folder.path().display();
        format!("postgres:///{database}?user=wm&host={folder}&port={PORT}")
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
