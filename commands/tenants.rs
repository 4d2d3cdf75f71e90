//! `wmctl tenants`: the desired and the observed state of each tenant.

use std::time::Duration;

use clap::Subcommand;
use wmctl::app::Stop;
use wmctl::config::span;
use wmctl::ids::TenantId;
use wmctl::ops::hosts::Host;
use wmctl::ops::tenants::{Changes, Tenant};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::target::{Target, TargetArgs};
use crate::ui::{Listed, Ui};

/// Polling interval of `wait` and `drain`.
const LOOK: Duration = Duration::from_millis(200);
/// Polling interval of `watch`.
const WATCH: Duration = Duration::from_secs(2);

/// List, add, start, stop, move and remove tenants
///
/// What is to run is data: any host's interface can be asked, or the database directly, and the
/// hosts follow.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl tenants list\n  \
    wmctl tenants add acme --proxy socks5://proxy.example.com:1080\n  \
    wmctl tenants wait acme --for connected --timeout 60\n  \
    wmctl tenants move acme --to host-b\n  \
    wmctl tenants drain --host host-a\n  \
    wmctl tenants list --api https://wmctl.example.com")]
pub(crate) struct TenantsArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(subcommand)]
    command: TenantsCommand,
}

#[derive(Debug, Subcommand)]
enum TenantsCommand {
    /// List tenants: state, device, and which process runs each
    List,
    /// Show one tenant
    Show { name: TenantId },
    /// Have a tenant run, with these settings
    Add(AddArgs),
    /// Have a tenant run
    Start { name: TenantId },
    /// Have a tenant not run; its rows are kept
    Stop { name: TenantId },
    /// Have a tenant run on a host while that one lives
    Move {
        name: TenantId,
        /// Name or id of the host; `any` for no one in particular
        #[arg(long, value_name = "HOST")]
        to: String,
    },
    /// Have a host give all its tenants away and take none
    Drain {
        /// Name or id of the host
        #[arg(long, value_name = "HOST")]
        host: String,
        /// Take tenants again instead
        #[arg(long)]
        undo: bool,
        /// Wait at most this long until it has none (seconds)
        #[arg(long, value_name = "SECONDS", default_value = "60")]
        timeout: u64,
    },
    /// Wait until a tenant is in a state; exit code 10 if the time is up
    Wait {
        name: TenantId,
        /// connected, stopped, orphaned and others, as `list` shows them
        #[arg(long = "for", value_name = "STATE", default_value = "connected")]
        state: String,
        /// Wait at most this long (seconds)
        #[arg(long, value_name = "SECONDS", default_value = "60")]
        timeout: u64,
    },
    /// Unlink a tenant's device: the phone does not list it any more, its rows are kept
    Logout {
        name: TenantId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// Unlink a tenant's device and delete its keys, sessions and events for good
    Rm {
        name: TenantId,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// List tenants every two seconds
    Watch,
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    name: TenantId,

    /// Connect through http://… or socks5://[user:password@]host:port; an empty text is none
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// Have the phone list the device under this name
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,

    /// Have the phone list it as chrome, edge, firefox, safari or other
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,

    /// Run it on this host while that one lives
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Give messages up that waited for it so long, such as 30m or 7d; 0s is never (default: 24h)
    #[arg(long, value_name = "TIME", value_parser = length_of_time)]
    message_ttl: Option<Duration>,
}

fn length_of_time(text: &str) -> Result<Duration, &'static str> {
    let whole = |span: &Duration| span.subsec_nanos() == 0;
    let span = span::parse(text).filter(whole);
    span.ok_or("a whole number and a unit, such as 30m, 24h or 7d")
}

impl Listed for Tenant {
    const HEADS: &'static [&'static str] = &[
        "TENANT",
        "STATE",
        "JID",
        "HOLDER",
        "EPOCH",
        "SINCE",
        "LAST ERROR",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.state.clone(),
            self.jid.clone().unwrap_or_default(),
            self.holder.clone().unwrap_or_default(),
            self.epoch.to_string(),
            self.since.clone().unwrap_or_default(),
            self.last_error.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.business_id.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &TenantsArgs) -> Result<Exit, Failure> {
    let target = Target::open(ui, settings, &args.target).await?;
    let stop = Stop::new();
    let result = start::with_signals(&stop, carry_out(ui, &target, &args.command, &stop)).await;
    target.close().await;
    result?
}

async fn carry_out(
    ui: &Ui,
    target: &Target,
    command: &TenantsCommand,
    stop: &Stop,
) -> Result<Exit, Failure> {
    match command {
        TenantsCommand::List => list(ui, target).await,
        TenantsCommand::Watch => loop {
            list(ui, target).await?;
            if !stop.sleep(WATCH).await {
                return Ok(Exit::Done);
            }
        },
        TenantsCommand::Show { name } => show(ui, target, name).await,
        TenantsCommand::Add(args) => {
            let changes = Changes {
                proxy: args.proxy.clone(),
                device_name: args.device_name.clone(),
                platform: args.platform.clone(),
                host: args.host.clone(),
                message_ttl_s: args
                    .message_ttl
                    .map(|ttl| i64::try_from(ttl.as_secs()).unwrap_or(i64::MAX)),
            };
            target.add(&args.name, &changes).await?;
            show(ui, target, &args.name).await
        }
        TenantsCommand::Start { name } => {
            target.enable(name, true).await?;
            show(ui, target, name).await
        }
        TenantsCommand::Stop { name } => {
            target.enable(name, false).await?;
            show(ui, target, name).await
        }
        TenantsCommand::Move { name, to } => {
            let host = Some(to.as_str()).filter(|host| *host != "any");
            target.place(name, host).await?;
            show(ui, target, name).await
        }
        TenantsCommand::Drain {
            host,
            undo,
            timeout,
        } => drain(ui, target, host, *undo, *timeout).await,
        TenantsCommand::Wait {
            name,
            state,
            timeout,
        } => wait(ui, target, name, state, *timeout).await,
        TenantsCommand::Logout { name, yes } => log_out(ui, target, name, *yes).await,
        TenantsCommand::Rm { name, yes } => remove(ui, target, name, *yes).await,
    }
}

async fn list(ui: &Ui, target: &Target) -> Result<Exit, Failure> {
    let tenants = target.list().await?;
    let advice = "no tenants yet: `wmctl pair` makes one";
    ui.list("TenantList", &tenants, advice)?;
    Ok(Exit::Done)
}

async fn show(ui: &Ui, target: &Target, name: &TenantId) -> Result<Exit, Failure> {
    ui.object("Tenant", &target.show(name).await?)?;
    Ok(Exit::Done)
}

async fn wait(
    ui: &Ui,
    target: &Target,
    name: &TenantId,
    state: &str,
    timeout_s: u64,
) -> Result<Exit, Failure> {
    let reached = async {
        loop {
            let tenant = target.show(name).await?;
            if tenant.state == state {
                return Ok::<_, Failure>(tenant);
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(timeout_s), reached).await {
        Ok(tenant) => {
            ui.object("Tenant", &tenant?)?;
            Ok(Exit::Done)
        }
        Err(_) => {
            let now = target.show(name).await?;
            let message = format!("{name} is {}, not {state}", now.state);
            let failure = Failure::new(Exit::Pending, "WAIT", message);
            Err(match now.last_error {
                Some(error) => failure.hint(format!("its last error: {error}")),
                None => failure,
            })
        }
    }
}

async fn drain(
    ui: &Ui,
    target: &Target,
    host: &str,
    undo: bool,
    timeout_s: u64,
) -> Result<Exit, Failure> {
    let taken_elsewhere =
        |one: &Host| one.serves && one.state == "live" && one.name != host && one.id != host;
    target.drain(host, !undo).await?;
    if undo {
        ui.done(&format!("{host} takes tenants again"));
        return Ok(Exit::Done);
    }
    let empty = async {
        loop {
            let hosts = target.hosts().await?;
            let left = hosts
                .iter()
                .filter(|one| one.name == host || one.id == host);
            if left.map(|one| one.tenants).sum::<i64>() == 0 {
                return Ok::<_, Failure>(());
            }
            tokio::time::sleep(LOOK).await;
        }
    };
    match tokio::time::timeout(Duration::from_secs(timeout_s), empty).await {
        Ok(empty) => {
            empty?;
            ui.done(&format!("{host} has no tenants any more"));
            if !target.hosts().await?.iter().any(taken_elsewhere) {
                ui.warn(&format!(
                    "no other host serves: its tenants are connected nowhere until one does, or \
                     until `wmctl tenants drain --host {host} --undo`"
                ));
            }
            Ok(Exit::Done)
        }
        Err(_) => {
            let message = format!("{host} still has tenants");
            Err(Failure::new(Exit::Pending, "WAIT", message)
                .hint("`wmctl hosts` shows how many; it goes on giving them away"))
        }
    }
}

async fn log_out(ui: &Ui, target: &Target, name: &TenantId, yes: bool) -> Result<Exit, Failure> {
    target.show(name).await?;
    let instead = format!("wmctl tenants logout {name} --yes");
    let question = format!("{name} has to be paired again before it can be used. Go on");
    if !yes && !ui.confirm(&question, &instead)? {
        return Ok(Exit::Done);
    }
    target.logout(name).await?;
    show(ui, target, name).await
}

async fn remove(ui: &Ui, target: &Target, name: &TenantId, yes: bool) -> Result<Exit, Failure> {
    target.show(name).await?;
    let instead = format!("wmctl tenants rm {name} --yes");
    let question = format!("This deletes keys, sessions and events for good. Type {name}");
    if !yes && !ui.confirm_by_name(&question, name.as_str(), &instead)? {
        ui.note("nothing was deleted");
        return Ok(Exit::Done);
    }
    let removed = target.remove(name).await?;
    ui.done(&format!("{name} is gone"));
    if removed.unlinked == Some(false) {
        let reason = removed.reason.unwrap_or_default();
        ui.warn(&format!(
            "its device is still linked ({reason}): remove it on the phone, under Linked devices"
        ));
    }
    Ok(Exit::Done)
}
