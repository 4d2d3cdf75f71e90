//! Stanzas that the server sends from several places.
//!
//! Source: whatsmeow 33cfac51 `connectionevents.go` (ends of streams, refused logins).

use crate::ids::Jid;
use crate::wire::node::Node;

/// Returns the successful response to a query.
pub(super) fn result(id: &str) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "result")
        .attr("id", id)
}

/// Returns the error response to a query.
pub(super) fn error(id: &str, code: u16, text: &str) -> Node {
    let error = Node::new("error").attr("code", code).attr("text", text);
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "error")
        .attr("id", id)
        .with_child(error)
}

/// Returns the error response for an unsupported query.
pub(super) fn not_implemented(id: &str) -> Node {
    error(id, 501, "feature-not-implemented")
}

/// Returns a query from the server.
pub(super) fn set(id: u64) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "set")
        .attr("id", id)
}

/// Returns a stream error with a code: 515 to reconnect at once, 503 to reconnect later.
pub(super) fn stream_error(code: u16) -> Node {
    Node::new("stream:error").attr("code", code)
}

/// Returns the stream error for a connection that another one replaced.
pub(super) fn replaced() -> Node {
    Node::new("stream:error").with_child(Node::new("conflict").attr("type", "replaced"))
}

/// Returns the stream error for a device that the phone removed.
pub(super) fn device_removed() -> Node {
    stream_error(401).with_child(Node::new("conflict").attr("type", "device_removed"))
}

/// Returns the refusal of a login.
pub(super) fn failure(reason: u16) -> Node {
    Node::new("failure").attr("reason", reason)
}

/// Returns an unsolicited message (`ib`) from the server.
pub(super) fn info(child: Node) -> Node {
    Node::new("ib")
        .attr("from", Jid::server())
        .with_child(child)
}

/// Returns a notification, which the client must acknowledge.
pub(super) fn notification(id: u64, from: &Jid, kind: &str, t: u64) -> Node {
    Node::new("notification")
        .attr("from", from)
        .attr("type", kind)
        .attr("id", id)
        .attr("t", t)
}
