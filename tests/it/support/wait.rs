//! Waiting for what becomes true by itself.

use std::time::Duration;

use tokio::time::Instant;

use super::program::PATIENCE;

/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// The first thing that `look` finds, now or within [`PATIENCE`]; `why` says what is missing.
pub(crate) async fn until<T>(why: impl Fn() -> String, look: impl AsyncFnMut() -> Option<T>) -> T {
    until_within(PATIENCE, why, look).await
}

/// The same with another patience.
pub(crate) async fn until_within<T>(
    patience: Duration,
    why: impl Fn() -> String,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(begun.elapsed() < patience, "{}", why());
        tokio::time::sleep(LOOK).await;
    }
}
