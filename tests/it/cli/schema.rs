//! Daemons do not migrate a shared schema by themselves. They name the command that does.

use super::wmctl;
use crate::support::postgres::Postgres;

const DAEMONS: [&str; 2] = ["run", "serve"];

/// Checks that both daemons fail with the same exit code and with all of these words.
fn refused(server: &Postgres, told: &[&str]) {
    let home = tempfile::tempdir().unwrap();
    let url = server.url("w");
    for daemon in DAEMONS {
        let ended = wmctl(home.path(), &[("DATABASE_URL", &url)], &[daemon]);
        assert_eq!(ended.code, 7, "{daemon}: {}", ended.words);
        assert_eq!(ended.answer, "", "{daemon}");
        for words in told {
            assert!(ended.words.contains(words), "{daemon}: {}", ended.words);
        }
    }
}

fn done(server: &Postgres, arguments: &[&str]) -> i32 {
    let home = tempfile::tempdir().unwrap();
    let url = server.url("w");
    wmctl(home.path(), &[("DATABASE_URL", &url)], arguments).code
}

#[test]
fn daemons_refuse_a_schema_that_is_not_theirs() {
    let server = Postgres::start();
    server.create("w");
    let no_tables = server.dump("w");
    refused(&server, &["schema", "wmctl migrate up"]);
    assert_eq!(server.dump("w"), no_tables, "nothing was made");
    assert_eq!(done(&server, &["migrate", "up"]), 0);

    // A pending migration, as after an update of the binary.
    let last = "version = (SELECT MAX(version) FROM wmctl_migration)";
    server.sql(
        "w",
        &format!(
            "CREATE TABLE kept AS SELECT * FROM wmctl_migration WHERE {last};
             DELETE FROM wmctl_migration WHERE {last}"
        ),
    );
    refused(&server, &["schema", "wmctl migrate up"]);
    assert_eq!(done(&server, &["migrate", "status", "--check"]), 10);
    server.sql("w", "INSERT INTO wmctl_migration SELECT * FROM kept");
    assert_eq!(done(&server, &["migrate", "status", "--check"]), 0);
    assert_eq!(done(&server, &["run"]), 5, "only the device is missing");

    // An unknown migration, as after an update of another host.
    let newer = "INSERT INTO wmctl_migration SELECT 9999, name, checksum, applied_ms FROM kept";
    server.sql("w", newer);
    refused(&server, &["schema", "a newer wmctl"]);
}
