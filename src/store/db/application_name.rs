//! The names of our sessions in PostgreSQL's session list (`application_name`), which show people
//! what each session belongs to.
//!
//! `wmctl HOST/PID TAG` is a session of that process. The tag is random and chosen when the
//! database is opened, because process ids in containers are all alike. A session that holds a
//! lock, or waits for one, adds the first digits of the host's id and its maximum silence in
//! milliseconds.

use std::time::Duration;

use crate::clock::Surroundings;
use crate::crypto::random;
use crate::ids::HostId;

/// The prefix of our session names. Host name and process id follow.
pub(in crate::store) const APPLICATION: &str = "wmctl";

/// Maximum length of the host name, in bytes: PostgreSQL truncates names to 63 bytes.
const HOST_BYTES_MAX: usize = 26;
const TAG_BYTES: usize = 3;
/// How many digits of a host's id are used.
const HOST_DIGITS: usize = 8;
/// The largest value that fits. No process may be silent for longer.
const SILENCE_MS_MAX: u128 = 999_999;

/// The name of this process's sessions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::store) struct ApplicationName {
    process: String,
    tag: String,
}

/// The parts of a session name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// Host name, possibly truncated, and process id.
    pub process: String,
    /// A random tag that all sessions of one process share, and no other process has.
    pub tag: String,
    /// Set for a session that holds a lock or waits for one.
    pub lock: Option<NamedLock>,
}

/// The host that a lock session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedLock {
    host_digits: String,
    /// How long the session may be silent before the server ends it.
    pub silence: Duration,
}

impl NamedLock {
    /// Returns whether the session belongs to this host.
    pub fn is_of(&self, host: HostId) -> bool {
        self.host_digits == digits(host)
    }
}

fn digits(host: HostId) -> String {
    let mut text = host.to_string();
    text.truncate(HOST_DIGITS);
    text
}

impl ApplicationName {
    /// Creates the name of this process's sessions, with a random tag.
    pub(in crate::store) fn draw() -> Self {
        let mut host = whoami::hostname().unwrap_or_default();
        host.retain(|char| char.is_ascii_graphic());
        host.truncate(HOST_BYTES_MAX);
        let tag: [u8; TAG_BYTES] = random::bytes(&mut *Surroundings::system().entropy.random());
        Self {
            process: format!("{host}/{}", std::process::id()),
            tag: hex::encode(tag),
        }
    }

    /// Returns the name of a session in the general pool.
    pub(in crate::store) fn of_pool(&self) -> String {
        format!("{APPLICATION} {} {}", self.process, self.tag)
    }

    /// Returns the name of a session for a lock.
    pub(in crate::store) fn of_lock(&self, host: HostId, silence: Duration) -> String {
        let silence_ms = silence.as_millis().min(SILENCE_MS_MAX);
        format!("{} {} {silence_ms}", self.of_pool(), digits(host))
    }
}

impl Named {
    /// Parses a session name; `None` if it is not one of ours.
    pub(in crate::store) fn read(name: &str) -> Option<Self> {
        let words: Vec<&str> = name.split(' ').collect();
        let (process, tag, lock) = match words[..] {
            [APPLICATION, process, tag] => (process, tag, None),
            [APPLICATION, process, tag, host, silence_ms] => {
                let lock = NamedLock {
                    host_digits: host.to_owned(),
                    silence: Duration::from_millis(silence_ms.parse().ok()?),
                };
                (process, tag, Some(lock))
            }
            _ => return None,
        };
        let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let whole = process.contains('/') && tag.len() == 2 * TAG_BYTES && hex(tag);
        whole.then(|| Self {
            process: process.to_owned(),
            tag: tag.to_owned(),
            lock,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_says_whose_it_is() {
        let name = ApplicationName {
            process: format!("{}/4194304", "h".repeat(HOST_BYTES_MAX)),
            tag: "00ff7a".into(),
        };
        let (host, other) = (HostId::from_random([7; 16]), HostId::from_random([8; 16]));
        let (pool, lock) = (
            name.of_pool(),
            name.of_lock(host, Duration::from_secs(86_400)),
        );
        assert!(lock.len() <= 63, "the server cuts {lock:?}");
        let pool = Named::read(&pool).unwrap();
        assert_eq!((pool.tag.as_str(), pool.lock), ("00ff7a", None));
        assert_eq!(pool.process, name.process);
        let lock = Named::read(&lock).unwrap().lock.unwrap();
        assert!(lock.is_of(host) && !lock.is_of(other));
        assert_eq!(lock.silence.as_millis(), SILENCE_MS_MAX);
        for strange in [
            "psql",
            "wmctl",
            "wmctl a/1",
            "wmctl a/1 nothex",
            "wmctl a 00ff7a",
            "wmctl a/1 00ff7a 0707 x",
            "",
        ] {
            assert_eq!(Named::read(strange), None, "{strange}");
        }
    }
}
