//! `wmctl lock-status`: who holds which lease, and what is wrong.

use wmctl::ids::TenantId;
use wmctl::ops::locks::{self, LockStatus};
use wmctl::ops::open::{App, Schema};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Listed, Ui};
use crate::watch::WatchArgs;

/// Show who holds which lease, and what is wrong
///
/// The pair of epoch and holder decides who may write. With --check, exit code 10 if a tenant has
/// no living holder. --release takes a lease away: its holder cannot send or acknowledge any more,
/// and a standby takes over.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl lock-status\n  \
    wmctl lock-status acme --json\n  \
    wmctl lock-status --watch\n  \
    wmctl lock-status --release acme")]
pub(crate) struct LockStatusArgs {
    /// Only this tenant
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    #[command(flatten)]
    watch: WatchArgs,

    /// Exit with code 10 if something is wrong
    #[arg(long)]
    check: bool,

    /// Take the lease of this tenant away from its holder
    #[arg(long, value_name = "TENANT", conflicts_with_all = ["only", "watch"])]
    release: Option<TenantId>,

    /// Do not ask
    #[arg(long, requires = "release")]
    yes: bool,
}

impl Listed for LockStatus {
    const HEADS: &'static [&'static str] = &[
        "TENANT",
        "STATE",
        "HOLDER",
        "EPOCH",
        "SINCE",
        "HEARTBEAT",
        "BY",
        "WAITING",
    ];

    fn cells(&self) -> Vec<String> {
        let age = self.heartbeat_age_s.filter(|_| self.holder.is_some());
        vec![
            self.business_id.clone(),
            self.state.to_owned(),
            self.holder.clone().unwrap_or_default(),
            self.epoch.to_string(),
            self.since.clone().unwrap_or_default(),
            age.map_or_else(String::new, |age| format!("{age} s")),
            self.liveness.unwrap_or_default().to_owned(),
            self.waiting.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.business_id.clone()
    }
}

pub(crate) async fn run(
    ui: &Ui,
    settings: &Settings,
    args: &LockStatusArgs,
) -> Result<Exit, Failure> {
    let app = start::open(ui, settings, Schema::Current).await?;
    let result = match &args.release {
        Some(tenant) => release(&app, ui, args, tenant).await,
        None => show(&app, ui, args).await,
    };
    app.close().await;
    result
}

async fn show(app: &App, ui: &Ui, args: &LockStatusArgs) -> Result<Exit, Failure> {
    let once = async || {
        let locks = locks::status(app, args.only.as_ref()).await;
        let locks = locks.map_err(start::rows)?;
        if let (Some(tenant), []) = (&args.only, locks.as_slice()) {
            let message = format!("{tenant} has no lease");
            return Err(Failure::new(Exit::Absent, "NO_LEASE", message)
                .hint("`wmctl tenants list` shows who is there"));
        }
        ui.list("LockList", &locks, "no leases yet: `wmctl run` takes one")?;
        let wrong: Vec<_> = locks
            .iter()
            .filter_map(|lock| Some((&lock.business_id, lock.problem.as_ref()?)))
            .collect();
        for (tenant, problem) in &wrong {
            ui.warn(&format!("{tenant}: {problem}"));
        }
        match args.check && !wrong.is_empty() {
            true => Ok(Exit::Pending),
            false => Ok(Exit::Done),
        }
    };
    args.watch.look(ui, once).await
}

async fn release(
    app: &App,
    ui: &Ui,
    args: &LockStatusArgs,
    tenant: &TenantId,
) -> Result<Exit, Failure> {
    let instead = format!("wmctl lock-status --release {tenant} --yes");
    let question = format!("Take the lease of {tenant} away from the process that holds it");
    if !args.yes && !ui.confirm(&question, &instead)? {
        return Ok(Exit::Done);
    }
    match locks::release(app, tenant).await.map_err(start::rows)? {
        true => {
            ui.done(&format!("the lease of {tenant} is free"));
            Ok(Exit::Done)
        }
        false => {
            let message = format!("nobody holds the lease of {tenant}");
            Err(Failure::new(Exit::Absent, "NO_LEASE", message))
        }
    }
}
