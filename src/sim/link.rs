//! A client's connection: its peer, and the commands to it.

use tokio::sync::mpsc;
use wmctl_proto::handshake::ClientPayload;

use crate::crypto::curve::PublicKey;
use crate::ids::Jid;
use crate::sim::unpaired::Unpaired;
use crate::wire::node::Node;

/// Number of a connection, from 0.
pub(super) type LinkId = u64;

/// A client that has completed its handshake.
pub(super) struct Opened {
    pub(super) link: LinkId,
    /// The static key that the client proved to own.
    pub(super) client: PublicKey,
    /// What the client sent with its handshake.
    pub(super) payload: Box<ClientPayload>,
    pub(super) to_client: mpsc::Sender<Outgoing>,
}

/// A command to a connection.
#[derive(Debug)]
pub(super) enum Outgoing {
    Node(Node),
    /// Close after everything before it was sent.
    Close,
    /// Break the connection without a closing handshake.
    Cut,
}

/// The peer of a connection.
#[derive(Debug)]
pub(super) enum Peer {
    Unpaired(Box<Unpaired>),
    /// A paired device, by phone number.
    Device(Jid),
    /// Refused, replaced or just paired: the connection is about to close.
    Leaving,
}
