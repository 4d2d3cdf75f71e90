//! `wmctl send`: puts messages into the outbox.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use wmctl::ids::TenantId;
use wmctl::ops::send::{self, AwaitedState, Delivery, Outgoing, SendError, TOGETHER_MAX};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::table::Page;
use crate::target::{Target, TargetArgs, refused};
use crate::ui::{Format, Listed, Ui};
use crate::{duration, start};

/// Maximum length of a line in a file of messages (bytes).
const LINE_BYTES_MAX: u64 = 1 << 20;
/// Interval between requests for a message's state to a host.
const LOOK: Duration = Duration::from_millis(200);

/// Send messages
///
/// wmctl queues a message in the outbox in the database; the process that runs the account sends
/// it. With --file every line is one message: {"to":"…","text":"…","idempotency_key":"…"}. If one
/// message of a file is invalid, none is queued. Lines from standard input are queued as they
/// arrive, and the answer to an invalid line has the state `refused`.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl send --tenant acme --to +4915100000 --text Hello",
        "wmctl send --tenant acme --to +4915100000 --text Hello --wait delivered --timeout 30s",
        "wmctl send --tenant acme --to +4915100000 --text Paid --idempotency-key order-77",
        "wmctl send --tenant acme --to +4915100000 --text Soon --expires-at 2026-07-01T12:00:00Z",
        "wmctl send --tenant acme --file - -o jsonl < messages.jsonl",
    ],
    &[
        (Exit::Done, "every message has reached the state that --wait names"),
        (Exit::Failed, "every message failed or was refused"),
        (Exit::Usage, "a message is invalid"),
        (Exit::Auth, "the account is logged out or banned; --force or --expires-at queue anyway"),
        (Exit::Absent, "there is no such tenant, or it has no device"),
        (Exit::Conflict, "the key was used for another message, or the account was exported"),
        help::DATABASE,
        help::HOST,
        (Exit::Partial, "some of the messages failed or were refused"),
        (Exit::Pending, "--timeout passed first"),
    ],
))]
pub(crate) struct SendArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Recipient: a phone number, or the address of a person or group
    #[arg(
        long,
        value_name = "RECIPIENT",
        requires = "text",
        required_unless_present = "file"
    )]
    to: Option<String>,

    /// Text of the message
    #[arg(long, value_name = "TEXT", requires = "to")]
    text: Option<String>,

    /// Send at most one message with this key: a second one is not queued
    #[arg(long, value_name = "KEY", requires = "to")]
    idempotency_key: Option<String>,

    /// Discard the message if it is not sent by this time, in RFC 3339 (default: the tenant's
    /// --message-ttl)
    #[arg(long, value_name = "TIME", requires = "to")]
    expires_at: Option<String>,

    /// Queue the message even if the account is logged out, banned or exported
    #[arg(long)]
    force: bool,

    /// Read messages as JSON lines from this file, - for standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["to", "text"])]
    file: Option<PathBuf>,

    /// Wait until every message has reached this state
    #[arg(long, value_enum, value_name = "STATE", default_value = "queued")]
    wait: WaitFor,

    /// Wait at most this long
    #[arg(long, value_name = "DURATION", default_value = "60s", value_parser = duration::wait)]
    timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum WaitFor {
    /// The message is in the outbox
    Queued,
    /// The server has accepted it
    Sent,
    /// A device of the recipient has received it
    Delivered,
    /// The recipient has read it
    Read,
}

impl From<WaitFor> for AwaitedState {
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

    fn cells(&self, _page: Page) -> Vec<String> {
        let took = self
            .took_s
            .map_or_else(String::new, |took| format!("{took:.1}s"));
        vec![
            self.id.clone(),
            self.state.clone(),
            took,
            self.error.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.id.clone()
    }
}

/// Why messages were refused.
struct Refused {
    /// Index (from 0) of the invalid message; `None` if the error concerns all messages.
    place: Option<usize>,
    failure: Failure,
}

/// The outbox of a tenant, in the database or through a host.
struct Outbox<'a> {
    target: &'a Target,
    tenant: TenantId,
    until: AwaitedState,
    timeout: Duration,
}

