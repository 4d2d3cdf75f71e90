//! Logs at the highest level must contain no key, ratchet, message or password. This holds while
//! everything works, and while a statement is slow or fails. It holds on both databases and in the
//! server's own log.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Value;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{Connection as _, Row as _};
use tempfile::TempDir;
use wmctl::sim::{SimConfig, Simulator};

use crate::support::postgres::{Postgres, Setup};
use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const FRIEND: &str = "4915112345622";
const PASSWORD: &str = "hush-password-7";
/// A statement counts as slow after one second, and gives up after two.
const SLOW: Duration = Duration::from_millis(1_500);
const TOO_LONG: Duration = Duration::from_secs(3);
/// How often progress is checked.
const LOOK: Duration = Duration::from_millis(25);
/// The maximum number of rows per table whose bytes are searched for.
const SAMPLE: usize = 6;

/// Columns with keys, and with data derived from keys.
const SECRETS: [(&str, &str); 9] = [
    ("whatsmeow_device", "noise_key"),
    ("whatsmeow_device", "identity_key"),
    ("whatsmeow_device", "signed_pre_key"),
    ("whatsmeow_device", "adv_key"),
    ("whatsmeow_pre_keys", "key"),
    ("whatsmeow_sessions", "session"),
    ("whatsmeow_sender_keys", "sender_key"),
    ("whatsmeow_app_state_sync_keys", "key_data"),
    ("wmctl_outbox", "stanza"),
];

/// Where the rows are, for direct access.
enum Rows {
    File(Wmctl),
    Server(Postgres),
}

impl Rows {
    /// Returns the first column of every row as text.
    async fn texts(&self, sql: &str) -> Vec<String> {
        match self {
            Self::File(wmctl) => {
                let options = SqliteConnectOptions::new().filename(wmctl.database());
                let mut file = SqliteConnection::connect_with(&options.read_only(true))
                    .await
                    .unwrap();
                let sql = sqlx::AssertSqlSafe(sql.to_owned());
                let rows = sqlx::query(sql).fetch_all(&mut file).await.unwrap();
                rows.iter().map(|row| row.get(0)).collect()
            }
            Self::Server(server) => {
                let found = server.sql("wm", sql);
                found.lines().map(str::to_owned).collect()
            }
        }
    }

    async fn secrets(&self, all: &mut BTreeSet<String>) {
        for (table, column) in SECRETS {
            let hexed = match self {
                Self::File(_) => format!("lower(hex({column}))"),
                Self::Server(_) => format!("encode({column}, 'hex')"),
            };
            let sql = format!(
                "SELECT {hexed} FROM {table} WHERE {column} IS NOT NULL
                 ORDER BY 1 LIMIT {SAMPLE}"
            );
            all.extend(self.texts(&sql).await);
        }
    }

