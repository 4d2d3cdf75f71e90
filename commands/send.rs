//! `wmctl send`: puts messages into the outbox.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use wmctl::ops::open::{App, Schema};
use wmctl::ops::send::{self, Delivery, Outgoing, SendError, Until};

use crate::failure::{Exit, Failure};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Listed, Ui};

/// Longest line of a file of messages.
const LINE_BYTES_MAX: u64 = 1 << 20;

/// Send messages
///
/// A message is taken into the outbox in the database, and sent by the process that runs the
/// account. With --file every line is one message: {"to":"…","text":"…","idempotency_key":"…"}.
/// Nothing is taken in if one of them cannot be sent.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl send --tenant acme --to +4915100000 --text Hello\n  \
    wmctl send --tenant acme --to +4915100000 --text Hello --wait delivered --timeout 30\n  \
    wmctl send --tenant acme --to +4915100000 --text Paid --idempotency-key order-77\n  \
    wmctl send --tenant acme --file - -o jsonl < messages.jsonl")]
pub(crate) struct SendArgs {
    /// Phone number, or address of a person or group
    #[arg(
        long,
        value_name = "RECIPIENT",
        requires = "text",
        required_unless_present = "file"
    )]
    to: Option<String>,

    /// What to say
    #[arg(long, value_name = "TEXT", requires = "to")]
    text: Option<String>,

    /// Take the same key twice as the same message
    #[arg(long, value_name = "KEY", requires = "to")]
    idempotency_key: Option<String>,

    /// Read messages as JSON lines from this file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "text"])]
    file: Option<PathBuf>,

    /// Wait until every message has come that far
    #[arg(long, value_enum, value_name = "STATE", default_value = "queued")]
    wait: WaitFor,

    /// Wait at most this long (seconds)
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    timeout: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum WaitFor {
    /// Taken in
    Queued,
    /// The server has it
    Sent,
    /// A device of the recipient has it
    Delivered,
    /// The recipient read it
    Read,
}

impl From<WaitFor> for Until {
    fn from(wait: WaitFor) -> Self {
        match wait {
            WaitFor::Queued => Self::Queued,
            WaitFor::Sent => Self::Sent,
            WaitFor::Delivered => Self::Delivered,
            WaitFor::Read => Self::Read,
        }
    }
}

impl Listed for Delivery {
    const HEADS: &'static [&'static str] = &["ID", "STATE", "TOOK", "ERROR"];

    fn cells(&self) -> Vec<String> {
        let took = self
            .took_s
            .map_or_else(String::new, |took| format!("{took:.1}s"));
        vec![
            self.id.clone(),
            self.state.to_owned(),
            took,
            self.error.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.id.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &SendArgs) -> Result<Exit, Failure> {
    let timeout = Duration::try_from_secs_f64(args.timeout)
        .map_err(|_| Failure::new(Exit::Usage, "BAD_VALUE", "--timeout: not a length of time"))?;
    let messages = messages(args)?;
    let app = start::open(ui, settings, Schema::Current).await?;
    app.check_reach().await.map_err(start::rows)?;
    let taken = send::enqueue_all(&app, &messages).await;
    let mut taken = taken.map_err(|(place, error)| {
        let line = place.filter(|_| args.file.is_some());
        explain(error, line.map(|place| place + 1))
    })?;
    if !send::is_run(&app).await.map_err(start::rows)? {
        let tenant = &app.settings.tenant;
        ui.warn(&format!(
            "nothing runs {tenant} now: messages wait in the outbox (wmctl run --tenant {tenant})"
        ));
    }
    let until = Until::from(args.wait);
    let exit = await_all(ui, &app, &mut taken, until, timeout).await?;
    ui.list("DeliveryList", &taken, "the file holds no messages")?;
    Ok(exit)
}

async fn await_all(
    ui: &Ui,
    app: &App,
    taken: &mut [Delivery],
    until: Until,
    timeout: Duration,
) -> Result<Exit, Failure> {
    if until == Until::Queued {
        return Ok(Exit::Done);
    }
    let bar = ui.bar(taken.len() as u64, "sending");
    let deadline = tokio::time::Instant::now() + timeout;
    for delivery in taken.iter_mut() {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        *delivery = send::wait(app, &delivery.id, until, left)
            .await
            .map_err(|error| explain(error, None))?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    let failed = taken
        .iter()
        .filter(|delivery| delivery.state == "failed")
        .count();
    let late = taken
        .iter()
        .filter(|delivery| send::reached(delivery.state) < until)
        .count();
    Ok(match (failed, late) {
        (0, 0) => Exit::Done,
        (0, _) => Exit::Pending,
        (failed, _) if failed == taken.len() => Exit::Failed,
        _ => Exit::Partial,
    })
}

fn messages(args: &SendArgs) -> Result<Vec<Outgoing>, Failure> {
    if let (Some(to), Some(text)) = (&args.to, &args.text) {
        let idempotency_key = args.idempotency_key.clone();
        return Ok(vec![Outgoing {
            to: to.clone(),
            text: text.clone(),
            idempotency_key,
        }]);
    }
    let path = args.file.as_deref().unwrap_or(Path::new("-"));
    let unreadable = |error: std::io::Error| {
        Failure::new(
            Exit::Config,
            "INPUT",
            format!("read {}: {error}", path.display()),
        )
    };
    let input: Box<dyn Read> = if path == Path::new("-") {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(unreadable)?)
    };
    let mut input = BufReader::new(input);
    let mut messages = Vec::new();
    for number in 1_u64.. {
        let mut line = String::new();
        let read = (&mut input)
            .take(LINE_BYTES_MAX)
            .read_line(&mut line)
            .map_err(unreadable)?;
        if read == 0 {
            break;
        }
        if line.trim().is_empty() {
            continue;
        }
        let message = serde_json::from_str(&line).map_err(|error| {
            let message = format!("{}, line {number}: {error}", path.display());
            Failure::new(Exit::Usage, "INPUT", message)
                .hint("each line is {\"to\":\"…\",\"text\":\"…\"}")
        })?;
        messages.push(message);
    }
    Ok(messages)
}

/// What was wrong, and in which message of the file, from 1.
fn explain(error: SendError, number: Option<usize>) -> Failure {
    let message = match number {
        Some(number) => format!("message {number}: {error}"),
        None => error.to_string(),
    };
    match error {
        SendError::Recipient(_) => Failure::new(Exit::Usage, "RECIPIENT", message)
            .hint("use the international form: +4915112345621"),
        SendError::Text | SendError::Key => Failure::new(Exit::Usage, "BAD_VALUE", message),
        SendError::Rows(error) => start::rows(error),
    }
}