impl Outbox<'_> {
    /// Puts all messages into the outbox, or none. A message with a reused key is refused alone.
    async fn take_in(&self, messages: &[Outgoing]) -> Result<Vec<Delivery>, Refused> {
        match self.target {
            Target::Rows(app) => {
                let taken = send::enqueue_all(app, messages).await;
                taken.map_err(|(place, error)| Refused {
                    place,
                    failure: explain(error, &self.tenant),
                })
            }
            Target::Api(remote) => {
                let mut all = Vec::with_capacity(messages.len());
                for (turn, together) in messages.chunks(TOGETHER_MAX).enumerate() {
                    let taken = remote.send(&self.tenant, together).await;
                    all.extend(taken.map_err(|error| Refused {
                        place: error.place().map(|place| turn * TOGETHER_MAX + place),
                        failure: refused(error),
                    })?);
                }
                Ok(all)
            }
        }
    }

    /// Waits until a message reaches the requested state, fails, or the time limit ends.
    async fn wait(&self, delivery: Delivery, left: Duration) -> Result<Delivery, Failure> {
        if self.until == AwaitedState::Queued || delivery.is_lost() {
            return Ok(delivery);
        }
        let remote = match self.target {
            Target::Rows(app) => {
                let waited = send::wait(app, &delivery.id, self.until, left).await;
                return waited.map_err(|error| explain(error, &self.tenant));
            }
            Target::Api(remote) => remote,
        };
        let deadline = tokio::time::Instant::now() + left;
        loop {
            let found = remote.message(&self.tenant, &delivery.id).await;
            let found = found.map_err(refused)?;
            let over = deadline <= tokio::time::Instant::now();
            if over || found.is_lost() || self.until <= send::reached(&found.state) {
                return Ok(found);
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    async fn wait_for_all(&self, ui: &Ui, taken: &mut [Delivery]) -> Result<(), Failure> {
        let bar =
            (self.until != AwaitedState::Queued).then(|| ui.bar(taken.len() as u64, "sending"));
        let deadline = tokio::time::Instant::now() + self.timeout;
        for delivery in taken.iter_mut() {
            let left = deadline.saturating_duration_since(tokio::time::Instant::now());
            *delivery = self.wait(delivery.clone(), left).await?;
            if let Some(bar) = &bar {
                bar.inc(1);
            }
        }
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        Ok(())
    }

    async fn warn_if_idle(&self, ui: &Ui) -> Result<(), Failure> {
        let runs = match self.target {
            Target::Rows(app) => send::is_run(app).await.map_err(start::rows)?,
            // A key with permission to send may lack permission to read, so skip the check.
            Target::Api(_) => true,
        };
        let tenant = &self.tenant;
        if !runs {
            ui.warn(&format!(
                "no process is running {tenant}: messages wait in the outbox until \
                 `wmctl run --tenant {tenant}` or a host sends them"
            ));
        }
        Ok(())
    }
}

/// Counts of messages and failures, for the exit code.
#[derive(Default)]
struct Tally {
    all: usize,
    lost: usize,
    late: usize,
}

impl Tally {
    fn count(&mut self, until: AwaitedState, taken: &[Delivery]) {
        self.all += taken.len();
        self.lost += taken.iter().filter(|one| one.is_lost()).count();
        let late = |one: &&Delivery| !one.is_lost() && send::reached(&one.state) < until;
        self.late += taken.iter().filter(late).count();
    }

    fn exit(&self) -> Exit {
        match (self.lost, self.late) {
            (0, 0) => Exit::Done,
            (0, _) => Exit::Pending,
            (lost, _) if lost == self.all => Exit::Failed,
            _ => Exit::Partial,
        }
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &SendArgs) -> Result<Exit, Failure> {
    let streamed = args.file.as_deref() == Some(Path::new("-"));
    let messages = if streamed {
        Vec::new()
    } else {
        messages(args)?
    };
    let target = Target::open(ui, settings, &args.target).await?;
    if let Target::Rows(app) = &target {
        app.check_reach().await.map_err(start::rows)?;
    }
    let outbox = Outbox {
        target: &target,
        tenant: settings.tenant()?,
        until: args.wait.into(),
        timeout: args.timeout,
    };
    let result = match streamed {
        true => stream(ui, &outbox, args.force).await,
        false => at_once(ui, &outbox, args, &messages).await,
    };
    target.close().await;
    result
}

async fn at_once(
    ui: &Ui,
    outbox: &Outbox<'_>,
    args: &SendArgs,
    messages: &[Outgoing],
) -> Result<Exit, Failure> {
    let taken = outbox.take_in(messages).await;
    let mut taken = taken.map_err(|Refused { place, failure }| match (place, &args.file) {
        (Some(place), Some(_)) => failure.of(&format!("message {}", place + 1)),
        _ => failure,
    })?;
    if let (None, [one]) = (&args.file, &taken[..])
        && one.state == "refused"
    {
        let id = &one.id;
        return Err(key_reused(id));
    }
    outbox.warn_if_idle(ui).await?;
    outbox.wait_for_all(ui, &mut taken).await?;
    let mut tally = Tally::default();
    tally.count(outbox.until, &taken);
    ui.list("DeliveryList", &taken, "the file holds no messages")?;
    Ok(tally.exit())
}

/// Sends lines from standard input as they arrive, and prints a result for each.
async fn stream(ui: &Ui, outbox: &Outbox<'_>, force: bool) -> Result<Exit, Failure> {
    let (lines, mut came) = mpsc::channel(TOGETHER_MAX);
    // Read in a detached thread: a blocking read from a terminal or a pipe cannot be cancelled.
    let reader = std::thread::Builder::new().name(String::from("lines"));
    let reading = reader.spawn(move || read_lines(std::io::stdin().lock(), &lines));
    reading.map_err(|error| Failure::internal(error.to_string()))?;
    let mut tally = Tally::default();
    let mut kept = Vec::new();
    let mut together = Vec::new();
    let mut first = true;
    while 0 < came.recv_many(&mut together, TOGETHER_MAX).await {
        let mut answers = take_lines(ui, outbox, force, std::mem::take(&mut together)).await?;
        if std::mem::take(&mut first) {
            outbox.warn_if_idle(ui).await?;
        }
        outbox.wait_for_all(ui, &mut answers).await?;
        tally.count(outbox.until, &answers);
        match ui.format() {
            Format::Json => kept.append(&mut answers),
            _ => print(ui, &answers)?,
        }
    }
    if ui.format() == Format::Json {
        ui.list("DeliveryList", &kept, "standard input held no messages")?;
    }
    Ok(tally.exit())
}

fn print(ui: &Ui, answers: &[Delivery]) -> Result<(), Failure> {
    for one in answers {
        match ui.format() {
            Format::Table => {
                ui.answer(&(one.cells(Page::PIPE).join("  ").trim_end().to_owned() + "\n"))?
            }
            Format::Name => ui.answer(&(one.name() + "\n"))?,
            Format::Json | Format::Jsonl => ui.json(one)?,
        }
    }
    Ok(())
}

/// Sends the valid lines. The results keep the order of the lines.
async fn take_lines(
    ui: &Ui,
    outbox: &Outbox<'_>,
    force: bool,
    lines: Vec<Line>,
) -> Result<Vec<Delivery>, Failure> {
    let mut answers: Vec<Option<Delivery>> = vec![None; lines.len()];
    let mut sound = Vec::new();
    let refuse = |message: &Outgoing, number: u64, failure: &Failure| {
        ui.warn(&format!("line {number}: {}", failure.message()));
        Delivery::refused(&outbox.tenant, message, failure.code())
    };
    for (place, line) in lines.into_iter().enumerate() {
        match line.message.map_err(|failure| *failure) {
            Ok(mut message) => {
                message.force |= force;
                sound.push((place, line.number, message));
            }
            // A read error ends the input.
            Err(failure) if failure.exit == Exit::Config => return Err(failure),
            Err(failure) => {
                answers[place] = Some(refuse(&Outgoing::default(), line.number, &failure));
            }
        }
    }
    while !sound.is_empty() {
        let messages: Vec<_> = sound.iter().map(|(.., message)| message.clone()).collect();
        match outbox.take_in(&messages).await {
            Ok(taken) => {
                for ((place, ..), delivery) in sound.drain(..).zip(taken) {
                    answers[place] = Some(delivery);
                }
            }
            Err(Refused {
                place: Some(wrong),
                failure,
            }) if wrong < sound.len() => {
                let (place, number, message) = sound.remove(wrong);
                answers[place] = Some(refuse(&message, number, &failure));
            }
            Err(refused) => return Err(refused.failure),
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// One line of input.
struct Line {
    number: u64,
    message: Result<Outgoing, Box<Failure>>,
}

/// Sends every non-empty line to the channel, until the input ends or the receiver closes.
fn read_lines(mut input: impl BufRead, lines: &mpsc::Sender<Line>) {
    for number in 1_u64.. {
        let mut text = Vec::new();
        let read = (&mut input)
            .take(LINE_BYTES_MAX)
            .read_until(b'\n', &mut text);
        let message = match read {
            Ok(0) => return,
            Ok(_) if text.trim_ascii().is_empty() => continue,
            Ok(_) => serde_json::from_slice(&text).map_err(|error| not_a_message(&error)),
            Err(error) => Err(Failure::new(
                Exit::Config,
                "INPUT",
                format!("read standard input: {error}"),
            )),
        };
        let ends = matches!(&message, Err(failure) if failure.exit == Exit::Config);
        let message = message.map_err(Box::new);
        if lines.blocking_send(Line { number, message }).is_err() || ends {
            return;
        }
    }
}

fn not_a_message(error: &serde_json::Error) -> Failure {
    Failure::new(Exit::Usage, "INPUT", error.to_string())
        .hint("each line is {\"to\":\"…\",\"text\":\"…\"}")
}

fn messages(args: &SendArgs) -> Result<Vec<Outgoing>, Failure> {
    if let (Some(to), Some(text)) = (&args.to, &args.text) {
        return Ok(vec![Outgoing {
            to: to.clone(),
            text: text.clone(),
            idempotency_key: args.idempotency_key.clone(),
            expires_at: args.expires_at.clone(),
            force: args.force,
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
    let mut input = BufReader::new(std::fs::File::open(path).map_err(unreadable)?);
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
        let message: Result<Outgoing, _> = serde_json::from_str(&line);
        let mut message = message.map_err(|error| {
            not_a_message(&error).of(&format!("{}, line {number}", path.display()))
        })?;
        message.force |= args.force;
        messages.push(message);
    }
    Ok(messages)
}

fn key_reused(id: &str) -> Failure {
    let message = match id {
        "" => String::from("the idempotency key was already used for another text or recipient"),
        id => format!("the idempotency key was already used for the message {id}"),
    };
    Failure::new(Exit::Conflict, "IDEMPOTENCY_KEY_REUSED", message)
        .hint("a new message needs a new key")
}

/// Converts an error to a failure with a hint.
fn explain(error: SendError, tenant: &TenantId) -> Failure {
    let (message, code) = (error.to_string(), error.code().unwrap_or("DATABASE"));
    let failure = |exit| Failure::new(exit, code, message);
    let queue = "--force or --expires-at queue it anyway";
    match error {
        SendError::Rows(error) => start::rows(error),
        SendError::Recipient(_) => {
            failure(Exit::Usage).hint("use the international form: +4915112345621")
        }
        SendError::Text | SendError::Key | SendError::Expiry | SendError::Expired => {
            failure(Exit::Usage)
        }
        SendError::KeyReused { id } => key_reused(&id),
        SendError::UnknownTenant(_) => {
            failure(Exit::Absent).hint("`wmctl tenants list` shows who is there")
        }
        SendError::Unpaired(_) => {
            failure(Exit::Absent).hint(format!("wmctl pair --tenant {tenant}"))
        }
        SendError::LoggedOut(_) => failure(Exit::Auth)
            .hint(format!("wmctl pair --tenant {tenant}"))
            .hint_too(queue),
        SendError::Banned(_) => failure(Exit::Auth).hint(queue),
        SendError::Exported(_) => failure(Exit::Conflict)
            .hint(format!(
                "send from there, or bring it back: wmctl migrate export --undo --tenant {tenant}"
            ))
            .hint_too(queue),
    }
}
