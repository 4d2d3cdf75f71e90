//! Asks WhatsApp to unlink a device.

use std::time::Duration;

use crate::app::{App, Stop};
use crate::engine::actor::Stopped;
use crate::ids::HostId;
use crate::session::account::Ended;
use crate::session::input::Input;
use crate::store::lease::Lease;

/// Asks the server to unlink the existing device. Returns whether the server confirmed it.
pub(super) async fn unlink(app: &App, host: HostId, lease: &Lease, time_max: Duration) -> bool {
    let own = Stop::new();
    let Ok((mut live, account)) = app.run_account(host, lease.clone(), &own) else {
        return false;
    };
    let log_out = async {
        let done = async {
            if live
                .status
                .wait_for(|status| 0 < status.logins)
                .await
                .is_ok()
            {
                let _ = live.commands.send(Input::Logout).await;
            }
            std::future::pending::<()>().await;
        };
        let _ = tokio::time::timeout(time_max, done).await;
        live.stop.ask();
        std::future::pending::<Stopped>().await
    };
    let stopped = tokio::select! {
        stopped = account => stopped,
        stopped = log_out => stopped,
    };
    matches!(stopped, Stopped::Ended(Ended::LoggedOut { .. }))
}
