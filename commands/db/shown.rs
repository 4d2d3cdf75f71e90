//! Tables of `wmctl db`.

use wmctl::ops::diagnose::db::connections::{ConnectionGroup, Connections, Sizing};
use wmctl::ops::diagnose::db::{Device, Finding, Sessions};
use wmctl::ops::logs::EventLog;
use wmctl::ops::prune::Pruned;

use crate::failure::Failure;
use crate::table::Page;
use crate::ui::{Format, Listed, Ui, counted};

impl Listed for Device {
    const HEADS: &'static [&'static str] =
        &["TENANT", "JID", "LID", "PLATFORM", "NAME", "RUNS", "ENDED"];
    const SPARE: &'static [&'static str] = &["PLATFORM", "NAME", "LID"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.jid.clone(),
            self.lid.clone().unwrap_or_default(),
            self.platform.clone(),
            self.push_name.clone(),
            String::from(if self.enabled { "yes" } else { "no" }),
            self.ended.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.jid.clone()
    }
}

impl Listed for Sessions {
    const HEADS: &'static [&'static str] = &[
        "TENANT",
        "JID",
        "SESSIONS",
        "IDENTITIES",
        "SENDER KEYS",
        "PRE-KEYS",
        "NOT UPLOADED",
    ];
    const SPARE: &'static [&'static str] = &["NOT UPLOADED", "IDENTITIES"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.jid.clone(),
            self.sessions.to_string(),
            self.identities.to_string(),
            self.sender_keys.to_string(),
            self.pre_keys.to_string(),
            self.pre_keys_waiting.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.business_id.clone()
    }
}

impl Listed for Finding {
    const HEADS: &'static [&'static str] = &["CHECK", "TABLE", "TENANT", "ROWS", "ONE OF THEM"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.check.to_owned(),
            self.table.clone(),
            self.business_id.clone(),
            self.rows.to_string(),
            self.example.clone(),
        ]
    }

    fn name(&self) -> String {
        self.table.clone()
    }
}

impl Listed for Pruned {
    const HEADS: &'static [&'static str] = &["TENANT", "TABLE", "KEEP", "ROWS"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.table.to_owned(),
            self.keep.clone(),
            self.rows.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.table.to_owned()
    }
}

impl Listed for ConnectionGroup {
    const HEADS: &'static [&'static str] = &[
        "HOST",
        "ROLE",
        "APPLICATION",
        "DATABASE",
        "CONNECTIONS",
        "ACTIVE",
        "IN TRANSACTION",
    ];
    const SPARE: &'static [&'static str] = &["DATABASE", "ROLE"];

    fn cells(&self, _page: Page) -> Vec<String> {
        vec![
            self.host.clone(),
            self.role.clone(),
            self.application.clone(),
            self.database.clone(),
            self.connections.to_string(),
            self.active.to_string(),
            self.idle_in_transaction.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.application.clone()
    }
}

/// Prints the connections, and for people an explanation of the figures.
pub(super) fn connections(ui: &Ui, found: &Connections) -> Result<(), Failure> {
    if ui.format() == Format::Json {
        return ui.json(&wmctl::app::shapes::Object::new("Connections", found));
    }
    ui.list("ConnectionList", &found.items, "no connections")?;
    match (found.max_connections, found.usable, &found.sizing) {
        (Some(max), Some(usable), Some(sizing)) => {
            ui.note(&format!(
                "{} of {max} connections, {usable} of them for this role",
                found.connections
            ));
            ui.note(&rule(found, sizing));
        }
        _ => ui.note("an SQLite file has no list of connections: these processes hold tenants"),
    }
    found.problems.iter().for_each(|problem| ui.warn(problem));
    Ok(())
}

fn rule(found: &Connections, sizing: &Sizing) -> String {
    let (min, max) = (sizing.connections_min, sizing.connections_max);
    let wanted = match min == max {
        true => max.to_string(),
        false => format!("{min}-{max}"),
    };
    format!(
        "{}, {} ({}): {wanted} connections in total, pool_max_conns={} each{}",
        counted(found.tenants, "tenant", "tenants"),
        counted(found.processes, "process", "processes"),
        sizing.rule.replace('_', "-"),
        sizing.pool_max_conns,
        found
            .pool_max_conns
            .map_or_else(String::new, |pool| format!(" (this URL: {pool})")),
    )
}

impl Listed for EventLog {
    const HEADS: &'static [&'static str] = &["TENANT", "LOG", "SINCE", "FIRST"];

    fn cells(&self, page: Page) -> Vec<String> {
        vec![
            self.business_id.clone(),
            self.log.clone(),
            page.time(&self.since),
            self.first_seq.to_string(),
        ]
    }

    fn name(&self) -> String {
        self.log.clone()
    }
}
