//! Signals as requests to stop: the first one is polite, the second one is not.

use std::io::IsTerminal as _;

use tokio::signal::unix::{Signal, SignalKind, signal};
use wmctl::api::tls::Tls;
use wmctl::ops::Stop;

use crate::failure::Exit;
use crate::settings::Settings;

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
        match exit {
            Exit::Terminated => stop.terminate(),
            _ => stop.ask(),
        }
    }
    Exit::Interrupted
}

/// SIGHUPs from now on: those that come while a command starts are kept, and do not end it.
///
/// Whoever has a terminal and no certificate ends with its terminal, as is usual; a service is not
/// ended by a manager that says "reload".
pub(crate) struct Hangups(Option<Signal>);

impl Hangups {
    /// To be called before anything takes time.
    pub(crate) fn listen() -> Self {
        let terminal = std::io::stdin().is_terminal();
        Self(
            (!terminal)
                .then(|| signal(SignalKind::hangup()).ok())
                .flatten(),
        )
    }

    /// Does `work` to its end; each SIGHUP has the certificate and the log filter read again.
    pub(crate) async fn reloading<T>(
        mut self,
        settings: &Settings,
        tls: Option<Tls>,
        work: impl Future<Output = T>,
    ) -> T {
        if self.0.is_none() && tls.is_some() {
            self.0 = signal(SignalKind::hangup()).ok();
        }
        let reloads = async {
            loop {
                received(&mut self.0).await;
                settings.reload();
                if let Some(tls) = &tls {
                    tls.reload();
                }
            }
        };
        tokio::select! {
            done = work => done,
            () = reloads => unreachable!("reloads never end"),
        }
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
