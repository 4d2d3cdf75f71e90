//! The password file of PostgreSQL's own clients: `host:port:database:user:password`.

use std::fs::File;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use zeroize::Zeroizing;

use crate::store::db::postgres::environment::password_file;

/// Maximum size of the file, in bytes.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// The connection that needs a password.
pub(super) struct Wanted<'a> {
    /// A host name, an address, or the folder of a Unix socket.
    pub(super) host: &'a str,
    pub(super) port: u16,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
}

/// Returns the password from the file that `PGPASSFILE` names, or from `.pgpass` in the home
/// folder.
pub(super) fn find(wanted: &Wanted<'_>) -> Option<Zeroizing<String>> {
    let path = password_file()?;
    in_text(&text(&path)?, wanted)
}

/// Returns the contents of the file; `None`, with a warning, if other users may read it.
fn text(path: &Path) -> Option<Zeroizing<String>> {
    let file = File::open(path).ok()?;
    let mode = file.metadata().ok()?.permissions().mode();
    if mode & 0o077 != 0 {
        let path = path.display();
        tracing::warn!(%path, "the file of passwords is left out: others may read it, chmod 600");
        return None;
    }
    let mut text = Zeroizing::new(String::new());
    let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.ok().map(|_| text)
}

/// Returns the password of the first line that matches.
fn in_text(text: &str, wanted: &Wanted<'_>) -> Option<Zeroizing<String>> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.into_iter().find_map(|line| of_line(line, wanted))
}

fn of_line(line: &str, wanted: &Wanted<'_>) -> Option<Zeroizing<String>> {
    let port = wanted.port.to_string();
    let (mut rest, mut fits) = (line, true);
    for (place, expected) in [wanted.host, &port, wanted.database, wanted.user]
        .into_iter()
        .enumerate()
    {
        let (field, behind) = field(rest)?;
        let here = place == 0 && field == "localhost" && wanted.host.starts_with('/');
        fits &= field == "*" || field == expected || here;
        rest = behind;
    }
    fits.then(|| Zeroizing::new(plain(rest)))
}

/// Splits the text at the next unescaped colon and unescapes the first part.
fn field(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    for (at, char) in text.char_indices() {
        match char {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ':' => return Some((plain(&text[..at]), &text[at + 1..])),
            _ => (),
        }
    }
    None
}

/// Removes the backslashes that escape the next character.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        plain.extend(if char == '\\' {
            chars.next()
        } else {
            Some(char)
        });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_fits_counts() {
        let check = |text: &str, expected: Option<&str>| {
            let wanted = Wanted {
                host: "db",
                port: 5433,
                database: "w",
                user: "wm:1",
            };
            let found = in_text(text, &wanted);
            assert_eq!(
                found.as_ref().map(|found| found.as_str()),
                expected,
                "{text}"
            );
        };
        check("", None);
        check("# db:5433:w:wm\\:1:x", None);
        check(
            "db:5432:*:*:x\ndb:5433:w:wm\\:1:a\\:b\\\\c\n*:*:*:*:d",
            Some("a:b\\c"),
        );
        check("localhost:*:*:*:x\n*:*:*:*:plain:text", Some("plain:text"));
        check("too:short", None);
        check("*:*:*:*:", Some(""));
        let socket = Wanted {
            host: "/run/postgresql",
            port: 5432,
            database: "w",
            user: "wm",
        };
        let found = in_text("localhost:5432:w:wm:x", &socket);
        assert_eq!(found.unwrap().as_str(), "x");
    }
}