    /// Waits until a count is reached.
    async fn counts(&self, sql: &str, least: u32) {
        let reached = async {
            loop {
                let found = self.texts(sql).await;
                if least <= found[0].trim().parse().unwrap() {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let reached = tokio::time::timeout(PATIENCE, reached).await;
        reached.unwrap_or_else(|_| panic!("{sql}: less than {least}"));
    }

    /// Locks the database for this time, while `meanwhile` causes writes. The duration is part of
    /// the fault.
    async fn locked(&self, time: Duration, meanwhile: impl Future<Output = ()>) {
        match self {
            Self::File(wmctl) => {
                let options = SqliteConnectOptions::new().filename(wmctl.database());
                let mut file = SqliteConnection::connect_with(&options).await.unwrap();
                let begin = sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut file);
                begin.await.unwrap();
                meanwhile.await;
                tokio::time::sleep(time).await;
                let end = sqlx::raw_sql("ROLLBACK").execute(&mut file);
                end.await.unwrap();
            }
            Self::Server(server) => {
                let sql = "BEGIN; LOCK TABLE whatsmeow_sessions; SELECT 1";
                let held = server.held("wm", sql);
                meanwhile.await;
                self.counts("SELECT COUNT(*) FROM pg_locks WHERE NOT granted", 1)
                    .await;
                tokio::time::sleep(time).await;
                drop(held);
            }
        }
    }
}

/// Returns the forms in which bytes may appear in a log: whole, or a part of them.
fn forms(hexed: &str) -> Vec<Vec<u8>> {
    let bytes = hex::decode(hexed).unwrap();
    let mut forms = Vec::new();
    // From the middle of long values: their beginning may be the same for all.
    let part = |text: &str, length: usize| {
        let from = text.len().saturating_sub(length) / 2;
        text.as_bytes()[from..]
            .iter()
            .copied()
            .take(length)
            .collect::<Vec<u8>>()
    };
    forms.push(part(hexed, 40));
    forms.push(part(&hexed.to_uppercase(), 40));
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(&bytes);
    forms.push(part(&base64, 28));
    let url = base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&bytes);
    forms.push(part(&url, 28));
    let middle = bytes.len().saturating_sub(16) / 2;
    let raw: Vec<u8> = bytes[middle..].iter().copied().take(16).collect();
    let list: Vec<String> = raw.iter().map(ToString::to_string).collect();
    forms.push(list.join(", ").into_bytes());
    forms.push(list.join(",").into_bytes());
    forms.push(raw.escape_ascii().to_string().into_bytes());
    forms.push(raw);
    forms
}

fn refuse(log: &[u8], whose: &str, secrets: &BTreeSet<String>, words: &[String]) {
    let text = String::from_utf8_lossy(log);
    for word in words {
        if let Some(at) = text.find(word.as_str()) {
            let around: String = text[..at].chars().rev().take(300).collect();
            let around: String = around.chars().rev().collect();
            panic!("{whose} says {word:?} behind {around}");
        }
    }
    for secret in secrets.iter().filter(|secret| 32 <= secret.len()) {
        for form in forms(secret) {
            let found = memchr(log, &form);
            let line = found.map(|at| {
                let from = log[..at]
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .unwrap_or(0);
                String::from_utf8_lossy(&log[from..(from + 300).min(log.len())]).into_owned()
            });
            assert_eq!(line, None, "{whose} has bytes of a secret");
        }
    }
}

fn memchr(log: &[u8], form: &[u8]) -> Option<usize> {
    let first = *form.first()?;
    let mut from = 0;
    while let Some(at) = log[from..].iter().position(|byte| *byte == first) {
        if log[from + at..].starts_with(form) {
            return Some(from + at);
        }
        from += at + 1;
    }
    None
}

struct World {
    sim: Simulator,
    wmctl: Wmctl,
    folder: TempDir,
    words: Vec<String>,
    secrets: BTreeSet<String>,
}

impl World {
    async fn start(url: Option<&str>) -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        for number in [NUMBER, FRIEND] {
            sim.add_account(number, "Somebody").await.unwrap();
        }
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        wmctl.unset("WMCTL_LOG_LEVEL");
        if let Some(url) = url {
            wmctl.set("WMCTL_DATABASE_URL", url);
            wmctl.done(&["migrate", "up", "-vv"]).await;
        }
        Self {
            sim,
            wmctl,
            folder,
            words: vec![PASSWORD.to_owned()],
            secrets: BTreeSet::new(),
        }
    }

