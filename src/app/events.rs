//! Reads the numbered events of an account.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::app::event::Event;
use crate::app::{App, RowsError};
use crate::engine::stop::Stop;
use crate::ids::TenantId;
use crate::store::events::Bounds;

/// Most events that are read at once.
pub const PAGE: u32 = 256;
/// Interval at which a follower polls for new events.
pub const LOOK: Duration = Duration::from_millis(200);

/// The position at which to start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At this number; 0 is the first event that exists.
    Seq(i64),
    /// After the newest event: only new events are read.
    Now,
}

impl Default for Start {
    fn default() -> Self {
        Self::Seq(0)
    }
}

/// Options for reading events.
#[derive(Clone, Debug, Default)]
pub struct EventsOptions {
    pub start: Start,
    /// Only these types; all types if empty.
    pub types: Vec<String>,
    /// Wait for more events at the end.
    pub follow: bool,
    /// Most events to return.
    pub limit: Option<u64>,
}

/// The reason why events cannot be read from a position.
#[derive(Debug, thiserror::Error)]
pub enum EventsError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error("there is no tenant {0}")]
    UnknownTenant(TenantId),
    /// Retention removed the events before the reader read them.
    #[error("events {from_seq} to {removed_to} were removed; {}", there(*.first, *.last))]
    Removed {
        from_seq: i64,
        removed_to: i64,
        /// The first event that exists.
        first: Option<i64>,
        /// The highest number assigned so far.
        last: i64,
    },
    /// The reader is ahead: its last event belongs to another log, such as one before a restore.
    #[error("there is no event {} yet, the last is {last}: this is not the log that was read",
        .from_seq - 1)]
    Ahead { from_seq: i64, last: i64 },
}

fn there(first: Option<i64>, last: i64) -> String {
    match first {
        Some(first) => format!("there are {first} to {last}"),
        None => format!("there is none; the last was {last}"),
    }
}

impl EventsError {
    /// Returns the stable error code; `None` if the database error has its own.
    pub fn code(&self) -> Option<&'static str> {
        Some(match self {
            Self::Rows(_) => return None,
            Self::UnknownTenant(_) => "NOT_FOUND",
            Self::Removed { .. } => "EVENTS_REMOVED",
            Self::Ahead { .. } => "EVENTS_AHEAD",
        })
    }
}

/// Checks the position, and returns the number of the first event to read.
async fn begin(app: &App, start: Start) -> Result<i64, EventsError> {
    let bounds = bounds(app).await?;
    let from_seq = match start {
        Start::Now => return Ok(bounds.last + 1),
        Start::Seq(from_seq) => from_seq,
    };
    whole(from_seq, &bounds)?;
    Ok(from_seq)
}

/// Fails if events after the position are missing.
pub async fn check(app: &App, from_seq: i64) -> Result<(), EventsError> {
    whole(from_seq, &bounds(app).await?)
}

async fn bounds(app: &App) -> Result<Bounds, EventsError> {
    let tenant = &app.settings.tenant;
    let bounds = app.store.event_bounds(tenant).await;
    let bounds = bounds.map_err(RowsError::of)?;
    if bounds == Bounds::default() {
        let known = app.store.overview_of(tenant).await;
        if known.map_err(RowsError::of)?.is_some() {
            return Ok(bounds);
        }
        return Err(EventsError::UnknownTenant(tenant.clone()));
    }
    Ok(bounds)
}

/// Checks a position against the bounds. The position 0 accepts any first event.
fn whole(from_seq: i64, bounds: &Bounds) -> Result<(), EventsError> {
    let (last, removed_to) = (bounds.last, bounds.removed_to);
    if 0 < from_seq && from_seq <= removed_to {
        return Err(EventsError::Removed {
            from_seq,
            removed_to,
            first: bounds.first,
            last,
        });
    }
    if last.saturating_add(1) < from_seq {
        return Err(EventsError::Ahead { from_seq, last });
    }
    Ok(())
}

/// Passes events to `tell` in order, until the end or until `tell` breaks. Returns the number from
/// which to continue.
pub async fn events(
    app: &App,
    options: &EventsOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<i64, EventsError> {
    let mut next = begin(app, options.start).await?;
    let mut left = options.limit.unwrap_or(u64::MAX);
    let tenant = &app.settings.tenant;
    loop {
        let page = app.store.events(tenant, next, PAGE).await;
        let page = page.map_err(RowsError::of)?;
        let full = page.len() == PAGE as usize;
        // Gaps in the numbers are normal. A gap caused by retention must be reported.
        if page.first().is_some_and(|first| next < first.seq) {
            check(app, next).await?;
        }
        for event in page {
            let event = Event::of(tenant, event);
            let seq = event.seq;
            if !options.types.is_empty() && !options.types.contains(&event.kind) {
                next = seq + 1;
                continue;
            }
            if left == 0 || tell(event).is_break() {
                return Ok(next);
            }
            next = seq + 1;
            left -= 1;
        }
        if left == 0 || (!full && !options.follow) {
            return Ok(next);
        }
        if !full && !stop.sleep(LOOK).await {
            return Ok(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_told_of_what_it_cannot_have() {
        let bounds = Bounds {
            first: Some(72),
            last: 90,
            removed_to: 71,
        };
        let told = |from_seq| {
            let error = whole(from_seq, &bounds).err()?;
            Some((error.code()?, error.to_string()))
        };
        assert_eq!(told(0), None);
        let removed = "events 5 to 71 were removed; there are 72 to 90";
        assert_eq!(told(5), Some(("EVENTS_REMOVED", removed.to_owned())));
        assert_eq!(told(71).unwrap().0, "EVENTS_REMOVED");
        assert_eq!(told(72), None);
        assert_eq!(told(91), None);
        assert_eq!(told(92).unwrap().0, "EVENTS_AHEAD");
        assert_eq!(told(i64::MAX).unwrap().0, "EVENTS_AHEAD");
    }
}
