//! `wmctl webhooks`: the webhooks that receive a tenant's events.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::app::event::TYPES;
use wmctl::config::webhook::{Delivery, Network};
use wmctl::ids::TenantId;
use wmctl::ops::webhooks::{
    self, DeadLetter, LETTERS_MAX, NewWebhook, SecretText, Webhook, WebhookError,
};

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::settings::Settings;
use crate::table::Page;
use crate::target::{Target, TargetArgs, actor, refused};
use crate::ui::{Format, Listed, Ui};
use crate::{duration, start};

/// Polling interval for the result of a test.
const LOOK: Duration = Duration::from_millis(200);
/// Maximum length of a secret including its line break (bytes).
const SECRET_BYTES_MAX: u64 = 4_096;

/// Deliver events over HTTP: add, inspect, pause and redeliver webhooks
///
/// wmctl sends each event to each webhook of its tenant as a signed POST, in order, until the
/// receiver answers with 2xx. Delivery is at least once, always with the same ID. An event that
/// keeps failing becomes a dead letter. The host that runs the tenant delivers its events.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl webhooks add https://crm.example.com/hook --tenant acme\n  \
    wmctl webhooks add https://crm.example.com/hook --id crm --type message --type receipt\n  \
    wmctl webhooks add https://crm.example.com/hook --secret-file - < secret.txt\n  \
    wmctl webhooks list --tenant acme\n  \
    wmctl webhooks test crm --tenant acme\n  \
    wmctl webhooks dead crm --tenant acme\n  \
    wmctl webhooks redeliver crm --tenant acme")]
pub(crate) struct WebhooksArgs {
    #[command(flatten)]
    target: TargetArgs,
    #[command(subcommand)]
    command: WebhooksCommand,
}

#[derive(Debug, Subcommand)]
enum WebhooksCommand {
    /// Add a webhook, and print its signing secret once
    #[command(after_long_help = after(
        &[
            "wmctl webhooks add https://crm.example.com/hook --tenant acme",
            "wmctl webhooks add https://crm.example.com/hook --id crm --type message --batch 50",
            "wmctl webhooks add https://crm.example.com/hook --secret-file - < secret.txt",
        ],
        &[
            (Exit::Done, "the webhook was added"),
            (Exit::Usage, "the URL or another value is invalid"),
            (Exit::Config, "the secret file cannot be read"),
            help::API_KEY,
            help::NO_TENANT,
            (Exit::Conflict, "the ID is taken, or the tenant has too many webhooks"),
            help::DATABASE,
            help::HOST,
            (Exit::Gone, "events from --from-seq on were removed"),
        ],
    ))]
    Add(AddArgs),
    /// List webhooks: last delivered event, events waiting, dead letters
    #[command(after_long_help = after(
        &["wmctl webhooks list --tenant acme", "wmctl webhooks list --tenant acme -o json"],
        &[
            (Exit::Done, "the list was printed"),
            help::API_KEY,
            help::NO_TENANT,
            help::DATABASE,
            help::HOST,
        ],
    ))]
    List,
    /// Show one webhook
    #[command(after_long_help = after(
        &["wmctl webhooks show crm --tenant acme -o json"],
        &named("done; the webhook was printed"),
    ))]
    Show {
        /// ID of the webhook
        id: String,
    },
    /// Delete a webhook and its dead letters
    #[command(after_long_help = after(
        &["wmctl webhooks rm crm --tenant acme --yes"],
        &[
            (Exit::Done, "the webhook is deleted, or you answered no"),
            help::NO_ANSWER,
            help::API_KEY,
            UNKNOWN,
            help::DATABASE,
            help::HOST,
        ],
    ))]
    Rm {
        /// ID of the webhook
        id: String,
        /// Do not ask for confirmation
        #[arg(long)]
        yes: bool,
    },
    /// Pause a webhook; its events wait
    #[command(after_long_help = after(
        &["wmctl webhooks pause crm --tenant acme"],
        &named("done; the webhook was printed"),
    ))]
    Pause {
        /// ID of the webhook
        id: String,
    },
    /// Resume a paused webhook, or retry a failing one at once
    #[command(after_long_help = after(
        &["wmctl webhooks resume crm --tenant acme"],
        &named("done; the webhook was printed"),
    ))]
    Resume {
        /// ID of the webhook
        id: String,
    },
    /// Send a test event, and wait for the result
    #[command(after_long_help = after(
        &[
            "wmctl webhooks test crm --tenant acme",
            "wmctl webhooks test crm --tenant acme --timeout 2m",
        ],
        &[
            (Exit::Done, "the receiver accepted it"),
            help::API_KEY,
            UNKNOWN,
            help::DATABASE,
            help::HOST,
            (Exit::Partial, "the receiver did not accept it"),
            (Exit::Pending, "no host had sent it when --timeout passed"),
        ],
    ))]
    Test {
        /// ID of the webhook
        id: String,
        /// Wait at most this long
        #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration::wait)]
        timeout: Duration,
    },
    /// Send dead letters again
    #[command(after_long_help = after(
        &[
            "wmctl webhooks redeliver crm --tenant acme",
            "wmctl webhooks redeliver crm --tenant acme --seq 8812",
        ],
        &[
            (Exit::Done, "they are queued for delivery"),
            help::API_KEY,
            (Exit::Absent, "there is no such tenant, webhook or dead letter"),
            help::DATABASE,
            help::HOST,
        ],
    ))]
    Redeliver {
        /// ID of the webhook
        id: String,
        /// Only the event with this number
        #[arg(long, value_name = "SEQ")]
        seq: Option<i64>,
    },
    /// List dead letters: events that the receiver did not accept
    #[command(after_long_help = after(
        &[
            "wmctl webhooks dead crm --tenant acme",
            "wmctl webhooks dead crm --tenant acme --after 8812 --limit 500 -o jsonl",
        ],
        &named("the list was printed"),
    ))]
    Dead {
        /// ID of the webhook
        id: String,
        /// Only events after this number
        #[arg(long, value_name = "SEQ", default_value = "0")]
        after: i64,
        /// Print at most this many
        #[arg(long, value_name = "COUNT", default_value = "100",
            value_parser = clap::value_parser!(u32).range(1..=i64::from(LETTERS_MAX)))]
        limit: u32,
    },
}

