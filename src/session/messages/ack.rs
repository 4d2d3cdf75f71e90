//! Answers that repeat the addresses of the stanza they answer.

use crate::wire::node::Node;

/// From this error on the server itself is in trouble, and has not taken what it answers.
pub(in crate::session) const TROUBLE: u64 = 500;

/// Codes with which a stanza is refused, as the servers know them.
pub(in crate::session) mod refused {
    /// An attribute that must be there is missing or malformed.
    pub(crate) const MALFORMED: u32 = 487;
    /// Nothing in it that we know how to read.
    pub(crate) const UNRECOGNISED: u32 = 488;
    /// The decrypted content is no protobuf.
    pub(crate) const CONTENT: u32 = 491;
    /// Encrypted with a secret that we do not have.
    pub(crate) const MESSAGE_SECRET: u32 = 495;
    /// It could not be stored.
    pub(crate) const DATABASE: u32 = 552;
}

/// The attributes of a stanza that its answer repeats.
fn echo(answer: Node, node: &Node, names: &[&str]) -> Node {
    names
        .iter()
        .fold(answer, |answer, name| match node.value(name) {
            Some(value) => answer.attr(*name, value.clone()),
            None => answer,
        })
}

/// Takes a stanza off the server's hands; `error` says that we could not use it.
pub(in crate::session) fn ack(node: &Node, error: Option<u32>) -> Option<Node> {
    let id = node.value("id")?.clone();
    let to = node.value("from")?.clone();
    let ack = Node::new("ack")
        .attr("class", node.tag.as_str())
        .attr("id", id)
        .attr("to", to);
    let ack = echo(ack, node, &["participant", "recipient"]);
    let ack = if node.tag == "message" {
        ack
    } else {
        echo(ack, node, &["type"])
    };
    Some(match error {
        Some(code) => ack.attr("error", code.to_string()),
        None => ack,
    })
}

/// A receipt for a message, with the addresses that it needs.
pub(in crate::session) fn receipt_for(node: &Node, kind: Option<&str>) -> Option<Node> {
    let receipt = Node::new("receipt").attr("id", node.value("id")?.clone());
    let receipt = receipt.attr("to", node.value("from")?.clone());
    let receipt = echo(receipt, node, &["recipient", "participant"]);
    Some(match kind {
        Some(kind) => receipt.attr("type", kind),
        None => receipt,
    })
}
