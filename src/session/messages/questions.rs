//! Questions to our own phone while the link lasts.

use crate::ids::MessageId;
use crate::session::rows::Dedupe;

/// The questions to the phone on this link.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct PhoneRequests {
    /// True if the next question is already scheduled.
    pub(in crate::session) due: bool,
    /// The question that the server has not confirmed. The parts are its message id, the dedupe key
    /// of the message in question, and the deadline in monotonic ms.
    pub(in crate::session) open: Option<(MessageId, Dedupe, u64)>,
}
