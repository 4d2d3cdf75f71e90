//! The environment variables that every PostgreSQL client knows (`PGUSER`, `PGPASSFILE` and
//! others). They apply where the URL leaves something out. They belong to libpq and are not
//! settings of wmctl.

use std::path::PathBuf;

/// Returns the value of a variable; `None` if it is unset or not UTF-8.
#[expect(
    clippy::disallowed_methods,
    reason = "the variables of libpq belong to the connection, not to our settings"
)]
pub(super) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Returns the path of the password file: the one that `PGPASSFILE` names, or `.pgpass` in the home
/// folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the variables of libpq belong to the connection, not to our settings"
)]
pub(super) fn password_file() -> Option<PathBuf> {
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".pgpass")))
}
