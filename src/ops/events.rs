//! Reads the numbered events of an account.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::engine::stop::Stop;
use crate::ops::event::Event;
use crate::ops::open::{App, RowsError};

/// Events that are read at once.
const PAGE: u32 = 256;
/// How often a follower looks for new ones.
const LOOK: Duration = Duration::from_millis(200);

/// Which events.
#[derive(Clone, Debug, Default)]
pub struct EventsOptions {
    /// From this number on.
    pub from_seq: i64,
    /// Only of these types; all if empty.
    pub types: Vec<String>,
    /// Wait for more at the end.
    pub follow: bool,
    /// At most so many.
    pub limit: Option<u64>,
}

/// Hands on events in order, until the end or until `tell` breaks off.
pub async fn events(
    app: &App,
    options: &EventsOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(Event) -> ControlFlow<()> + Send),
) -> Result<(), RowsError> {
    let mut next = options.from_seq;
    let mut left = options.limit.unwrap_or(u64::MAX);
    loop {
        let page = app.store.events(&app.settings.tenant, next, PAGE).await;
        let page = page.map_err(RowsError::of)?;
        let full = page.len() == PAGE as usize;
        if let Some(last) = page.last() {
            next = last.seq + 1;
        }
        for event in page.into_iter().map(Event::from) {
            if !options.types.is_empty() && !options.types.contains(&event.kind) {
                continue;
            }
            if left == 0 || tell(event).is_break() {
                return Ok(());
            }
            left -= 1;
        }
        if left == 0 || (!full && !options.follow) {
            return Ok(());
        }
        if !full && !stop.sleep(LOOK).await {
            return Ok(());
        }
    }
}