/// A webhook that is named.
const UNKNOWN: (Exit, &str) = (Exit::Absent, "there is no such tenant or webhook");

/// How commands end that name a webhook.
fn named(done: &'static str) -> [(Exit, &'static str); 5] {
    [
        (Exit::Done, done),
        help::API_KEY,
        UNKNOWN,
        help::DATABASE,
        help::HOST,
    ]
}

#[derive(Debug, clap::Args)]
struct AddArgs {
    /// https://host[:port]/path; http:// works only in networks that --webhook-allow of `serve` or
    /// `run` names
    url: String,

    /// ID of the webhook (default: generated)
    #[arg(long, value_name = "ID")]
    id: Option<String>,

    /// Deliver only events of this type (can be repeated)
    #[arg(long = "type", value_name = "TYPE", value_parser = PossibleValuesParser::new(TYPES))]
    types: Vec<String>,

    /// Deliver at most this many events per request
    #[arg(long, value_name = "COUNT", default_value = "1")]
    batch: u32,

    /// Start with the event of this number (default: the next new event)
    #[arg(long, value_name = "SEQ")]
    from_seq: Option<i64>,

    /// File with the signing secret, - for standard input (default: WMCTL_WEBHOOK_SECRET, or a
    /// generated secret)
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// How a process delivers events.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Webhooks")]
pub(crate) struct DeliveryArgs {
    /// Allow webhooks in this network, also without TLS, such as 10.0.0.0/8 (can be repeated)
    ///
    /// By default, wmctl delivers only to public addresses and only over TLS. It checks the address
    /// that a name resolves to.
    #[arg(long, value_name = "CIDR")]
    webhook_allow: Vec<Network>,

    /// Time limit of one delivery attempt
    #[arg(long, value_name = "DURATION", default_value = "10s", hide_short_help = true,
        value_parser = duration::milliseconds(100, 120_000))]
    webhook_timeout: u64,

    /// Make an event a dead letter after this many failed attempts
    #[arg(long, value_name = "COUNT", default_value = "12", hide_short_help = true,
        value_parser = clap::value_parser!(u32).range(1..=1_000))]
    webhook_attempts: u32,

    /// Make a failing event a dead letter once it is older than this
    #[arg(long, value_name = "DURATION", default_value = "24h", hide_short_help = true,
        value_parser = duration::seconds(1, 2_592_000))]
    webhook_age: u64,

    /// Delay before the first retry; it doubles with each failure, up to 15m
    #[arg(long, value_name = "DURATION", default_value = "1s", hide_short_help = true,
        value_parser = duration::milliseconds(10, 900_000))]
    webhook_wait: u64,

    /// Trust only the TLS roots in this PEM file when delivering events
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    webhook_ca_file: Option<PathBuf>,
}

