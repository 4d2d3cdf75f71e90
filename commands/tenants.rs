//! `wmctl tenants`: the desired and the observed state of each tenant.

use std::time::Duration;

use clap::Subcommand;
use wmctl::app::Stop;
use wmctl::ids::TenantId;
use wmctl::ops::hosts::Host;
use wmctl::ops::tenants::{Changes, Tenant};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::table::Page;
use crate::target::{Target, TargetArgs};
use crate::ui::{Listed, Ui};
use crate::{duration, start};

/// Polling interval of `wait` and `drain`.
const LOOK: Duration = Duration::from_millis(200);
/// Polling interval of `watch`.
const WATCH: Duration = Duration::from_secs(2);

/// List, add, start, stop, move and remove tenants
///
/// These commands write the desired state into the database, directly or through the HTTP API of a
/// host. The hosts then act on it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl tenants list\n  \
    wmctl tenants add acme --proxy socks5://proxy.example.com:1080\n  \
    wmctl tenants wait acme --for connected --timeout 1m\n  \
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
    #[command(after_long_help = after(
        &["wmctl tenants list", "wmctl tenants list -o json --api https://wmctl.example.com"],
        &[(Exit::Done, "the list was printed"), help::API_KEY, help::DATABASE, help::HOST],
    ))]
    List,
    /// Show one tenant
    #[command(after_long_help = after(
        &["wmctl tenants show acme", "wmctl tenants show acme -o json | jq -r .state"],
        &shown(),
    ))]
    Show {
        /// Tenant to show
        name: TenantId,
    },
    /// Add a tenant, or change its settings, and start it
    #[command(after_long_help = after(
        &[
            "wmctl tenants add acme",
            "wmctl tenants add acme --proxy socks5://proxy.example.com:1080 --message-ttl 2h30m",
            "wmctl tenants add acme --proxy ''",
        ],
        &[
            (Exit::Done, "the settings are stored"),
            (Exit::Usage, "a setting is invalid"),
            help::API_KEY,
            help::DATABASE,
            help::HOST,
        ],
    ))]
    Add(AddArgs),
    /// Start a tenant
    #[command(after_long_help = after(&["wmctl tenants start acme"], &shown()))]
    Start {
        /// Tenant to start
        name: TenantId,
    },
    /// Stop a tenant; its data is kept
    #[command(after_long_help = after(
        &["wmctl tenants stop acme && wmctl tenants wait acme --for stopped"],
        &shown(),
    ))]
    Stop {
        /// Tenant to stop
        name: TenantId,
    },
    /// Pin a tenant to a host while that host is alive
    #[command(after_long_help = after(
        &["wmctl tenants move acme --to host-b", "wmctl tenants move acme --to any"],
        &shown(),
    ))]
    Move {
        /// Tenant to move
        name: TenantId,
        /// Name or ID of the host; `any` removes the pin
        #[arg(long, value_name = "HOST")]
        to: String,
    },
    /// Drain a host: it hands over all its tenants and takes no new ones
    #[command(after_long_help = after(
        &[
            "wmctl tenants drain --host host-a --timeout 5m",
            "wmctl tenants drain --host host-a --undo",
        ],
        &[
            (Exit::Done, "the host has no tenants left, or takes tenants again (--undo)"),
            help::API_KEY,
            (Exit::Absent, "there is no such host"),
            help::DATABASE,
            help::HOST,
            (Exit::Pending, "the host still had tenants when --timeout passed"),
        ],
    ))]
    Drain {
        /// Name or ID of the host
        #[arg(long, value_name = "HOST")]
        host: String,
        /// Let the host take tenants again
        #[arg(long)]
        undo: bool,
        /// Wait at most this long until the host has no tenants
        #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::wait)]
        timeout: Duration,
    },
    /// Wait until a tenant reaches a state
    #[command(after_long_help = after(
        &[
            "wmctl tenants wait acme",
            "wmctl tenants wait acme --for stopped --timeout 30s",
        ],
        &[
            (Exit::Done, "the tenant is in that state"),
            help::API_KEY,
            help::NO_TENANT,
            help::DATABASE,
            help::HOST,
            (Exit::Pending, "the tenant was in another state when --timeout passed"),
        ],
    ))]
    Wait {
        /// Tenant to wait for
        name: TenantId,
        /// State to wait for, as `wmctl tenants list` shows it
        #[arg(long = "for", value_name = "STATE", default_value = "connected")]
        state: String,
        /// Wait at most this long
        #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::wait)]
        timeout: Duration,
    },
    /// Unlink a tenant's device from the phone; its data is kept
    #[command(after_long_help = after(
        &["wmctl tenants logout acme", "wmctl tenants logout acme --yes"],
        &[
            (Exit::Done, "the phone no longer lists the device, or you answered no"),
            help::NO_ANSWER,
            help::API_KEY,
            (Exit::Absent, "there is no such tenant, or it has no device"),
            (Exit::Conflict, "another process holds the tenant, or it was exported"),
            help::DATABASE,
            (Exit::Remote, "WhatsApp did not confirm it, or the host cannot be reached"),
        ],
    ))]
    Logout {
        /// Tenant whose device to unlink
        name: TenantId,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Unlink a tenant's device, and delete its keys, sessions and events for good
    #[command(after_long_help = after(
        &["wmctl tenants rm acme", "wmctl tenants rm acme --yes"],
        &[
            (Exit::Done, "the tenant is deleted, or you answered no"),
            help::NO_ANSWER,
            help::API_KEY,
            help::NO_TENANT,
            help::DATABASE,
            help::HOST,
        ],
    ))]
    Rm {
        /// Tenant to delete
        name: TenantId,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// List tenants every two seconds
    #[command(after_long_help = after(
        &["wmctl tenants watch", "wmctl tenants watch --api https://wmctl.example.com"],
        &[(Exit::Done, "stopped by Ctrl-C"), help::API_KEY, help::DATABASE, help::HOST],
    ))]
    Watch,
}

