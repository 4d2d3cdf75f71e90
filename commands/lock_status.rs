//! `wmctl lock-status`: the holders of leases, and problems with them.

use wmctl::app::shapes::Object;
use wmctl::app::{App, Schema};
use wmctl::ids::TenantId;
use wmctl::ops::diagnose::locks::{self, DatabaseSession, HostLock, LockStatus, Locks, Release};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::ui::{Format, Listed, Ui};
use crate::watch::WatchArgs;

const AFTER_HELP: &str = "Examples:
  wmctl lock-status
  wmctl lock-status acme --json
  wmctl db locks --watch
  wmctl lock-status --check || echo 'there are problems'
  wmctl lock-status --release acme

In JSON:
  items     business_id, state (held, free, orphaned, void), epoch, holder, host_id, pid,
            liveness, route, since, held_s, heartbeat, heartbeat_age_s, beats, timeout_s,
            deadline_s, session, lock_key, file_lock_pid, waiting, waiters, standing_by,
            problem, problems
  hosts     hosts that serve: id, name, pid, state (live, draining, dead), tenants, and as above
  unknown   locks of other programs: lock_key, key_of, backend_pid, application, role, client
  session   lock (tenant, host), backend_pid, client, age_s, silent_s, and of: holder, pooler
            (lent to the holder) or unnamed (it does not say whose it is)
  problems  text, command, and code: free, orphaned, void, silent, stuck, lock_missing,
            lock_elsewhere, key_shared, unknown_lock

Exit status:
  0   done
  2   --release without --yes, and no terminal to ask on
  5   there is no such lease, or no process holds it
  7   the database cannot be used
  10  --check found a problem, or no standby took over in time after --release

All exit codes: wmctl help exit-codes";

/// Show leases and their holders, and report problems
///
/// The epoch and the holder of a lease decide which process may write. For each tenant the table
/// shows the holder, how long it has held the lease, the age of the last heartbeat, how much of the
/// timeout is left, the database session that holds the lock, and how many sessions wait for it.
/// Ages use the clock of the server. A second table lists the hosts, because a host holds one lock
/// for all its tenants. With a tenant, or with -o json, you see everything: why a standby waits,
/// client addresses, lock keys. Each problem is listed with a command that fixes it. Advisory locks
/// in wmctl's key space that no wmctl process owns are listed too.
///
/// --release revokes a lease: the epoch rises, so that the holder can no longer send or
/// acknowledge. wmctl terminates the holder's database sessions that block the takeover, if they
/// identify themselves as that process and no pooler shares them. Sessions that it leaves alone are
/// listed. A standby then takes over at once, even from a process that hangs in a transaction.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
pub(crate) struct LockStatusArgs {
    /// Only this tenant
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    #[command(flatten)]
    watch: WatchArgs,

    /// Exit with code 10 if there is a problem
    #[arg(long)]
    check: bool,

    /// Revoke the lease of this tenant
    #[arg(long, value_name = "TENANT", conflicts_with_all = ["only", "watch", "check"])]
    release: Option<TenantId>,

    /// Do not ask for confirmation
    #[arg(long, requires = "release")]
    yes: bool,
}

impl Listed for LockStatus {
    const HEADS: &'static [&'static str] = &[
        "TENANT", "STATE", "HOLDER", "EPOCH", "SINCE", "BEAT", "LEFT", "SESSION", "WAITING",
    ];
    const SPARE: &'static [&'static str] = &["LEFT", "SINCE", "EPOCH"];

    fn cells(&self, page: Page) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.state.to_owned(),
            self.holder.clone().unwrap_or_default(),
            self.epoch.to_string(),
            page.time_with_age(self.since.as_ref(), self.held_s),
            page.time_with_age(self.heartbeat.as_ref(), self.heartbeat_age_s),
            left(self.deadline_s),
            session(self.session.as_ref(), self.file_lock_pid),
            self.waiting.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.business_id.clone()
    }
}

