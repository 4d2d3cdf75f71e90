//! Notifications to systemd: readiness, status and watchdog.
//!
//! Does nothing unless `NOTIFY_SOCKET` is set.

use std::time::Duration;

use sd_notify::NotifyState;
use tracing::debug;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::app::vitals::{ProcessRole, ProcessStatus};

/// Tick interval if the watchdog is off.
const IDLE: Duration = Duration::from_secs(3_600);

/// Runs `work` and notifies systemd meanwhile.
///
/// Both run in one task: if `work` hangs, the watchdog gets no notification and systemd kills the
/// process. The same happens if the heartbeat loop stops. An unreachable database does not stop the
/// notifications, because a restart would not help.
pub(crate) async fn watched<T>(app: &App, stop: &Stop, work: impl Future<Output = T>) -> T {
    let told = async {
        tell(app, stop).await;
        std::future::pending().await
    };
    tokio::select! {
        ended = work => ended,
        ended = told => ended,
    }
}

async fn tell(app: &App, stop: &Stop) {
    let watchdog = sd_notify::watchdog_enabled();
    // Notify twice within the watchdog timeout.
    let mut tick = tokio::time::interval(watchdog.map_or(IDLE, |allowed| allowed / 2));
    let (mut vitals, mut ready, mut stopping) = (app.vitals(), false, false);
    loop {
        tokio::select! {
            changed = vitals.changed() => {
                if changed.is_err() {
                    return;
                }
                let now = vitals.borrow_and_update().clone();
                say(NotifyState::Status(&status(&now)));
                if !ready && now.part != ProcessRole::Starting {
                    ready = true;
                    say(NotifyState::Ready);
                }
            }
            () = stop.asked(), if !stopping => {
                stopping = true;
                say(NotifyState::Stopping);
            }
            _ = tick.tick() => {
                if watchdog.is_some() && app.is_live() {
                    say(NotifyState::Watchdog);
                }
            }
        }
    }
}

fn say(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        debug!(%error, "could not notify the service manager");
    }
}

/// Returns the line that `systemctl status` shows.
fn status(vitals: &ProcessStatus) -> String {
    let account = vitals.account.as_ref();
    let account = account.map_or_else(String::new, |account| match &account.reason {
        Some(reason) => format!(", {} ({reason})", account.state),
        None => format!(", {} since {}", account.state, account.since),
    });
    match (vitals.part, &vitals.holder) {
        (ProcessRole::Leader, _) => format!("leader, epoch {}{account}", vitals.epoch),
        (ProcessRole::Standby, Some(holder)) => format!("standby behind {holder}"),
        (ProcessRole::Host, _) => format!(
            "{} of {} tenants connected",
            vitals.connected, vitals.tenants
        ),
        (part, _) => part.word().to_owned(),
    }
}
