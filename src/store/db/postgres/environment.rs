//! The variables that every client of PostgreSQL knows (`PGUSER`, `PGPASSFILE` and so on), read
//! where a URL leaves something out. They are libpq's and no settings of ours.

use std::path::PathBuf;

/// The text of a variable; `None` where it is unset or not UTF-8.
#[expect(
    clippy::disallowed_methods,
    reason = "the variables of libpq belong to the connection, not to our settings"
)]
pub(super) fn var(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The file of passwords that is named, or the one in the home folder.
#[expect(
    clippy::disallowed_methods,
    reason = "the variables of libpq belong to the connection, not to our settings"
)]
pub(super) fn password_file() -> Option<PathBuf> {
    let named = std::env::var_os("PGPASSFILE").map(PathBuf::from);
    named.or_else(|| std::env::home_dir().map(|home| home.join(".pgpass")))
}
