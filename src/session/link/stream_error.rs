//! The reasons for which the server ends or refuses a link, and the reaction to each.
//!
//! Source: whatsmeow 33cfac51 `connectionevents.go`, `types/events/events.go`
//! (`ConnectFailureReason`).

use crate::session::account::Ended;
use crate::session::output::Close;
use crate::wire::node::Node;

/// Maximum accepted length of a ban, in seconds. Longer values are treated as invalid.
const BAN_S_MAX: u64 = 10 * 366 * 24 * 3_600;

/// Returns the reaction to a `stream:error`, `failure` or `xmlstreamend`.
pub(in crate::session) fn disposition(node: &Node, now_ms: i64) -> Close {
    match node.tag.as_str() {
        "stream:error" => stream_error(node, now_ms),
        "failure" => failure(node, now_ms),
        "xmlstreamend" => Close::Retry {
            reason: "stream_end",
        },
        _ => Close::Retry {
            reason: "stream_error",
        },
    }
}

fn stream_error(node: &Node, now_ms: i64) -> Close {
    let conflict = node
        .child("conflict")
        .and_then(|conflict| conflict.attr_text("type"));
    let code = node.attr_u64("code");
    match (code, conflict.as_deref()) {
        (_, Some("replaced")) => Close::Replaced,
        (_, Some("device_removed")) => logged_out("device_removed", now_ms),
        (Some(401), _) => logged_out("unlinked", now_ms),
        (Some(515), _) => Close::Restart,
        (Some(code), _) => Close::Retry {
            reason: retry_reason(code),
        },
        _ => Close::Retry {
            reason: "stream_error",
        },
    }
}

fn failure(node: &Node, now_ms: i64) -> Close {
    match node.attr_u64("reason") {
        Some(401) => logged_out("unlinked", now_ms),
        Some(403) => logged_out("locked", now_ms),
        Some(406) => logged_out("banned", now_ms),
        Some(402) => Close::Ended(banned(node, now_ms)),
        Some(405) => Close::Ended(Ended::Outdated),
        Some(515) => Close::Restart,
        Some(code) => Close::Retry {
            reason: retry_reason(code),
        },
        None => Close::Retry { reason: "failure" },
    }
}

fn logged_out(reason: &str, now_ms: i64) -> Close {
    Close::Ended(Ended::LoggedOut {
        reason: reason.to_owned(),
        at_ms: now_ms,
    })
}

fn banned(node: &Node, now_ms: i64) -> Ended {
    let code = node
        .attr_u64("code")
        .and_then(|code| code.try_into().ok())
        .unwrap_or(0);
    let seconds = node
        .attr_u64("expire")
        .filter(|seconds| *seconds <= BAN_S_MAX);
    let until_ms = seconds
        .and_then(|seconds| i64::try_from(seconds * 1_000).ok())
        .and_then(|ms| now_ms.checked_add(ms));
    Ended::Banned { code, until_ms }
}

fn retry_reason(code: u64) -> &'static str {
    match code {
        400 => "bad_request",
        409 => "bad_user_agent",
        411 => "multi_device_off",
        413..=415 => "cat",
        418 => "client_unknown",
        429 => "throttled",
        500 => "server_error",
        501 => "experimental",
        503 => "unavailable",
        _ => "stream_error",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_MS: i64 = 1_000;

    fn check(node: Node, expected: Close) {
        assert_eq!(disposition(&node, NOW_MS), expected, "{node:?}");
    }

    fn ended(reason: &str) -> Close {
        logged_out(reason, NOW_MS)
    }

    #[test]
    fn stream_errors_have_their_own_reactions() {
        let error = |code: &str| Node::new("stream:error").attr("code", code);
        let conflict = |kind: &str| Node::new("conflict").attr("type", kind);
        check(error("515"), Close::Restart);
        check(
            error("503"),
            Close::Retry {
                reason: "unavailable",
            },
        );
        check(
            error("999"),
            Close::Retry {
                reason: "stream_error",
            },
        );
        check(error("401"), ended("unlinked"));
        check(
            error("401").with_child(conflict("device_removed")),
            ended("device_removed"),
        );
        check(
            Node::new("stream:error").with_child(conflict("replaced")),
            Close::Replaced,
        );
        check(
            Node::new("stream:error"),
            Close::Retry {
                reason: "stream_error",
            },
        );
        check(
            Node::new("xmlstreamend"),
            Close::Retry {
                reason: "stream_end",
            },
        );
    }

    #[test]
    fn failures_have_their_own_reactions() {
        let failure = |reason: &str| Node::new("failure").attr("reason", reason);
        check(failure("401"), ended("unlinked"));
        check(failure("403"), ended("locked"));
        check(failure("406"), ended("banned"));
        check(failure("405"), Close::Ended(Ended::Outdated));
        check(
            failure("429"),
            Close::Retry {
                reason: "throttled",
            },
        );
        check(
            failure("500"),
            Close::Retry {
                reason: "server_error",
            },
        );
        let ban = |until_ms| {
            Close::Ended(Ended::Banned {
                code: 101,
                until_ms,
            })
        };
        let banned = failure("402").attr("code", "101");
        check(banned.clone(), ban(None));
        check(banned.clone().attr("expire", "60"), ban(Some(61_000)));
        check(banned.attr("expire", "99999999999999999"), ban(None));
    }
}