/// How commands end that name a tenant and show it.
fn shown() -> [(Exit, &'static str); 5] {
    let done = (Exit::Done, "done; the tenant was printed");
    [
        done,
        help::API_KEY,
        help::NO_TENANT,
        help::DATABASE,
        help::HOST,
    ]
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// Tenant to add or change
    name: TenantId,

    /// Proxy: http:// or socks5://[user:password@]host:port; an empty text removes it
    #[arg(long, value_name = "URL")]
    proxy: Option<String>,

    /// Name under which the phone lists the device
    #[arg(long, value_name = "NAME")]
    device_name: Option<String>,

    /// What the phone lists the device as: chrome, edge, firefox, safari or other
    #[arg(long, value_name = "PLATFORM")]
    platform: Option<String>,

    /// Pin the tenant to this host while that host is alive
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Discard messages that have waited for this long; 0s keeps them for ever (default: 24h)
    #[arg(long, value_name = "DURATION", value_parser = duration::whole_seconds)]
    message_ttl: Option<Duration>,
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
    const SPARE: &'static [&'static str] = &["EPOCH", "SINCE", "HOLDER"];

    fn cells(&self, page: Page) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.state.clone(),
            self.jid.clone().unwrap_or_default(),
            self.holder.clone().unwrap_or_default(),
            self.epoch.to_string(),
            page.maybe_time(self.since.as_ref()),
            self.last_error.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.business_id.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &TenantsArgs) -> Result<Exit, Failure> {
    let target = match args.command {
        // The device says that it leaves, to the server that it is linked with.
        TenantsCommand::Logout { .. } | TenantsCommand::Rm { .. } => {
            Target::open_to_dial(ui, settings, &args.target).await?
        }
        _ => Target::open(ui, settings, &args.target).await?,
    };
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
    let advice = "no tenants yet: `wmctl pair` adds one";
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
    timeout: Duration,
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
    match tokio::time::timeout(timeout, reached).await {
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
    timeout: Duration,
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
    match tokio::time::timeout(timeout, empty).await {
        Ok(empty) => {
            empty?;
            ui.done(&format!("{host} has no tenants left"));
            if !target.hosts().await?.iter().any(taken_elsewhere) {
                ui.warn(&format!(
                    "no other host is serving, so its tenants are connected nowhere: start one, \
                     or run `wmctl tenants drain --host {host} --undo`"
                ));
            }
            Ok(Exit::Done)
        }
        Err(_) => {
            let message = format!("{host} still has tenants");
            Err(Failure::new(Exit::Pending, "WAIT", message)
                .hint("it keeps handing them over; `wmctl hosts` shows how many are left"))
        }
    }
}

async fn log_out(ui: &Ui, target: &Target, name: &TenantId, yes: bool) -> Result<Exit, Failure> {
    target.show(name).await?;
    let instead = format!("wmctl tenants logout {name} --yes");
    let question = format!("{name} must be paired again before it can be used. Continue?");
    if !yes && !ui.confirm(&question, &instead)? {
        return Ok(Exit::Done);
    }
    target.logout(name).await?;
    show(ui, target, name).await
}

async fn remove(ui: &Ui, target: &Target, name: &TenantId, yes: bool) -> Result<Exit, Failure> {
    target.show(name).await?;
    let instead = format!("wmctl tenants rm {name} --yes");
    let question =
        format!("This deletes keys, sessions and events for good. Type {name} to continue");
    if !yes && !ui.confirm_by_name(&question, name.as_str(), &instead)? {
        ui.note("nothing was deleted");
        return Ok(Exit::Done);
    }
    let removed = target.remove(name).await?;
    ui.done(&format!("{name} was deleted"));
    if removed.unlinked == Some(false) {
        let reason = removed.reason.unwrap_or_default();
        ui.warn(&format!(
            "its device is still linked ({reason}): remove it on the phone, under Linked devices"
        ));
    }
    Ok(Exit::Done)
}
