//! Messages, receipts, retries and notifications, incoming and outgoing.

pub(super) mod ack;
pub(super) mod answers;
pub(super) mod attempts;
pub mod content;
pub(super) mod groups;
pub(super) mod notification;
pub(super) mod origin;
pub(super) mod protobuf;
pub(super) mod questions;
pub(super) mod receipt;
pub(super) mod receive;
pub mod refused;
pub(super) mod resent;
pub(super) mod retry;
pub(super) mod send;
pub(super) mod unread;
