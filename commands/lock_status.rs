//! `wmctl lock-status`: the holders of leases, and problems with them.

use wmctl::app::shapes::Object;
use wmctl::app::{App, Schema};
use wmctl::ids::TenantId;
use wmctl::ops::diagnose::locks::{self, HostLock, LockStatus, Locks, Release, Session};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Listed, Ui};
use crate::watch::WatchArgs;

/// Maximum length of a cell. `-o json` shows the full text.
const CELL_CHARS_MAX: usize = 24;

const AFTER_HELP: &str = "Examples:
  wmctl lock-status
  wmctl lock-status acme --json
  wmctl lock-status --watch
  wmctl lock-status --check || echo 'something is wrong'
  wmctl lock-status --release acme

In JSON:
  items     business_id, state (held, free, orphaned, void), epoch, holder, host_id, pid,
            liveness, route, since, held_s, heartbeat, heartbeat_age_s, beats, timeout_s,
            deadline_s, session, lock_key, file_lock_pid, waiting, waiters, standing_by,
            problem, problems
  hosts     hosts that serve: id, name, pid, state (live, draining, dead), tenants, and as above
  unknown   locks of strangers: lock_key, key_of, backend_pid, application, role, client
  session   lock (tenant, host), backend_pid, client, age_s, silent_s, and of: holder, pooler
            (lent to the holder) or unnamed (it does not say whose it is)
  problems  text, command, and code: free, orphaned, void, silent, stuck, lock_missing,
            lock_elsewhere, key_shared, unknown_lock

Exit status:
  0   done
  2   --release without --yes, and no terminal to ask on
  5   nobody holds that lease, or there is none
  7   the database cannot be read
  10  --check found something wrong, or nobody took over in time after --release";

/// Show who holds which lease, and what is wrong
///
/// The pair of epoch and holder decides who may write. The table says for each tenant who holds its
/// lease, for how long, how old the last heartbeat is, how much of the timeout is left, which
/// session of the database server holds the lock, and how many wait; ages are by the server's own
/// clock. Hosts that serve follow, as each holds one lock for all its tenants. With a tenant, or
/// with -o json, everything is told: why a standby stands by, addresses, keys of locks. What is
/// wrong is told with the command that helps, and so is a lock with a key of ours that no process
/// of ours explains.
///
/// --release takes a lease away: the epoch rises, so that its holder cannot send or acknowledge
/// any more. Sessions of the holder that keep the lease or its lock are ended, if they say
/// of themselves that they are its own and no pooler lends them; what was left alone is told.
/// A standby then takes over at once, even from a process that hangs inside a transaction.
#[derive(Debug, clap::Args)]
#[command(after_long_help = AFTER_HELP)]
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
    #[arg(long, value_name = "TENANT", conflicts_with_all = ["only", "watch", "check"])]
    release: Option<TenantId>,

    /// Do not ask
    #[arg(long, requires = "release")]
    yes: bool,
}

impl Listed for LockStatus {
    const HEADS: &'static [&'static str] = &[
        "TENANT", "STATE", "HOLDER", "EPOCH", "SINCE", "BEAT", "LEFT", "SESSION", "WAITING",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.state.to_owned(),
            self.holder.as_deref().map(cut).unwrap_or_default(),
            self.epoch.to_string(),
            self.held_s.map(span).unwrap_or_default(),
            self.heartbeat_age_s.map(span).unwrap_or_default(),
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

    fn cells(&self) -> Vec<String> {
        vec![
            cut(&self.name),
            self.state.clone(),
            self.pid.to_string(),
            self.tenants.to_string(),
            span(self.heartbeat_age_s),
            left(self.deadline_s),
            session(self.session.as_ref(), None),
            self.liveness.to_owned(),
        ]
    }

    fn name(&self) -> String {
        self.id.clone()
    }
}

/// Shortens a long name at its start, because the end is more specific.
fn cut(text: &str) -> String {
    let count = text.chars().count();
    match count.checked_sub(CELL_CHARS_MAX) {
        None | Some(0) => text.to_owned(),
        Some(over) => format!("…{}", text.chars().skip(over + 1).collect::<String>()),
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        ..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h{}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d", seconds / 86_400),
    }
}

fn left(deadline_s: Option<f64>) -> String {
    deadline_s.map_or_else(String::new, |left| format!("{left:.1}s"))
}

/// Formats the session that holds the lock, with a mark if it is not the holder's own; or the
/// process that holds the lock file.
fn session(session: Option<&Session>, file_lock_pid: Option<u32>) -> String {
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
            "no leases yet: `wmctl run` takes one",
        )?;
    }
    if ui.format() == Format::Table {
        if !locks.hosts.is_empty() {
            ui.answer("\n")?;
            ui.list("HostLockList", &locks.hosts, "")?;
        }
        if let (Some(_), [lock]) = (only, locks.items.as_slice()) {
            ui.answer(&details(lock))?;
        }
    }
    for (whose, problem) in locks.problems() {
        ui.warn(&format!("{whose}: {}", problem.text));
        ui.note(&format!("  try: {}", problem.command));
    }
    Ok(())
}

/// Formats the details that do not fit into the table.
fn details(lock: &LockStatus) -> String {
    let mut text = String::from("\n");
    let mut line = |name: &str, value: String| text.push_str(&format!("{name:<12}{value}\n"));
    if let (Some(holder), Some(id), Some(since)) = (&lock.holder, &lock.host_id, &lock.since) {
        line("holder", format!("{holder} ({id}) since {since}"));
    }
    if let (Some(at), Some(beats)) = (&lock.heartbeat, lock.beats) {
        line("heartbeat", format!("number {beats} at {at}"));
    }
    match (lock.deadline_s, lock.timeout_s) {
        (Some(left), Some(timeout)) => line("deadline", format!("{left} s left of {timeout} s")),
        _ if lock.holder.is_some() => {
            line("deadline", String::from("not known: no session says it"));
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
    text
}

fn told(session: &Session) -> String {
    let mut text = format!("backend pid {}", session.backend_pid);
    if let Some(client) = &session.client {
        text.push_str(&format!(", client {client}"));
    }
    if let (Some(age), Some(silent)) = (session.age_s, session.silent_s) {
        text.push_str(&format!(", {age} s old, asked {silent} s ago"));
    }
    text.push_str(match session.of {
        "pooler" => "; a pooler's, lent to the holder",
        "unnamed" => "; it does not say whose it is",
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
        format!("This takes the lease away from the process that holds it. Type {tenant} to go on");
    if !args.yes && !ui.confirm_by_name(&question, tenant.as_str(), &instead)? {
        return Ok(Exit::Done);
    }
    let Some(done) = locks::release(app, tenant).await.map_err(start::rows)? else {
        let message = format!("nobody holds the lease of {tenant}");
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
        "the epoch of {tenant} has risen: {} cannot send or acknowledge any more",
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
                "nobody took over yet: `wmctl lock-status {tenant}`"
            ));
            Exit::Pending
        }
        _ => {
            ui.note(&format!(
                "nobody stands by: `wmctl run --ha --business-id {tenant}` takes it"
            ));
            Exit::Done
        }
    }
}
