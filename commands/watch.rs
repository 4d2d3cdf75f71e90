//! `-w`, `--watch`: repeats an answer at an interval.

use std::time::Duration;

use wmctl::app::Stop;
use wmctl::config::span;

use crate::failure::{Exit, Failure};
use crate::start;
use crate::ui::Ui;

/// Minimum interval, because each repetition queries the database.
const EVERY_MIN: Duration = Duration::from_millis(200);

/// The option of commands that can look again.
#[derive(Debug, clap::Args)]
pub(crate) struct WatchArgs {
    /// Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C
    #[arg(
        short = 'w',
        long,
        value_name = "DURATION",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "2s",
        value_parser = every
    )]
    watch: Option<Duration>,
}

impl WatchArgs {
    /// Runs `once` a single time, or repeatedly until interrupted.
    pub(crate) async fn look(
        &self,
        ui: &Ui,
        mut once: impl AsyncFnMut() -> Result<Exit, Failure>,
    ) -> Result<Exit, Failure> {
        let stop = Stop::new();
        let looks = async {
            loop {
                if self.watch.is_some() {
                    ui.clear()?;
                }
                let exit = once().await?;
                match self.watch {
                    Some(every) if stop.sleep(every).await => (),
                    _ => return Ok(exit),
                }
            }
        };
        start::with_signals(&stop, looks).await?
    }
}

fn every(text: &str) -> Result<Duration, String> {
    match span::parse(text) {
        Some(every) if EVERY_MIN <= every => Ok(every),
        Some(_) => Err(format!("at least {}", span::text(EVERY_MIN))),
        None => Err(String::from(
            "expected a number and a unit, such as 500ms, 2s or 1m",
        )),
    }
}
