//! Signals as requests to stop: the first one graceful, the second one immediate.

use std::io::IsTerminal as _;

use rustix::process::set_parent_process_death_signal;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::error;
use wmctl::api::tls::Tls;
use wmctl::app::App;
use wmctl::app::Stop;

use crate::failure::{Exit, Failure};
use crate::settings::Settings;

/// The effect of SIGHUP, which a closed terminal sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hangup {
    /// SIGHUP stops the command like SIGTERM, unless it was ignored at the start, as with `nohup`.
    Ends,
    /// See [`Hangups`].
    Reloads,
}

/// Requests a graceful stop at the first SIGINT or SIGTERM, and an immediate one at the second,
/// whose exit code it returns. The caller must then abandon all running work.
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
        tracing::info!("stopping; a second signal ends the process at once");
        match exit {
            Exit::Terminated => stop.terminate(),
            _ => stop.ask(),
        }
    }
    Exit::Interrupted
}

/// Returns whether this process was started with SIGHUP ignored; false if the system does not say.
fn hangups_are_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok());
    // SIGHUP is signal 1, the lowest bit.
    ignored.is_some_and(|set| set & 1 != 0)
}

/// Receives SIGHUP from now on. A signal during the start is kept and does not end the process.
///
/// A process with a terminal and without a certificate ends with its terminal, as usual. A service
/// must survive the reload signal of its manager.
pub(crate) struct Hangups(Option<Signal>);

impl Hangups {
    /// Starts listening. Must be called before any slow operation.
    pub(crate) fn listen() -> Self {
        let terminal = std::io::stdin().is_terminal();
        Self(
            (!terminal)
                .then(|| signal(SignalKind::hangup()).ok())
                .flatten(),
        )
    }

    /// Runs `work`. Each SIGHUP reloads the certificate, the log filter, the client version and the
    /// database login.
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
                if let Some(fresh) = settings.reload() {
                    match fresh.client_version() {
                        Ok(version) => app.set_client_version(version),
                        Err(failure) => {
                            error!(
                                error = failure.message,
                                "the old client version stays in use"
                            );
                        }
                    }
                }
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

/// Waits for a signal; waits for ever if the process could not listen for it.
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
    /// Asks the kernel to kill this process when its parent ends, even if the process is stopped.
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
