//! Signals as requests to stop: the first one is polite, the second one is not.

use std::io::IsTerminal as _;

use tokio::signal::unix::{Signal, SignalKind, signal};
use wmctl::api::tls::Tls;
use wmctl::ops::Stop;

use crate::failure::Exit;

/// Asks `stop` to end softly at the first SIGINT or SIGTERM, and hard at the second, for which it
/// returns the exit code. The caller gives up whatever still runs then.
pub(crate) async fn pass_on(stop: &Stop) -> Exit {
    let mut interrupts = signal(SignalKind::interrupt()).ok();
    let mut terminations = signal(SignalKind::terminate()).ok();
    for last in [false, true] {
        let exit = tokio::select! {
            () = received(&mut interrupts) => Exit::Interrupted,
            () = received(&mut terminations) => Exit::Terminated,
        };
        if last {
            stop.force();
            return exit;
        }
        tracing::info!("stopping; a second signal ends at once");
        stop.ask();
    }
    Exit::Interrupted
}

/// Does `work` to its end; each SIGHUP has the certificate read again.
///
/// Whoever has nothing to read again ends with its terminal, as is usual; a service without one is
/// not ended by a manager that says "reload".
pub(crate) async fn reloading<T>(tls: Option<Tls>, work: impl Future<Output = T>) -> T {
    if tls.is_none() && std::io::stdin().is_terminal() {
        return work.await;
    }
    let mut hangups = signal(SignalKind::hangup()).ok();
    let reloads = async {
        loop {
            received(&mut hangups).await;
            match &tls {
                Some(tls) => tls.reload(),
                None => tracing::info!("there is nothing to read again"),
            }
        }
    };
    tokio::select! {
        done = work => done,
        () = reloads => unreachable!("reloads never end"),
    }
}

/// Waits for ever where the system lets nobody listen.
async fn received(signals: &mut Option<Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}