    async fn pair(&self) {
        let mut pairing = self.wmctl.start(&["pair", "-vv"]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        let code = qr["code"].as_str().unwrap();
        self.sim.scan(NUMBER, code).await.unwrap();
        assert!(pairing.ended().await.success(), "{}", pairing.log_tail());
    }

    /// Sends one message each way, and waits until both are in the rows.
    async fn chat(&mut self, rows: &Rows, run: &Program, round: u32) {
        self.says(round).await;
        let of_messages = "SELECT CAST(COUNT(*) AS TEXT) FROM wmctl_event WHERE kind = 'message'";
        // One more for each time that the database was locked.
        rows.counts(of_messages, 2 * round - 1).await;
        let text = format!("hush-out-{round}");
        let to = format!("+{FRIEND}");
        let arguments = ["send", "--to", &to, "--text", &text, "-vv"];
        let said = self.wmctl.output(&arguments).await;
        assert!(said.status.success(), "{}", run.log_tail());
        self.words.push(text);
        refuse(&said.stderr, "send", &self.secrets, &self.words);
        let of_sent = "SELECT CAST(COUNT(*) AS TEXT) FROM wmctl_outbox WHERE state = 'sent'";
        rows.counts(of_sent, round).await;
        rows.secrets(&mut self.secrets).await;
    }

    async fn says(&mut self, round: u32) {
        let text = format!("hush-in-{round}");
        self.sim.phone_sends(FRIEND, NUMBER, &text).await.unwrap();
        self.words.push(text);
    }

    fn log(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("wmctl.log")).unwrap()
    }
}

/// Pairs, chats, is delayed, fails, and chats again; then searches all logs.
async fn nothing_is_told(mut world: World, rows: Rows) {
    world.pair().await;
    rows.secrets(&mut world.secrets).await;
    let mut run = world.wmctl.start(&["run", "--no-events", "-vv"]);
    let log = |world: &World| String::from_utf8_lossy(&world.log()).into_owned();
    let connected = async {
        while !log(&world).contains("connected") {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::time::timeout(PATIENCE, connected).await.unwrap();
    world.chat(&rows, &run, 1).await;
    for (round, time) in [(2, SLOW), (3, TOO_LONG)] {
        let sim = &world.sim;
        let text = format!("hush-in-{round}-locked");
        let says = async {
            sim.phone_sends(FRIEND, NUMBER, &text).await.unwrap();
        };
        rows.locked(time, says).await;
        world.words.push(text);
        world.chat(&rows, &run, round).await;
    }
    run.terminate().await;
    assert!(run.ended().await.success(), "{}", run.log_tail());
    rows.secrets(&mut world.secrets).await;
    assert!(12 < world.secrets.len(), "{}", world.secrets.len());
    let log = world.log();
    assert!(
        100_000 < log.len(),
        "{} bytes at the highest level",
        log.len()
    );
    refuse(&log, "the log", &world.secrets, &world.words);
    let said: String = run.heard(|_| true).iter().map(Value::to_string).collect();
    refuse(said.as_bytes(), "the output", &world.secrets, &world.words);
    if let Rows::Server(server) = &rows {
        let log = std::fs::read(server.folder().join("log")).unwrap();
        let statements = "whatsmeow_sessions";
        assert!(memchr(&log, statements.as_bytes()).is_some());
        refuse(&log, "the server's log", &world.secrets, &world.words);
    }
}

fn talkative() -> Postgres {
    let server = Postgres::set_up(Setup {
        settings: vec!["log_min_duration_statement=0".into()],
        ..Setup::default()
    });
    server.create("wm");
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_key_or_a_text_on_a_server() {
    let server = talkative();
    let url = format!("{}&password={PASSWORD}", server.url("wm"));
    let world = World::start(Some(&url)).await;
    nothing_is_told(world, Rows::Server(server)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_has_a_key_or_a_text_on_a_file() {
    let world = World::start(None).await;
    let rows = Rows::File(world.wmctl.clone());
    nothing_is_told(world, rows).await;
}

/// A process that may be dumped belongs to its user, one that may not to root. Needs root, because
/// it starts the process as another user.
#[tokio::test]
async fn a_crash_leaves_no_memory_behind() {
    use std::os::unix::fs::MetadataExt as _;
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
    wmctl.start_inside(&[&["setpriv"], &nobody[..]].concat());
    let arguments = ["simulate", "--port", "0", "--control-port", "0"];
    let mut simulator = wmctl.start(&arguments);
    let about = |line: &Value| line["kind"] == "Simulator";
    simulator.expect("where it is", about).await;
    let status = format!("/proc/{}/environ", simulator.id().unwrap());
    let owner = std::fs::metadata(status).unwrap().uid();
    assert_eq!(owner, 0, "its memory may be dumped");
}
