//! `wmctl db size`.

use wmctl::app::App;
use wmctl::ids::TenantId;
use wmctl::ops::diagnose::db::size::{self, Parts, Size};

use crate::failure::{Exit, Failure};
use crate::start;
use crate::table::Page;
use crate::ui::{Listed, Ui};
use crate::watch::WatchArgs;

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum By {
    /// Tables, with their indexes
    Table,
    /// Tenants, over all tables
    Tenant,
}

#[derive(Debug, clap::Args)]
pub(super) struct SizeArgs {
    /// Only this tenant
    #[arg(value_name = "TENANT")]
    only: Option<TenantId>,

    /// Show only tables, or only tenants
    #[arg(long, value_name = "WHAT", conflicts_with = "only")]
    by: Option<By>,

    #[command(flatten)]
    pub(super) watch: WatchArgs,
}

impl Listed for Size {
    const HEADS: &'static [&'static str] = &[
        "OF",
        "NAME",
        "BYTES",
        "ROWS",
        "KEPT",
        "GROWTH A DAY",
        "MOST OF IT",
    ];
    const SPARE: &'static [&'static str] = &["OF", "KEPT"];

    fn cells(&self, _page: Page) -> Vec<String> {
        let growth = match (self.bytes_per_day, self.events_per_day, self.outbox_per_day) {
            (Some(bytes), ..) if bytes < 0 => format!("-{}", amount(-bytes)),
            (Some(bytes), ..) => format!("+{}", amount(bytes)),
            (None, Some(events), Some(outbox)) => format!("{events} events, {outbox} sent"),
            _ => String::new(),
        };
        let rows = self.rows.map(|rows| match self.of {
            "table" => format!("~{rows}"),
            _ => rows.to_string(),
        });
        vec![
            self.of.to_owned(),
            self.name.clone(),
            amount(self.bytes),
            rows.unwrap_or_default(),
            self.kept.clone().unwrap_or_default(),
            growth,
            self.largest.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.name.clone()
    }
}

pub(super) async fn show(
    app: &App,
    ui: &Ui,
    args: &SizeArgs,
    typed: Option<&TenantId>,
) -> Result<Exit, Failure> {
    // `--by` lists everything, so `--tenant` is ignored.
    let only = args.only.as_ref().or(typed.filter(|_| args.by.is_none()));
    let parts = match args.by {
        None => Parts::All,
        Some(By::Table) => Parts::Tables,
        Some(By::Tenant) => Parts::Tenants,
    };
    let sizes = size::sizes(app, parts, only).await;
    let sizes = sizes.map_err(start::rows)?;
    ui.list("SizeList", &sizes, "nothing is stored")?;
    let tables = sizes.iter().any(|size| size.of == "table");
    if tables && sizes.iter().all(|size| size.bytes_per_day.is_none()) {
        ui.note("no growth yet: a running process measures the tables once a day");
    }
    Ok(Exit::Done)
}

/// Formats a size with a binary unit.
fn amount(bytes: i64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1_024 {
        return format!("{bytes} B");
    }
    let (mut tenths, mut unit) = (bytes.saturating_mul(10) / 1_024, 0);
    while 10_240 <= tenths && unit + 1 < UNITS.len() {
        tenths /= 1_024;
        unit += 1;
    }
    format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::amount;

    #[test]
    fn bytes_are_shown_in_the_largest_unit() {
        for (bytes, text) in [
            (0, "0 B"),
            (1_023, "1023 B"),
            (1_024, "1.0 KiB"),
            (1_536, "1.5 KiB"),
            (1_048_576, "1.0 MiB"),
            (5_368_709_120, "5.0 GiB"),
        ] {
            assert_eq!(amount(bytes), text);
        }
    }
}
