//! Stanzas that the server sends in more than one place.

use crate::ids::Jid;
use crate::wire::node::Node;

/// The positive answer to a query.
pub(super) fn result(id: &str) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "result")
        .attr("id", id)
}

/// The negative answer to a query.
pub(super) fn error(id: &str, code: u16, text: &str) -> Node {
    let error = Node::new("error").attr("code", code).attr("text", text);
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "error")
        .attr("id", id)
        .with_child(error)
}

/// The answer to a query for something that the simulator does not do.
pub(super) fn not_implemented(id: &str) -> Node {
    error(id, 501, "feature-not-implemented")
}

/// A query of the server's own.
pub(super) fn set(id: u64) -> Node {
    Node::new("iq")
        .attr("from", Jid::server())
        .attr("type", "set")
        .attr("id", id)
}

/// The end of a stream with a code: 515 to come back at once, 503 to come back later.
pub(super) fn stream_error(code: u16) -> Node {
    Node::new("stream:error").attr("code", code)
}

/// Another connection took the device's place.
pub(super) fn replaced() -> Node {
    Node::new("stream:error").with_child(Node::new("conflict").attr("type", "replaced"))
}

/// The phone removed the device.
pub(super) fn device_removed() -> Node {
    stream_error(401).with_child(Node::new("conflict").attr("type", "device_removed"))
}

/// The login is refused.
pub(super) fn failure(reason: u16) -> Node {
    Node::new("failure").attr("reason", reason)
}

/// Something that the server tells by itself.
pub(super) fn info(child: Node) -> Node {
    Node::new("ib")
        .attr("from", Jid::server())
        .with_child(child)
}

/// A notification, which the client acknowledges.
pub(super) fn notification(id: u64, from: &Jid, kind: &str, t: u64) -> Node {
    Node::new("notification")
        .attr("from", from)
        .attr("type", kind)
        .attr("id", id)
        .attr("t", t)
}
