//! A group, and how its members are addressed.

use std::collections::BTreeSet;

use serde::Deserialize;

use crate::ids::{Jid, Server};

/// How the members of a group are addressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Addressing {
    /// By hidden number, as in all groups that are made nowadays.
    #[default]
    Lid,
    /// By phone number, as in older groups.
    Pn,
}

impl Addressing {
    /// The server of such addresses.
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
    /// Addresses by phone number, without device.
    pub(super) members: BTreeSet<Jid>,
    pub(super) creator: Jid,
    pub(super) addressing: Addressing,
}
