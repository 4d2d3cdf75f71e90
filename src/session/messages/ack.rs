//! Acks and receipts, which repeat address attributes of the stanza they answer.

use crate::wire::node::Node;

/// Lowest error code of a server failure: the server did not process the stanza.
pub(in crate::session) const TROUBLE: u64 = 500;

/// Error codes with which we refuse a stanza.
/// Source: whatsmeow 33cfac51 `receipt.go` (`Nack…` constants).
pub(in crate::session) mod refused {
    /// A required attribute is missing or malformed.
    pub(crate) const MALFORMED: u32 = 487;
    /// No known kind of content.
    pub(crate) const UNRECOGNISED: u32 = 488;
    /// The decrypted content is malformed.
    pub(crate) const CONTENT: u32 = 491;
    /// Encrypted with a message secret that we do not have.
    pub(crate) const MESSAGE_SECRET: u32 = 495;
    /// The database refused it.
    pub(crate) const DATABASE: u32 = 552;
}

/// Copies the named attributes of a stanza to its answer.
fn echo(answer: Node, node: &Node, names: &[&str]) -> Node {
    names
        .iter()
        .fold(answer, |answer, name| match node.value(name) {
            Some(value) => answer.attr(*name, value.clone()),
            None => answer,
        })
}

/// Returns the ack for a stanza. `error` is the code of a refusal.
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

/// Returns a receipt for a message, with the required addresses.
pub(in crate::session) fn receipt_for(node: &Node, kind: Option<&str>) -> Option<Node> {
    let receipt = Node::new("receipt").attr("id", node.value("id")?.clone());
    let receipt = receipt.attr("to", node.value("from")?.clone());
    let receipt = echo(receipt, node, &["recipient", "participant"]);
    Some(match kind {
        Some(kind) => receipt.attr("type", kind),
        None => receipt,
    })
}
