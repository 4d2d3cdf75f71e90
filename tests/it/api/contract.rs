//! Tests the interface against its OpenAPI document with schemathesis, an independent tester.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::fleet::{Fleet, tenant};
use crate::support::number;

/// Minimum number of requests in each run.
const REQUESTS_MIN: u32 = 10;

/// Returns the path of the tester that `./test` installs.
fn tester() -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("tests/peers/schemathesis/.venv/bin/schemathesis");
    assert!(
        path.exists(),
        "{} is missing: ./test makes it",
        path.display()
    );
    path
}

struct Tester<'a> {
    address: &'a str,
    key: &'a str,
    folder: &'a Path,
}

impl Tester<'_> {
    /// Runs the tester with all its checks. All must pass.
    async fn run(&self, config: &str, arguments: &[&str]) {
        let file = self.folder.join("schemathesis.toml");
        // Limit streams and long polls, which otherwise continue while a device is being linked.
        // 422 refuses a key that was used for another message, as the standard's draft says.
        let usual = r#"
max-stream-events = 1
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 422, 429, "5xx"]
[parameters]
"query.wait" = 1
"#;
        std::fs::write(&file, format!("{usual}{config}")).unwrap();
        let examples = number("WMCTL_API_EXAMPLES", 6).to_string();
        let seed = number("WMCTL_API_SEED", 1).to_string();
        let document = format!("http://{}/openapi.json", self.address);
        let header = format!("Authorization: Bearer {}", self.key);
        let output = Command::new(tester())
            .arg("--config-file")
            .arg(&file)
            .args(["run", &document, "--header", &header, "--checks", "all"])
            .args(["--max-examples", &examples, "--seed", &seed])
            .args(["--no-color", "--request-timeout", "30"])
            .args(arguments)
            .current_dir(self.folder)
            .env("HOME", self.folder)
            .kill_on_drop(true)
            .output()
            .await
            .expect("schemathesis starts");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let words = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{text}{words}");
        let cases = text.lines().find(|line| line.contains(" generated, "));
        let cases = cases.and_then(|line| line.trim().split(' ').next()?.parse().ok());
        let enough = cases.is_some_and(|cases: u32| REQUESTS_MIN <= cases);
        assert!(enough, "it hardly asked: {text}");
    }
}

/// `WMCTL_API_EXAMPLES` sets the number of requests, `WMCTL_API_SEED` their seed.
#[tokio::test]
async fn the_interface_keeps_what_its_document_promises() {
    let mut fleet = Fleet::start(1).await;
    let address = fleet.join("a").await;
    let allow = ["read", "write", "pair", "send", "admin"].map(|word| ["--allow", word]);
    let allowed = [&["full"], allow.as_flattened()].concat();
    let key = fleet.wmctl.key(&allowed).await;
    let folder = tempfile::tempdir().unwrap();
    let tester = Tester {
        address: &address,
        key: &key,
        folder: folder.path(),
    };
    // Use a paired tenant, so that requests do not fail with 404. Exclude `BeginPairing`, which
    // could replace the device and stop all sending; it is tested below.
    let name = tenant(0);
    let config = format!("\"path.id\" = \"{name}\"\n");
    let pairing = "--exclude-operation-id=BeginPairing";
    tester
        .run(&config, &["--phases=coverage,fuzzing", pairing])
        .await;
    let sent = format!("SELECT count(*) FROM wmctl_outbox WHERE business_id = '{name}'");
    let sent: u32 = fleet.server.sql("wm", &sent).trim().parse().unwrap();
    assert!(0 < sent, "not one message was taken in");
    // Then send any sequence of requests, including the deletion of that tenant.
    tester.run("", &["--phases=fuzzing,stateful"]).await;
    let pairing = "--include-operation-id=BeginPairing";
    tester.run("", &["--phases=coverage", pairing]).await;
    let log = fleet.wmctl.log();
    assert!(!log.contains("panicked"), "{log}");
}
