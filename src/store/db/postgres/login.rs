//! User and password of a connection: from the URL, from the environment or from the password file.
//!
//! If the URL came from a file, the file is read again when the server refuses the login: passwords
//! change while a process runs, and some are only valid for a short time.

use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use zeroize::Zeroizing;

use crate::config::DatabaseUrl;
use crate::config::postgres::PostgresUrl;
use crate::store::db::postgres::address::Address;
use crate::store::db::postgres::environment::var;
use crate::store::db::postgres::passwords::{self, Wanted};

/// Maximum size of a file with a URL, in bytes.
const FILE_BYTES_MAX: u64 = 64 << 10;

/// The current login, shared by all connections.
#[derive(Clone)]
pub(super) struct Login {
    /// The file that holds the URL.
    file: Option<PathBuf>,
    known: Arc<Mutex<Known>>,
}

#[derive(Clone, PartialEq, Eq)]
struct Known {
    user: String,
    password: Option<Zeroizing<String>>,
}

/// Leaves the password out.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Login").field(&self.known().user).finish()
    }
}

impl Login {
    pub(super) fn of(url: &PostgresUrl) -> Self {
        Self {
            file: url.file.clone(),
            known: Arc::new(Mutex::new(Known::of(url))),
        }
    }

    /// Returns the user and the password for a server. The password file is read each time.
    pub(super) fn now(
        &self,
        server: &Address,
        database: Option<&str>,
    ) -> (String, Option<Zeroizing<String>>) {
        let Known { user, password } = self.known().clone();
        let find = || {
            passwords::find(&Wanted {
                host: &server.host,
                port: server.port,
                database: database.unwrap_or(&user),
                user: &user,
            })
        };
        let password = password.or_else(find);
        (user, password)
    }

    /// Reads the URL again. Returns whether the user or the password has changed.
    pub(super) fn renew(&self) -> bool {
        let Some(fresh) = self.file.as_deref().and_then(read) else {
            return false;
        };
        let mut known = self.known();
        let other = *known != fresh;
        if other {
            tracing::info!("the login of the database was read again, and is another one");
        }
        *known = fresh;
        other
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn of(url: &PostgresUrl) -> Self {
        let user = url.user.clone().or_else(|| var("PGUSER"));
        let user = user.or_else(|| whoami::username().ok());
        let password = url.password.clone();
        Self {
            user: user.unwrap_or_else(|| String::from("unknown")),
            password: password.or_else(|| var("PGPASSWORD").map(Zeroizing::new)),
        }
    }
}

/// Reads the login from the file; `None` if the file cannot be used.
fn read(path: &Path) -> Option<Known> {
    let mut text = Zeroizing::new(String::new());
    let read = File::open(path).and_then(|file| {
        let mut file = file.take(FILE_BYTES_MAX);
        file.read_to_string(&mut text)
    });
    if let Err(error) = read {
        let path = path.display();
        tracing::warn!(%path, %error, "the file with the database URL cannot be read again");
        return None;
    }
    match text.trim().parse() {
        Ok(DatabaseUrl::Postgres(url)) => Some(Known::of(&url)),
        _ => {
            let path = path.display();
            tracing::warn!(%path, "the file with the database URL has no usable one any more");
            None
        }
    }
}
