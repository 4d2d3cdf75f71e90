//! A database server that hangs.

use std::process::Command;

use super::postgres::Postgres;

/// A database server that is stopped until this is dropped.
pub(crate) struct Frozen(Vec<String>);

impl Frozen {
    pub(crate) fn freeze(server: &Postgres) -> Self {
        let sql = "SELECT pid FROM pg_stat_activity WHERE pid <> pg_backend_pid()";
        let mut processes = vec![server.process()];
        processes.extend(server.sql("wm", sql).lines().map(str::to_owned));
        let frozen = Self(processes);
        frozen.signal("-STOP");
        frozen
    }

    fn signal(&self, name: &str) {
        // Processes that ended meanwhile cannot be signalled.
        let _ = Command::new("kill").arg(name).args(&self.0).status();
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        self.signal("-CONT");
    }
}
