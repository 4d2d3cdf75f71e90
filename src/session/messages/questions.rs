//! Questions to our own phone on this link.

use crate::ids::MessageId;
use crate::session::rows::Dedupe;

/// Questions to the phone on this link.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct Questions {
    /// The next one is on its way into the machine.
    pub(in crate::session) due: bool,
    /// Asked, and not confirmed by the server until then.
    pub(in crate::session) open: Option<(MessageId, Dedupe, u64)>,
}
