//! Keeps an actor going when it panics, within reason.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tracing::error;

use crate::engine::actor::{Actor, Stopped};
use crate::engine::ledger::Ledger;
use crate::engine::line::Dial;
use crate::engine::stop::Stop;

/// Panics of one account before it is left alone: the same input would only panic again.
const PANICS_MAX: u32 = 5;
/// Wait after a panic, times the number of panics so far.
const PANIC_PAUSE: Duration = Duration::from_secs(1);

/// Runs the actor until it ends by itself or has panicked too often.
pub async fn keep<L: Ledger, D: Dial>(mut actor: Box<Actor<L, D>>, stop: &Stop) -> Stopped {
    for panics in 1..=PANICS_MAX {
        // What a panic may leave half done is dropped with it: the next run starts from the rows.
        let run = AssertUnwindSafe(Box::pin(actor.run())).catch_unwind();
        match run.await {
            Ok(stopped) => return stopped,
            Err(_) => error!(panics, "actor panicked, starting over from the database"),
        }
        actor.panicked();
        if !stop.sleep(PANIC_PAUSE * panics).await {
            return Stopped::Asked;
        }
    }
    Stopped::Broken(String::from("the session panicked again and again"))
}