impl DeliveryArgs {
    /// Applies the delivery options to the process.
    pub(crate) fn apply(&self, app: &mut App) -> Result<(), Failure> {
        let delivery = Delivery {
            allow: self.webhook_allow.clone(),
            attempt: Duration::from_millis(self.webhook_timeout),
            attempts_max: self.webhook_attempts,
            age_max: Duration::from_secs(self.webhook_age),
            first_wait: Duration::from_millis(self.webhook_wait),
        };
        let ca_file = self.webhook_ca_file.as_deref();
        app.deliver(delivery, ca_file).map_err(|error| {
            Failure::new(Exit::Config, "WEBHOOK_CA_FILE", error.to_string())
                .hint("--webhook-ca-file is a PEM file with certificates")
        })
    }
}

impl Listed for Webhook {
    const HEADS: &'static [&'static str] = &[
        "WEBHOOK",
        "STATE",
        "URL",
        "TYPES",
        "SEQ",
        "WAITING",
        "DEAD",
        "TRIES",
        "LAST FAILURE",
    ];
    const SPARE: &'static [&'static str] = &["TRIES", "TYPES"];

    fn cells(&self, _page: Page) -> Vec<String> {
        let state = match &self.reason {
            Some(reason) => format!("{} ({reason})", self.state),
            None => self.state.clone(),
        };
        let types = match self.types.is_empty() {
            true => String::from("all"),
            false => self.types.join(","),
        };
        vec![
            self.id.clone(),
            state,
            self.url.clone(),
            types,
            self.seq.to_string(),
            self.waiting.to_string(),
            self.dead_letters.to_string(),
            self.attempts.to_string(),
            self.last_failure.clone().unwrap_or_default(),
        ]
    }

    fn name(&self) -> String {
        self.id.clone()
    }
}

impl Listed for DeadLetter {
    const HEADS: &'static [&'static str] =
        &["SEQ", "TYPE", "TIME", "TRIES", "DEAD SINCE", "REASON"];
    const SPARE: &'static [&'static str] = &["TRIES", "TIME"];

    fn cells(&self, page: Page) -> Vec<String> {
        let reason = match self.redeliver {
            true => format!("{}; queued again", self.reason),
            false => self.reason.clone(),
        };
        vec![
            self.seq.to_string(),
            self.kind.clone(),
            page.time(&self.at),
            self.attempts.to_string(),
            page.time(&self.dead_since),
            reason,
        ]
    }

    fn name(&self) -> String {
        self.seq.to_string()
    }
}

pub(crate) async fn run(
    ui: &Ui,
    settings: &Settings,
    args: &WebhooksArgs,
) -> Result<Exit, Failure> {
    let tenant = settings.tenant()?;
    let target = Target::open(ui, settings, &args.target).await?;
    let stop = Stop::new();
    let work = carry_out(ui, settings, &target, &tenant, &args.command);
    let result = start::with_signals(&stop, async {
        tokio::select! {
            result = work => result,
            () = stop.asked() => {
                Err(Failure::new(Exit::Interrupted, "STOPPED", "stopped").stopped_by(&stop))
            }
        }
    })
    .await;
    target.close().await;
    result?
}

