//! Groups and the addressing of their members.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::ids::{Jid, Server};

/// The kind of JID that a group uses for its members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// By LID, as in all new groups.
    #[default]
    Lid,
    /// By phone number, as in older groups.
    Pn,
}

impl Addressing {
    /// Returns the JID server for this kind of addressing.
    pub(super) fn server(self) -> Server {
        match self {
            Self::Lid => Server::Lid,
            Self::Pn => Server::User,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Lid => "lid",
            Self::Pn => "pn",
        }
    }
}

/// A group of accounts.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) subject: String,
    pub(super) created_s: u64,
    /// JIDs by phone number, without device.
    pub(super) members: BTreeSet<Jid>,
    pub(super) creator: Jid,
    pub(super) addressing: Addressing,
}
