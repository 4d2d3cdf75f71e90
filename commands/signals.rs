//! Signals as requests to stop: the first one is polite, the second one is not.

use std::io::IsTerminal as _;

use rustix::process::set_parent_process_death_signal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use wmctl::api::tls::Tls;
use wmctl::app::App;
use wmctl::app::Stop;

use crate::failure::{Exit, Failure};
use crate::settings::Settings;

/// Whether a terminal that is closed asks a command to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// As SIGTERM does, unless whoever started it has SIGHUP ignored, as `nohup` does.
    Ends,
    /// See [`Hangups`].
    Reloads,
}

/// Asks `stop` to end softly at the first SIGINT or SIGTERM, and hard at the second, for which it
/// returns the exit code. The caller gives up whatever still runs then.
pub(crate) async fn pass_on(stop: &Stop, hangup: Hangup) -> Exit {
    let mut interrupts = signal(SignalKind::interrupt()).ok();
    let mut terminations = signal(SignalKind::terminate()).ok();
    let ends = hangup == Hangup::Ends && !hangups_are_ignored();
    let mut hangups = ends.then(|| signal(SignalKind::hangup()).ok()).flatten();
    for last in [false, true] {
        let exit = tokio::select! {
            () = received(&mut interrupts) => Exit::Interrupted,
            () = received(&mut terminations) => Exit::Terminated,
            () = received(&mut hangups) => Exit::Terminated,
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

/// Whether this process was started with SIGHUP ignored; not where the system does not say.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    // SIGHUP is the first of them.
    ignored.is_some_and(|set| set & 1 != 0)
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

    /// Does `work` to its end; each SIGHUP has the certificate, the log filter and the login of the
    /// database read again.
    pub(crate) async fn reloading<T>(
        mut self,
        settings: &Settings,
        tls: Option<Tls>,
        app: &App,
        work: impl Future<Output = T>,
    ) -> T {
        if self.0.is_none() && tls.is_some() {
            self.0 = signal(SignalKind::hangup()).ok();
        }
        let reloads = async {
            loop {
                received(&mut self.0).await;
                settings.reload();
                app.renew_login();
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

/// For processes that a rehearsal starts.
#[derive(Debug, clap::Args)]
pub(crate) struct EndsWith {
    /// End at once, without a word, when this process does: it has to be the parent
    #[arg(long = "ends-with", hide = true, value_name = "PID")]
    parent: Option<u32>,
}

impl EndsWith {
    /// Has the system end this process with its parent, even if it is stopped then.
    pub(crate) fn apply(&self) -> Result<(), Failure> {
        let Some(parent) = self.parent else {
            return Ok(());
        };
        let refused = |why: String| Failure::new(Exit::Usage, "ENDS_WITH", why);
        set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
            .map_err(|error| refused(format!("end with {parent}: {error}")))?;
        let now = rustix::process::getppid().map(rustix::process::Pid::as_raw_pid);
        if now != i32::try_from(parent).ok() {
            return Err(refused(format!(
                "{parent} is not the parent, or not any more"
            )));
        }
        Ok(())
    }
}
