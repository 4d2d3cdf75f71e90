//! How an account and its process are, in words that people and programs are shown.

use std::fmt;

use serde::Serialize;

use crate::app::shapes::time;
use crate::engine::actor::Stopped;
use crate::engine::status::Status;
use crate::session::account::Ended;

/// The state of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AccountStatus {
    pub state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub since: String,
}

impl From<Status> for AccountStatus {
    fn from(status: Status) -> Self {
        Self {
            state: status.state.word(),
            reason: status.reason,
            since: time(status.since_ms),
        }
    }
}

/// Why the account is not run any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It was asked to stop.
    Stopped,
    /// No device is paired.
    Unpaired,
    /// The phone or the server unlinked the device.
    LoggedOut { reason: String },
    /// Banned, until a time where the server gave one.
    Banned { code: u32, until: Option<String> },
    /// The server wants a newer client version.
    Outdated,
    /// Another program goes on with its keys.
    Exported { to: String, at: String },
    /// Another process may write now.
    LeaseLost,
    /// The session was connected and dead, whatever was tried.
    Stalled { reason: &'static str },
    /// Something is unusable and does not get better by itself.
    Broken(String),
}

impl RunEnd {
    /// The stable word for machines.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Unpaired => "NOT_PAIRED",
            Self::LoggedOut { .. } => "LOGGED_OUT",
            Self::Banned { .. } => "BANNED",
            Self::Outdated => "OUTDATED",
            Self::Exported { .. } => "EXPORTED",
            Self::LeaseLost => "FENCED",
            Self::Stalled { .. } => "STALLED",
            Self::Broken(_) => "BROKEN",
        }
    }
}

impl fmt::Display for RunEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("stopped"),
            Self::Unpaired => f.write_str("not paired"),
            Self::LoggedOut { reason } => write!(f, "logged out: {reason}"),
            Self::Banned { code, until: None } => write!(f, "banned (code {code})"),
            Self::Banned {
                code,
                until: Some(until),
            } => write!(f, "banned until {until} (code {code})"),
            Self::Outdated => f.write_str("WhatsApp refuses this client version as outdated"),
            Self::Exported { to, at } => write!(f, "exported to {to} at {at}"),
            Self::LeaseLost => f.write_str("another process took over"),
            Self::Stalled { reason } => write!(f, "connected and dead: {reason}"),
            Self::Broken(what) => f.write_str(what),
        }
    }
}

impl From<Stopped> for RunEnd {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Asked => Self::Stopped,
            Stopped::LeaseLost => Self::LeaseLost,
            Stopped::Stalled(sign) => Self::Stalled {
                reason: sign.word(),
            },
            Stopped::Unpaired => Self::Unpaired,
            Stopped::Ended(Ended::LoggedOut { reason, .. }) => Self::LoggedOut { reason },
            Stopped::Ended(Ended::Banned { code, until_ms }) => Self::Banned {
                code,
                until: until_ms.map(time),
            },
            Stopped::Ended(Ended::Outdated) => Self::Outdated,
            Stopped::Ended(Ended::Exported { to, at_ms }) => Self::Exported {
                to,
                at: time(at_ms),
            },
            Stopped::Broken(what) => Self::Broken(what),
        }
    }
}

/// What a process is to its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// Ready to take over from `holder` (host and process number).
    Standby {
        #[serde(skip_serializing_if = "Option::is_none")]
        holder: Option<String>,
    },
    /// It holds the lease.
    Leader { epoch: i64 },
    /// Another process took over.
    Fenced,
}

impl Role {
    /// One word, as it is shown.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Standby { .. } => "standby",
            Self::Leader { .. } => "leader",
            Self::Fenced => "fenced",
        }
    }
}

/// Where a process is on the way to leading, and back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Leadership {
    /// `standby`, `claiming`, `loading`, `connecting`, `active`, `suspect`, `fenced`, `draining` or
    /// `replaced`.
    pub state: &'static str,
    pub since: String,
    /// A stable word that says why, where there is more to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The epoch of the lease that is held.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// Until when the last heartbeat entitles to send; each further one moves it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}
