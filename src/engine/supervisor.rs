//! Restarts an actor after a panic, a limited number of times.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tracing::error;

use crate::engine::actor::{Actor, Stopped};
use crate::engine::ledger::AccountStore;
use crate::engine::line::Connector;
use crate::engine::stop::Stop;

/// Most panics before the account is stopped: the same input would panic again.
const PANICS_MAX: u32 = 5;
/// Wait after a panic, multiplied by the number of panics so far.
const PANIC_PAUSE: Duration = Duration::from_secs(1);
/// After this time without a panic, the count starts again at one.
const PANIC_MEMORY: Duration = Duration::from_secs(600);

/// Runs the actor until it ends by itself or has panicked [`PANICS_MAX`] times.
pub async fn keep<L: AccountStore, D: Connector>(
    mut actor: Box<Actor<L, D>>,
    stop: &Stop,
) -> Stopped {
    let mut panics = 0;
    while panics < PANICS_MAX {
        let begun = Instant::now();
        // A panic drops all partial state: the next run starts from the rows.
        let run = AssertUnwindSafe(Box::pin(actor.run())).catch_unwind();
        match run.await {
            Ok(stopped) => return stopped,
            Err(_) => {
                panics = match begun.elapsed() < PANIC_MEMORY {
                    true => panics + 1,
                    false => 1,
                };
                error!(panics, "actor panicked, starting over from the database");
            }
        }
        actor.panicked();
        if !stop.sleep(PANIC_PAUSE * panics).await {
            return Stopped::Asked;
        }
    }
    Stopped::Broken(String::from("the session panicked again and again"))
}
