//! Exit codes that scripts rely on, and errors with hints.

use serde::Serialize;
use wmctl::app::Stop;

/// The exit code of the process. The numbers are stable: scripts and unit files depend on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Exit {
    Done = 0,
    Failed = 1,
    Usage = 2,
    Config = 3,
    Auth = 4,
    Absent = 5,
    Conflict = 6,
    Database = 7,
    Remote = 8,
    Partial = 9,
    Pending = 10,
    Gone = 11,
    Internal = 70,
    Interrupted = 130,
    Terminated = 143,
}

/// The table of `wmctl help exit-codes`: code, meaning, and whether to retry.
pub(crate) const EXIT_CODES: &[(Exit, &str, &str)] = &[
    (
        Exit::Done,
        "done; clean stop of a daemon; a closed pipe",
        "-",
    ),
    (Exit::Failed, "anything without a code of its own", "maybe"),
    (
        Exit::Usage,
        "wrong usage; or an answer is needed and there is no terminal",
        "no",
    ),
    (
        Exit::Config,
        "configuration: file, URL, key file, file mode",
        "no",
    ),
    (
        Exit::Auth,
        "logged out or banned by WhatsApp, or a token was refused: pair again",
        "no",
    ),
    (Exit::Absent, "not found: tenant, device, message", "no"),
    (
        Exit::Conflict,
        "exists already, lock held elsewhere, or replaced by another client",
        "later",
    ),
    (
        Exit::Database,
        "database: unreachable, full, or its schema is too old or too new",
        "yes",
    ),
    (
        Exit::Remote,
        "WhatsApp or a daemon: unreachable, TLS, timeout",
        "yes",
    ),
    (Exit::Partial, "some of several items failed", "per item"),
    (
        Exit::Pending,
        "not yet: migrations pending, or a wait timed out",
        "yes",
    ),
    (
        Exit::Gone,
        "events that were asked for are removed; the error names the first that there is",
        "no",
    ),
    (Exit::Internal, "internal error: please report it", "no"),
    (
        Exit::Interrupted,
        "interrupted before the work was done",
        "-",
    ),
    (Exit::Terminated, "terminated before the work was done", "-"),
];

impl Exit {
    /// Returns the number that the shell sees.
    pub(crate) fn code(self) -> u8 {
        self as u8
    }

    /// Returns whether the same command may succeed later without any change by the user.
    fn retryable(self) -> bool {
        matches!(
            self,
            Self::Conflict | Self::Database | Self::Remote | Self::Pending
        )
    }
}

/// Why a command failed. `main` prints it once.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    /// Stable code for programs.
    code: &'static str,
    pub(crate) message: String,
    hint: Option<String>,
}

impl Failure {
    /// Creates a failure. The message is a lower-case phrase without a full stop.
    pub(crate) fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            exit,
            code,
            message: message.into(),
            hint: None,
        }
    }

    /// Returns the result for a closed standard output. This is not an error and prints nothing.
    pub(crate) fn closed_pipe() -> Self {
        Self::new(Exit::Done, "CLOSED_PIPE", "standard output is closed")
    }

    /// Returns a failure for a broken invariant.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self::new(Exit::Internal, "INTERNAL", message)
            .hint("this is a bug in wmctl: please report it with the log")
    }

    /// Sets the hint.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Gives an interrupted command the exit code of the signal that stopped it.
    pub(crate) fn stopped_by(mut self, stop: &Stop) -> Self {
        if self.exit == Exit::Interrupted && stop.is_terminated() {
            self.exit = Exit::Terminated;
        }
        self
    }

    /// Adds another hint.
    pub(crate) fn hint_too(mut self, hint: &str) -> Self {
        self.hint = Some(match self.hint {
            Some(first) => format!("{first}\n{hint}"),
            None => hint.to_owned(),
        });
        self
    }

    /// Prefixes the message with the part of the input that it concerns.
    pub(crate) fn of(mut self, part: &str) -> Self {
        self.message = format!("{part}: {}", self.message);
        self
    }

    /// Returns the stable code for programs.
    pub(crate) fn code(&self) -> &'static str {
        self.code
    }

    /// Returns the message without the hint.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// Returns the hint.
    pub(crate) fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Returns the text for people: message, then hint. Empty if there is nothing to report.
    pub(crate) fn text(&self) -> String {
        if self.exit == Exit::Done {
            return String::new();
        }
        let mut text = format!("error: {}\n", self.message);
        for line in self.hint.iter().flat_map(|hint| hint.lines()) {
            text.push_str(&format!("  hint: {line}\n"));
        }
        text.push_str(&format!(
            "  code: {} (exit {})\n",
            self.code,
            self.exit.code()
        ));
        text
    }

    /// Returns one line of JSON. Empty if there is nothing to report.
    pub(crate) fn json(&self) -> String {
        if self.exit == Exit::Done {
            return String::new();
        }
        let body = ErrorBody {
            code: self.code,
            message: &self.message,
            hint: self.hint.as_deref(),
            exit_code: self.exit.code(),
            retryable: self.exit.retryable(),
        };
        match serde_json::to_string(&ErrorLine { error: body }) {
            Ok(line) => line + "\n",
            Err(_) => self.text(),
        }
    }
}

#[derive(Serialize)]
struct ErrorLine<'a> {
    error: ErrorBody<'a>,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    code: &'a str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<&'a str>,
    exit_code: u8,
    retryable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lists_every_code_once_and_in_order() {
        let codes: Vec<u8> = EXIT_CODES.iter().map(|(exit, ..)| exit.code()).collect();
        assert_eq!(codes, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 70, 130, 143]);
    }

    #[test]
    fn a_failure_says_what_why_and_what_to_do() {
        let failure = Failure::new(Exit::Conflict, "LOCK_HELD", "acme is held by host-a")
            .hint("stop that one first");
        assert_eq!(
            failure.text(),
            "error: acme is held by host-a\n  hint: stop that one first\n  \
             code: LOCK_HELD (exit 6)\n"
        );
        assert_eq!(
            failure.json(),
            "{\"error\":{\"code\":\"LOCK_HELD\",\"message\":\"acme is held by host-a\",\
             \"hint\":\"stop that one first\",\"exit_code\":6,\"retryable\":true}}\n"
        );
        assert_eq!(Failure::closed_pipe().text(), "");
    }
}