impl Listed for HostLock {
    const HEADS: &'static [&'static str] = &[
        "HOST", "STATE", "PID", "TENANTS", "BEAT", "LEFT", "SESSION", "BY",
    ];
    const SPARE: &'static [&'static str] = &["BY", "PID", "LEFT"];

    fn cells(&self, page: Page) -> Vec<String> {
        vec![
            self.name.clone(),
            self.state.clone(),
            self.pid.to_string(),
            self.tenants.to_string(),
            page.time_with_age(Some(&self.heartbeat), Some(self.heartbeat_age_s)),
            left(self.deadline_s),
            session(self.session.as_ref(), None),
            self.liveness.to_owned(),
        ]
    }

    fn name(&self) -> String {
        self.id.clone()
    }
}

fn left(deadline_s: Option<f64>) -> String {
    deadline_s.map_or_else(String::new, |left| format!("{left:.1}s"))
}

/// Formats the session that holds the lock, with a mark if it is not the holder's own; or the
/// process that holds the lock file.
fn session(session: Option<&DatabaseSession>, file_lock_pid: Option<u32>) -> String {
    match (session, file_lock_pid) {
        (Some(session), _) if session.of == "holder" => session.backend_pid.to_string(),
        (Some(session), _) => format!("{} ({})", session.backend_pid, session.of),
        (None, Some(pid)) => format!("file/{pid}"),
        (None, None) => String::new(),
    }
}

pub(crate) async fn run(
    ui: &Ui,
    settings: &Settings,
    args: &LockStatusArgs,
) -> Result<Exit, Failure> {
    let typed = settings.typed_tenant()?;
    let app = start::open(ui, settings, Schema::Current).await?;
    let result = match &args.release {
        Some(tenant) => release(&app, ui, args, tenant).await,
        None => show(&app, ui, args, args.only.as_ref().or(typed.as_ref())).await,
    };
    app.close().await;
    result
}

async fn show(
    app: &App,
    ui: &Ui,
    args: &LockStatusArgs,
    only: Option<&TenantId>,
) -> Result<Exit, Failure> {
    let once = async || {
        let locks = locks::status(app, only).await;
        let locks = locks.map_err(start::rows)?;
        if let (Some(tenant), []) = (only, locks.items.as_slice()) {
            let message = format!("{tenant} has no lease");
            return Err(Failure::new(Exit::Absent, "NO_LEASE", message)
                .hint("`wmctl tenants list` shows who is there"));
        }
        tell(ui, only, &locks)?;
        match args.check && !locks.problems().is_empty() {
            true => Ok(Exit::Pending),
            false => Ok(Exit::Done),
        }
    };
    args.watch.look(ui, once).await
}

fn tell(ui: &Ui, only: Option<&TenantId>, locks: &Locks) -> Result<(), Failure> {
    if ui.format() == Format::Json {
        ui.json(&Object::new("LockList", locks))?;
    } else {
        ui.list(
            "LockList",
            &locks.items,
            "no leases yet: `wmctl run` acquires one",
        )?;
    }
    if ui.format() == Format::Table {
        if !locks.hosts.is_empty() {
            ui.answer("\n")?;
            ui.list("HostLockList", &locks.hosts, "")?;
        }
        if let (Some(_), [lock]) = (only, locks.items.as_slice()) {
            ui.answer("\n")?;
            ui.pairs(details(lock))?;
        }
    }
    for (whose, problem) in locks.problems() {
        ui.warn(&format!("{whose}: {}", problem.text));
        ui.note(&format!("  try: {}", problem.command));
    }
    Ok(())
}