async fn carry_out(
    ui: &Ui,
    settings: &Settings,
    target: &Target,
    tenant: &TenantId,
    command: &WebhooksCommand,
) -> Result<Exit, Failure> {
    match command {
        WebhooksCommand::Add(args) => return add(ui, settings, target, tenant, args).await,
        WebhooksCommand::List => {
            let all = target.webhooks(tenant).await?;
            ui.list(
                "WebhookList",
                &all,
                "no webhooks: `wmctl webhooks add` adds one",
            )?;
        }
        WebhooksCommand::Show { id } => {
            ui.object("Webhook", &target.webhook(tenant, id).await?)?;
        }
        WebhooksCommand::Rm { id, yes } => return remove(ui, target, tenant, id, *yes).await,
        WebhooksCommand::Pause { id } => {
            target.tell_webhook(tenant, id, "pause").await?;
            ui.object("Webhook", &target.webhook(tenant, id).await?)?;
        }
        WebhooksCommand::Resume { id } => {
            target.tell_webhook(tenant, id, "resume").await?;
            ui.object("Webhook", &target.webhook(tenant, id).await?)?;
        }
        WebhooksCommand::Test { id, timeout } => {
            return test(ui, target, tenant, id, *timeout).await;
        }
        WebhooksCommand::Redeliver { id, seq } => {
            let count = target.redeliver(tenant, id, *seq).await?;
            if let (0, Some(seq)) = (count, seq) {
                let message = format!("{id} has no dead letter {seq}");
                return Err(Failure::new(Exit::Absent, "NOT_FOUND", message)
                    .hint(format!("`wmctl webhooks dead {id}` lists them")));
            }
            ui.done(&format!("{count} queued for delivery"));
        }
        WebhooksCommand::Dead { id, after, limit } => {
            let letters = target.dead_letters(tenant, id, *after, *limit).await?;
            ui.list("DeadLetterList", &letters, "no dead letters")?;
        }
    }
    Ok(Exit::Done)
}

async fn add(
    ui: &Ui,
    settings: &Settings,
    target: &Target,
    tenant: &TenantId,
    args: &AddArgs,
) -> Result<Exit, Failure> {
    let secret = match &args.secret_file {
        Some(file) => Some(read_secret(file)?),
        None => settings.webhook_secret().map(str::to_owned),
    };
    let wanted = NewWebhook {
        id: args.id.clone(),
        url: args.url.clone(),
        types: args.types.clone(),
        batch: Some(args.batch),
        from_seq: args.from_seq,
        secret: secret.map(SecretText::new),
    };
    let given = wanted.secret.is_some();
    let made = target.add_webhook(tenant, wanted).await?;
    match ui.format() {
        Format::Json | Format::Jsonl => ui.json(&made)?,
        Format::Table if !given => {
            ui.answer(&format!("{}\n", made.secret))?;
            let id = &made.webhook.id;
            ui.note(&format!(
                "{id} receives the events of {tenant}; the secret is shown only this once"
            ));
        }
        Format::Table | Format::Name => ui.answer(&format!("{}\n", made.webhook.id))?,
    }
    if args.url.starts_with("http://") {
        ui.warn("without TLS, events are delivered only in networks that --webhook-allow names");
    }
    Ok(Exit::Done)
}

