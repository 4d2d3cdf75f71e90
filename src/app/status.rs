//! Public states of an account and its process, for people and programs.

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

/// The reason why an account no longer runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunEnd {
    /// It was stopped by request.
    Stopped,
    /// No device is paired.
    Unpaired,
    /// The phone or the server unlinked the device.
    LoggedOut { reason: String },
    /// The account is banned, until `until` if the server gave a time.
    Banned { code: u32, until: Option<String> },
    /// The server requires a newer client version.
    Outdated,
    /// The account was exported, and another program uses its keys.
    Exported { to: String, at: String },
    /// Another process may write now.
    LeaseLost,
    /// The link stayed connected but stalled, even after a reconnect and a reload.
    Stalled { reason: &'static str },
    /// A setting is wrong. The text says why.
    Misconfigured(String),
    /// A failure that does not end by itself. The text says why.
    Broken(String),
}

impl RunEnd {
    /// Returns the stable code for programs.
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
            Self::Misconfigured(_) => "SERVER",
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
            Self::Misconfigured(what) | Self::Broken(what) => f.write_str(what),
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
            Stopped::Misconfigured(what) => Self::Misconfigured(what),
            Stopped::Broken(what) => Self::Broken(what),
        }
    }
}

/// The role of a process for its account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "role", rename_all = "snake_case")]
pub enum Role {
    /// Ready to take over from `holder`, given as host name and process number.
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
    /// Returns the role's word in output.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Standby { .. } => "standby",
            Self::Leader { .. } => "leader",
            Self::Fenced => "fenced",
        }
    }
}

/// The phase of leader election in a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ElectionStatus {
    /// `standby`, `claiming`, `loading`, `connecting`, `active`, `suspect`, `fenced`, `draining` or
    /// `replaced`.
    pub state: &'static str,
    pub since: String,
    /// A stable word for the reason, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// The epoch of the held lease.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epoch: Option<i64>,
    /// End of the permission to send, which each answered heartbeat moves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline: Option<String>,
}