/// Formats the details that do not fit into the table.
fn details(lock: &LockStatus) -> Vec<Vec<String>> {
    let mut lines = Vec::new();
    let mut line = |name: &str, value: String| lines.push(vec![name.to_owned(), value]);
    if let (Some(holder), Some(id), Some(since)) = (&lock.holder, &lock.host_id, &lock.since) {
        line("holder", format!("{holder} ({id}) since {since}"));
    }
    if let (Some(at), Some(beats)) = (&lock.heartbeat, lock.beats) {
        line("heartbeat", format!("number {beats} at {at}"));
    }
    match (lock.deadline_s, lock.timeout_s) {
        (Some(left), Some(timeout)) => line("deadline", format!("{left} s left of {timeout} s")),
        _ if lock.holder.is_some() => {
            line("deadline", String::from("unknown: no session reports it"));
        }
        _ => (),
    }
    if let Some(session) = &lock.session {
        line("session", told(session));
    }
    if let Some(pid) = lock.file_lock_pid {
        line("lock file", format!("held by process {pid}"));
    }
    if let Some([class, key]) = lock.lock_key {
        line(
            "lock key",
            format!("({class}, {key}) of pg_locks.classid, objid"),
        );
    }
    if let Some(route) = &lock.route {
        line("route", route.clone());
    }
    for waiter in &lock.waiters {
        let process = waiter.process.as_deref().unwrap_or("an unnamed session");
        let client = waiter.client.as_deref().unwrap_or("unknown");
        let backend = waiter.backend_pid;
        line(
            "standby",
            format!("{process}, backend pid {backend}, client {client}"),
        );
    }
    if let Some(why) = &lock.standing_by {
        line("waits", why.clone());
    }
    lines
}

fn told(session: &DatabaseSession) -> String {
    let mut text = format!("backend pid {}", session.backend_pid);
    if let Some(client) = &session.client {
        text.push_str(&format!(", client {client}"));
    }
    if let (Some(age), Some(silent)) = (session.age_s, session.silent_s) {
        text.push_str(&format!(", {age} s old, idle for {silent} s"));
    }
    text.push_str(match session.of {
        "pooler" => "; a pooler's session, used by the holder",
        "unnamed" => "; it does not identify its process",
        _ if session.lock == "host" => "; for all tenants of the host",
        _ => "",
    });
    text
}

async fn release(
    app: &App,
    ui: &Ui,
    args: &LockStatusArgs,
    tenant: &TenantId,
) -> Result<Exit, Failure> {
    let instead = format!("wmctl lock-status --release {tenant} --yes");
    let question =
        format!("This revokes the lease of the process that holds it. Type {tenant} to continue");
    if !args.yes && !ui.confirm_by_name(&question, tenant.as_str(), &instead)? {
        return Ok(Exit::Done);
    }
    let Some(done) = locks::release(app, tenant).await.map_err(start::rows)? else {
        let message = format!("no process holds the lease of {tenant}");
        return Err(Failure::new(Exit::Absent, "NO_LEASE", message));
    };
    if ui.is_machine() {
        ui.json(&Object::new("LockRelease", &done))?;
    }
    Ok(told_release(ui, &done))
}

fn told_release(ui: &Ui, done: &Release) -> Exit {
    let tenant = &done.business_id;
    ui.done(&format!(
        "the epoch of {tenant} has risen: {} can no longer send or acknowledge",
        done.from
    ));
    for backend in &done.ended_backends {
        ui.done(&format!("ended session {backend} of {}", done.from));
    }
    for left in &done.left {
        ui.warn(left);
    }
    match (&done.holder, done.took_s) {
        (Some(holder), Some(took_s)) => {
            let again = if *holder == done.from { ", again" } else { "" };
            let epoch = done.epoch.unwrap_or_default();
            ui.done(&format!(
                "{holder} took over after {took_s} s, epoch {epoch}{again}"
            ));
            Exit::Done
        }
        _ if done.expected => {
            ui.warn(&format!(
                "no standby has taken over yet: check `wmctl lock-status {tenant}`"
            ));
            Exit::Pending
        }
        _ => {
            ui.note(&format!(
                "there is no standby: start one with `wmctl run --ha --tenant {tenant}`"
            ));
            Exit::Done
        }
    }
}
