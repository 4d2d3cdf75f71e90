//! SIGKILL during a move: the target must be unchanged, and the next attempt must succeed.

use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, Connection as _};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::db;
use crate::support::number;
use crate::support::postgres::Postgres;
use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

/// How often the test checks whether a move has begun to write.
const LOOK: Duration = Duration::from_millis(2);
/// The number of pre-keys, and of message secrets, of the large account.
const ROWS: u32 = 8_000;
/// A move is killed within this fraction of the time that a complete move writes.
const PART: u32 = 4;

/// Every row of every table, as text.
const TABLES: &str = "
    SELECT 'SELECT ''' || m.name || ''' || count(*) || coalesce(group_concat(r), '''') FROM
        (SELECT ' || (SELECT group_concat('quote(\"' || name || '\")', ' || ')
            FROM pragma_table_info(m.name)) || ' AS r FROM ' || m.name || ' ORDER BY r)'
    FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' ORDER BY m.name";
const SERVER_TABLES: &str = "
    SELECT string_agg(format('SELECT %L || count(*) ||
            coalesce(md5(string_agg(t::text, '','' ORDER BY t::text)), '''') FROM %I t',
        tablename, tablename), ' UNION ALL ' ORDER BY tablename)
    FROM pg_tables WHERE schemaname = current_schema()";

/// The target of a move.
enum Target {
    File(PathBuf),
    Server(Postgres),
}

impl Target {
    fn url(&self) -> String {
        match self {
            Self::File(path) => format!("sqlite:{}", path.display()),
            Self::Server(server) => server.url("w"),
        }
    }

    /// Returns the whole content.
    async fn content(&self) -> String {
        let path = match self {
            Self::Server(server) => {
                let query = server.sql("w", SERVER_TABLES);
                let tables = server.sql("w", &query);
                // The server may return rows of large tables in any order.
                let mut tables: Vec<&str> = tables.lines().collect();
                tables.sort_unstable();
                return tables.join("\n");
            }
            Self::File(path) if !path.exists() => return String::new(),
            Self::File(path) => path,
        };
        let mut file = open(path).await;
        let queries: Vec<String> = sqlx::query_scalar(TABLES)
            .fetch_all(&mut file)
            .await
            .unwrap();
        let mut all = String::new();
        for query in queries {
            let table: String = sqlx::query_scalar(AssertSqlSafe(query))
                .fetch_one(&mut file)
                .await
                .unwrap();
            all.push_str(&table);
            all.push('\n');
        }
        file.close().await.unwrap();
        all
    }

    /// Returns whether a program is writing to it.
    async fn is_written(&self) -> bool {
        const WRITERS: &str = "
            SELECT count(*) FROM pg_stat_activity WHERE datname = 'w' AND backend_xid IS NOT NULL";
        match self {
            Self::Server(server) => server.sql("w", WRITERS).trim() != "0",
            Self::File(path) if path.exists() => {
                let mut file = open(path).await;
                let begun = sqlx::query("BEGIN IMMEDIATE").execute(&mut file).await;
                file.close().await.unwrap();
                begun.is_err()
            }
            // A new file has another name until it is complete.
            Self::File(path) => {
                let part = path.with_extension("db.part");
                std::fs::metadata(part).is_ok_and(|part| 0 < part.len())
            }
        }
    }

    /// Waits until `by` writes to it.
    async fn begins(&self, by: &Program) {
        let begun = Instant::now();
        while !self.is_written().await {
            assert!(begun.elapsed() < PATIENCE, "{}", by.log_tail());
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until the server has noticed that a client is gone.
    async fn is_left(&self) {
        let Self::Server(server) = self else { return };
        let others = "SELECT count(*) FROM pg_stat_activity
            WHERE datname = 'w' AND pid <> pg_backend_pid()";
        let begun = Instant::now();
        while server.sql("w", others).trim() != "0" {
            assert!(begun.elapsed() < PATIENCE, "the server keeps its session");
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn open(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(Duration::ZERO);
    SqliteConnection::connect_with(&options).await.unwrap()
}

/// An account with few rows, and the same account with thousands.
struct Sources {
    folder: TempDir,
    small: Wmctl,
    large: Wmctl,
}

impl Sources {
    async fn make() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = db::simulator().await;
        let small = db::paired(&sim, folder.path(), None).await;
        sim.stop().await;
        let within = folder.path().join("large");
        std::fs::create_dir(&within).unwrap();
        let mut large = Wmctl::in_folder(&within);
        large.set("WMCTL_TENANT", "acme");
        std::fs::copy(small.database(), large.database()).unwrap();
        let rows = number("WMCTL_MOVE_ROWS", ROWS);
        let grow = format!(
            "CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS
                (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) SELECT i FROM n;
             INSERT INTO whatsmeow_pre_keys (business_id, jid, key_id, key, uploaded)
                SELECT business_id, jid, 1000000 + i, randomblob(32), 1 FROM whatsmeow_device, n;
             INSERT INTO whatsmeow_message_secrets
                (business_id, our_jid, chat_jid, sender_jid, message_id, key)
                SELECT business_id, jid, '1@s.whatsapp.net', '1@s.whatsapp.net', i, randomblob(32)
                FROM whatsmeow_device, n;"
        );
        db::typed(&large, None, &grow).await;
        Self {
            folder,
            small,
            large,
        }
    }
}

/// Returns how long a command writes.
async fn rehearsed(command: &Wmctl, arguments: &[&str], target: &Target) -> Duration {
    let mut run = command.start(&[arguments, &["--dry-run"]].concat());
    target.begins(&run).await;
    let begun = Instant::now();
    assert!(run.ended().await.success(), "{}", run.log_tail());
    begun.elapsed()
}

/// Kills a command several times while it writes, and checks that the content of the target does
/// not change.
async fn killed(command: &Wmctl, arguments: &[&str], target: &Target) {
    let before = target.content().await;
    // The shorter of two runs: if the machine was briefly busy, the kills would come too late.
    let whole = rehearsed(command, arguments, target).await;
    let whole = whole.min(rehearsed(command, arguments, target).await);
    assert!(target.content().await == before, "a rehearsal changed rows");
    let seed = number("WMCTL_MOVE_SEED", 1);
    let mut random = StdRng::seed_from_u64(u64::from(seed));
    for kill in 0..number("WMCTL_MOVE_KILLS", 3) {
        let mut run = command.start(arguments);
        target.begins(&run).await;
        // The test is about the moment of the kill, so it waits for nothing here.
        let more = whole.mul_f64(random.random_range(0.0..1.0)) / PART;
        tokio::time::sleep(more).await;
        run.kill().await;
        let how = format!("seed {seed}, kill {kill}, {more:?} of {whole:?}");
        let signal = run.ended().await.signal();
        assert_eq!(signal, Some(9), "it was done before: {how}");
        target.is_left().await;
        assert!(target.content().await == before, "rows changed: {how}");
    }
}

async fn imports(target: Target, sources: &Sources) {
    let mut command = sources.small.clone();
    command.set("WMCTL_DATABASE_URL", &target.url());
    command.done(&["migrate", "up"]).await;
    let (small, large) = (sources.small.database(), sources.large.database());
    let (small, large) = (small.to_str().unwrap(), large.to_str().unwrap());
    let (small, large) = (format!("sqlite:{small}"), format!("sqlite:{large}"));
    command.done(&["migrate", "import", "--from", &small]).await;
    let import = ["migrate", "import", "--replace", "--from", &large];
    let before = target.content().await;
    killed(&command, &import, &target).await;
    let mut last = command.start(&import);
    target.begins(&last).await;
    last.kill().await;
    // Immediately: the command must wait for locks that the server still holds for the dead
    // process.
    command.done(&import).await;
    assert!(target.content().await != before, "nothing was imported");
}

async fn exports(target: Target, sources: &Sources) {
    let command = &sources.large;
    let url = target.url();
    let export = ["migrate", "export", "--to", &url];
    killed(command, &export, &target).await;
    // Our rows were marked first, so that two programs never run the account.
    let run = command.output(&["run"]).await;
    assert_eq!(run.status.code(), Some(6));
    command.done(&["migrate", "export", "--undo"]).await;
    command.done(&export).await;
    let rows = number("WMCTL_MOVE_ROWS", ROWS);
    let content = target.content().await;
    let secrets = format!("whatsmeow_message_secrets{rows}");
    assert!(content.contains(&secrets), "all of them arrived");
}

fn server() -> Target {
    let server = Postgres::start();
    server.create("w");
    Target::Server(server)
}

#[tokio::test]
async fn a_killed_import_leaves_a_file_as_it_was() {
    let sources = Sources::make().await;
    let path = sources.folder.path().join("target.db");
    imports(Target::File(path), &sources).await;
}

#[tokio::test]
async fn a_killed_import_leaves_a_server_as_it_was() {
    imports(server(), &Sources::make().await).await;
}

#[tokio::test]
async fn a_killed_export_leaves_no_file() {
    let sources = Sources::make().await;
    let path = sources.folder.path().join("whatsmeow.db");
    exports(Target::File(path), &sources).await;
}

#[tokio::test]
async fn a_killed_export_leaves_nothing_on_a_server() {
    exports(server(), &Sources::make().await).await;
}
