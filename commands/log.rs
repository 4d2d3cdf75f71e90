//! The log of the process. Its filter can be changed while the process runs.

use std::fmt;
use std::sync::Mutex;

use tracing::{error, info, warn};
use tracing_subscriber::EnvFilter;

use crate::cli::Globals;
use crate::failure::{Exit, Failure};
use crate::settings::{Environment, LogFormat, Settings};
use crate::ui::Ui;

/// Replaces the active filter.
type Replace =
    Box<dyn Fn(EnvFilter) -> Result<(), tracing_subscriber::reload::Error> + Send + Sync>;

/// The running log.
pub(crate) struct Log {
    globals: Globals,
    replace: Replace,
    /// The active filter.
    filter: Mutex<String>,
}

impl fmt::Debug for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Log").field(&self.filter).finish()
    }
}

impl Log {
    /// Starts the log of this process.
    pub(crate) fn start(ui: &Ui, settings: &Settings, globals: &Globals) -> Result<Self, Failure> {
        let (filter, format) = settings.log()?;
        let writer = ui.log_writer();
        let log = tracing_subscriber::fmt()
            .with_env_filter(parsed(&filter)?)
            .with_writer(move || writer.clone())
            .with_ansi(ui.has_colour());
        let (started, replace): (_, Replace) = match format {
            LogFormat::Text => {
                let log = log.with_target(false).with_filter_reloading();
                let handle = log.reload_handle();
                (
                    log.try_init(),
                    Box::new(move |filter| handle.reload(filter)),
                )
            }
            LogFormat::Json => {
                // The event's innermost span identifies its source, so omit the list of spans.
                let log = log.json().flatten_event(true).with_span_list(false);
                let log = log.with_filter_reloading();
                let handle = log.reload_handle();
                (
                    log.try_init(),
                    Box::new(move |filter| handle.reload(filter)),
                )
            }
        };
        started.map_err(|error| Failure::internal(format!("start the log: {error}")))?;
        Ok(Self {
            globals: globals.clone(),
            replace,
            filter: Mutex::new(filter),
        })
    }

    /// Reads the configuration again. Applies the new log filter, and logs which other settings
    /// have changed and need a restart. Returns the new settings, unless they are invalid: then
    /// nothing changes.
    pub(crate) fn reload(&self, settings: &Settings) -> Option<Settings> {
        let found = Settings::find(&self.globals, Environment::of_process());
        let fresh = match found {
            Ok(fresh) => fresh,
            Err(failure) => {
                error!(
                    error = failure.message,
                    "invalid settings: the old ones stay in use"
                );
                return None;
            }
        };
        if let Err(failure) = self.take(&fresh) {
            error!(error = failure.message, "the old log filter stays in use");
        }
        let mut waiting = settings.changed(&fresh);
        waiting.retain(|name| !["log_level", "client_version"].contains(name));
        if !waiting.is_empty() {
            warn!(
                settings = waiting.join(","),
                "these settings need a restart"
            );
        }
        Some(fresh)
    }

    fn take(&self, fresh: &Settings) -> Result<(), Failure> {
        let (filter, _) = fresh.log()?;
        let mut works = self
            .filter
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if *works == filter {
            info!(filter, "log filter reloaded: unchanged");
            return Ok(());
        }
        // Logged before and after the change, so that the wider filter shows it.
        info!(filter, "log filter reloaded");
        let replaced = (self.replace)(parsed(&filter)?);
        replaced.map_err(|error| Failure::internal(format!("change the log filter: {error}")))?;
        info!(filter, "log filter in use");
        *works = filter;
        Ok(())
    }
}

fn parsed(filter: &str) -> Result<EnvFilter, Failure> {
    EnvFilter::try_new(filter)
        .map_err(|error| Failure::new(Exit::Config, "LOG_FILTER", format!("{filter:?}: {error}")))
}