/// Reads one line from a file or from standard input.
fn read_secret(file: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if file.as_os_str() == "-" {
        std::io::stdin()
            .take(SECRET_BYTES_MAX)
            .read_to_string(&mut text)
    } else {
        std::fs::File::open(file)
            .and_then(|file| file.take(SECRET_BYTES_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| {
        let message = format!("read the secret from {}: {error}", file.display());
        Failure::new(Exit::Config, "SECRET_FILE", message).hint("--secret-file names a text file")
    })?;
    let length = text.trim_end_matches(['\r', '\n']).len();
    text.truncate(length);
    Ok(text)
}

async fn remove(
    ui: &Ui,
    target: &Target,
    tenant: &TenantId,
    id: &str,
    yes: bool,
) -> Result<Exit, Failure> {
    let webhook = target.webhook(tenant, id).await?;
    let instead = format!("wmctl webhooks rm {id} --tenant {tenant} --yes");
    let question = format!(
        "{} events wait and {} are dead letters; they will not be delivered. Continue?",
        webhook.waiting, webhook.dead_letters
    );
    if !yes && !ui.confirm(&question, &instead)? {
        ui.note("nothing was deleted");
        return Ok(Exit::Done);
    }
    target.remove_webhook(tenant, id).await?;
    ui.done(&format!("{id} was deleted"));
    Ok(Exit::Done)
}

async fn test(
    ui: &Ui,
    target: &Target,
    tenant: &TenantId,
    id: &str,
    timeout: Duration,
) -> Result<Exit, Failure> {
    target.tell_webhook(tenant, id, "test").await?;
    let outcome = async {
        loop {
            let webhook = target.webhook(tenant, id).await?;
            match webhook.test.as_deref() {
                Some("asked") | None => tokio::time::sleep(LOOK).await,
                Some(_) => return Ok::<_, Failure>(webhook),
            }
        }
    };
    let Ok(webhook) = tokio::time::timeout(timeout, outcome).await else {
        let message = format!("no host has sent the test event of {id} yet");
        return Err(Failure::new(Exit::Pending, "WAIT", message).hint(format!(
            "the host that runs {tenant} sends it: `wmctl tenants show {tenant}` shows which"
        )));
    };
    let webhook = webhook?;
    let outcome = webhook.test.clone().unwrap_or_default();
    ui.object("Webhook", &webhook)?;
    match outcome.strip_prefix("failed: ") {
        None => {
            ui.done(&outcome);
            Ok(Exit::Done)
        }
        Some(reason) => Err(
            Failure::new(Exit::Partial, "WEBHOOK_TEST", format!("{id}: {reason}"))
                .hint("private networks need --webhook-allow where the tenant runs"),
        ),
    }
}

/// Webhook use cases, in the database or through a host.
impl Target {
    async fn webhooks(&self, tenant: &TenantId) -> Result<Vec<Webhook>, Failure> {
        match self {
            Self::Rows(app) => webhooks::list(app, tenant).await.map_err(wrong),
            Self::Api(remote) => remote.webhooks(tenant).await.map_err(refused),
        }
    }

    async fn webhook(&self, tenant: &TenantId, id: &str) -> Result<Webhook, Failure> {
        match self {
            Self::Rows(app) => webhooks::show(app, tenant, id).await.map_err(wrong),
            Self::Api(remote) => remote.webhook(tenant, id).await.map_err(refused),
        }
    }

    async fn add_webhook(
        &self,
        tenant: &TenantId,
        wanted: NewWebhook,
    ) -> Result<webhooks::MadeWebhook, Failure> {
        match self {
            Self::Rows(app) => webhooks::add(app, tenant, wanted, &actor())
                .await
                .map_err(wrong),
            Self::Api(remote) => remote.add_webhook(tenant, &wanted).await.map_err(refused),
        }
    }

    async fn remove_webhook(&self, tenant: &TenantId, id: &str) -> Result<(), Failure> {
        match self {
            Self::Rows(app) => webhooks::remove(app, tenant, id, &actor())
                .await
                .map_err(wrong),
            Self::Api(remote) => remote.remove_webhook(tenant, id).await.map_err(refused),
        }
    }

    /// Runs `pause`, `resume` or `test`.
    async fn tell_webhook(&self, tenant: &TenantId, id: &str, verb: &str) -> Result<(), Failure> {
        let app = match self {
            Self::Rows(app) => app,
            Self::Api(remote) => {
                return remote.tell_webhook(tenant, id, verb).await.map_err(refused);
            }
        };
        let told = match verb {
            "test" => webhooks::test(app, tenant, id, &actor()).await,
            verb => webhooks::pause(app, tenant, id, verb == "pause", &actor()).await,
        };
        told.map_err(wrong)
    }

    async fn redeliver(
        &self,
        tenant: &TenantId,
        id: &str,
        seq: Option<i64>,
    ) -> Result<u64, Failure> {
        match self {
            Self::Rows(app) => {
                let count = webhooks::redeliver(app, tenant, id, seq, &actor()).await;
                count.map_err(wrong)
            }
            Self::Api(remote) => remote.redeliver(tenant, id, seq).await.map_err(refused),
        }
    }

    async fn dead_letters(
        &self,
        tenant: &TenantId,
        id: &str,
        after: i64,
        limit: u32,
    ) -> Result<Vec<DeadLetter>, Failure> {
        match self {
            Self::Rows(app) => {
                let letters = webhooks::dead(app, tenant, id, after, limit).await;
                letters.map_err(wrong)
            }
            Self::Api(remote) => {
                let letters = remote.dead_letters(tenant, id, after, limit).await;
                letters.map_err(refused)
            }
        }
    }
}

fn wrong(error: WebhookError) -> Failure {
    let message = error.to_string();
    match error {
        WebhookError::Rows(error) => start::rows(error),
        WebhookError::UnknownTenant(_) => Failure::new(Exit::Absent, "NOT_FOUND", message)
            .hint("`wmctl tenants list` shows who is there"),
        WebhookError::Unknown { .. } => Failure::new(Exit::Absent, "NOT_FOUND", message)
            .hint("`wmctl webhooks list` shows them"),
        WebhookError::Taken(_) | WebhookError::TooMany => {
            Failure::new(Exit::Conflict, "WEBHOOK_EXISTS", message)
                .hint("`wmctl webhooks list` shows them; `rm` removes one")
        }
        WebhookError::Events(error) => start::events(error),
        _ => Failure::new(Exit::Usage, "BAD_VALUE", message),
    }
}
