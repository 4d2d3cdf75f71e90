//! A connection of a client: who is at its other end, and what it is told.

use tokio::sync::mpsc;
use wmctl_proto::handshake::ClientPayload;

use crate::crypto::curve::PublicKey;
use crate::ids::Jid;
use crate::sim::unpaired::Unpaired;
use crate::wire::node::Node;

/// Number of a connection, from 0.
pub(super) type LinkId = u64;

/// A client that has finished its handshake.
pub(super) struct Opened {
    pub(super) link: LinkId,
    /// The static key that it proved to own.
    pub(super) client: PublicKey,
    pub(super) payload: Box<ClientPayload>,
    pub(super) to_client: mpsc::Sender<Outgoing>,
}

/// What a connection is told to do.
#[derive(Debug)]
pub(super) enum Outgoing {
    Node(Node),
    /// Close once everything before it is sent.
    Close,
    /// Break off without a closing handshake.
    Cut,
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) enum Peer {
    Unpaired(Box<Unpaired>),
    /// By phone number.
    Device(Jid),
    /// Refused, replaced or paired: only the close is left.
    Leaving,
}
