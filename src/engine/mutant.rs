//! What only a build with the feature `mutants` does: wrong on purpose.

use crate::session::changes::{Change, EventBody};

/// A message that makes a build for tests panic before it is committed.
pub(super) fn is_fatal(change: &Change) -> bool {
    match change {
        Change::Event(event) => match &event.body {
            EventBody::Message(message) => message.text.as_deref() == Some("panic, please"),
            _ => false,
        },
        _ => false,
    }
}
