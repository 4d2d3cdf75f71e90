//! What people see in a terminal: tables that fit, codes that a camera can read.

use console::{measure_text_width, strip_ansi_codes};
use serde_json::Value;
use tempfile::TempDir;
use wmctl::sim::{SimConfig, Simulator};

use crate::support::program::Program;
use crate::support::wait::until;
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const FRIEND: &str = "4915112345622";
/// As long as names of tenants can be.
const TENANT: &str = "a-tenant-with-a-name-that-is-as-long-as-names-of-tenants-can-be1";
const HOST: &str = "a-host.with-a-long-name.in-some-region.of-some-cloud.example.com";

struct World {
    sim: Simulator,
    wmctl: Wmctl,
    _folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        sim.add_account(NUMBER, "Somebody with a long name")
            .await
            .unwrap();
        sim.add_account(FRIEND, "Friend").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        wmctl.set("WMCTL_TENANT", TENANT);
        wmctl.set("LC_ALL", "C.UTF-8");
        Self {
            sim,
            wmctl,
            _folder: folder,
        }
    }

    async fn webhook(&self, id: &str) -> Value {
        let shown = self.wmctl.done(&["webhooks", "show", id, "--json"]).await;
        serde_json::from_str(&shown).unwrap()
    }

    /// An account, a host, a key and a webhook with long names, and a dead letter.
    async fn with_long_names(&self) -> (Program, &'static str) {
        let wmctl = &self.wmctl;
        let mut pairing = wmctl.start(&["pair"]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        let code = qr["code"].as_str().unwrap();
        self.sim.scan(NUMBER, code).await.unwrap();
        assert!(pairing.ended().await.success());
        let proxy = "socks5://somebody:secret@proxy.in-some-region.of-some-cloud.example.com:1080";
        wmctl
            .done(&["tenants", "add", "waits", "--proxy", proxy, "--host", HOST])
            .await;
        wmctl
            .key(&[
                "a-key-with-quite-a-long-name-for-a-program",
                "--only",
                TENANT,
            ])
            .await;
        let hook = "a-webhook-with-quite-a-long-name-for-a-program";
        let url = "https://webhooks.invalid/a/path/that/is/long/enough/to/need/more/than/one/line";
        wmctl
            .done(&["webhooks", "add", url, "--id", hook, "--type", "state"])
            .await;
        let arguments = [
            "serve",
            "--name",
            HOST,
            "--no-http",
            "--webhook-attempts",
            "1",
        ];
        let mut serve = wmctl.start(&arguments);
        serve
            .expect("the account", |line| line["state"] == "connected")
            .await;
        let dead = async || (self.webhook(hook).await["dead_letters"] != 0).then_some(());
        until(|| "nothing became a dead letter".into(), dead).await;
        (serve, hook)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_table_fits_a_terminal_of_80_columns() {
    let world = World::start().await;
    let wmctl = &world.wmctl;
    let (mut serve, hook) = world.with_long_names().await;
    let mut wide = Vec::new();
    for (arguments, heads) in [
        (&["tenants", "list"][..], "TENANT"),
        (&["tenants", "show", TENANT], "TENANT"),
        (&["hosts"], "HOST"),
        (&["keys", "list"], "NAME"),
        (&["webhooks", "list"], "WEBHOOK"),
        (&["webhooks", "show", hook], "WEBHOOK"),
        (&["webhooks", "dead", hook], "SEQ"),
        (&["events"], "SEQ"),
        (&["send", "--to", FRIEND, "--text", "Hello"], "ID"),
        (&["db", "connections"], "HOST"),
        (&["db", "devices"], "TENANT"),
        (&["db", "sessions"], "TENANT"),
        (&["db", "size"], "NAME"),
        (&["db", "check"], "CHECK"),
        (&["db", "prune", "--dry-run"], "TENANT"),
        (&["db", "locks"], "TENANT"),
        (&["lock-status"], "TENANT"),
        (&["lock-status", TENANT], "TENANT"),
        (&["migrate", "status"], "VERSION"),
        (&["config", "show"], "KEY"),
        (&["doctor", "--offline"], "CHECK"),
        (&["version"], "VERSION"),
    ] {
        let (code, text) = wmctl.on_terminal((80, 24), true, arguments).ended().await;
        assert_eq!(code, 0, "{arguments:?}: {text}");
        let text = strip_ansi_codes(&text);
        let first = text.lines().next().unwrap_or_default();
        assert!(first.contains(heads), "{arguments:?}: {text}");
        // What is known of a tenant by name is spread over lines where a line is too short.
        let lines = text.lines().filter(|line| 80 < measure_text_width(line));
        wide.extend(lines.map(|line| format!("{arguments:?}: {line}")));
    }
    assert!(wide.is_empty(), "{wide:#?}");
    // A pipe gets all of it, however wide.
    let list = wmctl.done(&["tenants", "list", "-o", "table"]).await;
    let line = list.lines().find(|line| line.starts_with(TENANT)).unwrap();
    assert!(line.contains(NUMBER) && line.contains(HOST), "{line}");
    serve.terminate().await;
    assert!(serve.ended().await.success());
}

/// A terminal shows ages, a pipe RFC 3339, and JSON always that.
#[tokio::test]
async fn people_see_ages_and_programs_times() {
    let world = World::start().await;
    world.wmctl.done(&["keys", "add", "one"]).await;
    let is_time = |word: &str| word.parse::<jiff::Timestamp>().is_ok();
    let is_age =
        |word: &str| word.ends_with('s') && word.trim_end_matches('s').parse::<u8>().is_ok();
    for arguments in [&["keys", "list"][..], &["migrate", "status"]] {
        let (_, shown) = world
            .wmctl
            .on_terminal((80, 24), true, arguments)
            .ended()
            .await;
        let row = |text: &str| text.lines().nth(1).unwrap_or_default().to_owned();
        assert!(row(&shown).split_whitespace().any(is_age), "{shown}");
        assert!(!shown.split_whitespace().any(is_time), "{shown}");
        let piped = [arguments, &["-o", "table"]].concat();
        let piped = world.wmctl.done(&piped).await;
        assert!(row(&piped).split_whitespace().any(is_time), "{piped}");
    }
}

/// A tenant that is removed leaves no lease that anybody has to look at.
#[tokio::test]
async fn removed_tenants_are_listed_nowhere() {
    let world = World::start().await;
    let wmctl = &world.wmctl;
    let mut pairing = wmctl.start(&["pair"]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    let code = qr["code"].as_str().unwrap();
    world.sim.scan(NUMBER, code).await.unwrap();
    assert!(pairing.ended().await.success());
    let locks = wmctl.done(&["lock-status", "--json"]).await;
    assert!(locks.contains(TENANT), "{locks}");
    wmctl.done(&["tenants", "rm", TENANT, "--yes"]).await;
    for list in [&["lock-status", "--json"][..], &["tenants", "list"]] {
        let list = wmctl.done(list).await;
        assert!(!list.contains(TENANT), "{list}");
    }
    let asked = wmctl.output(&["lock-status", TENANT]).await;
    assert_eq!(asked.status.code(), Some(5));
    let check = wmctl.output(&["lock-status", "--check"]).await;
    assert_eq!(check.status.code(), Some(0));
}

/// The text of the code that a terminal shows, read as a camera does.
fn scanned(shown: &str) -> String {
    const CELL: (usize, usize) = (8, 12);
    let is_block = |char: char| matches!(char, ' ' | '▀'..='▐' | '\u{1fb00}'..='\u{1fb3b}');
    let lines = shown
        .lines()
        .map(|line| strip_ansi_codes(line).into_owned());
    let drawn: Vec<Vec<char>> = lines
        .filter(|line| 25 < line.chars().count() && line.chars().all(is_block))
        .map(|line| line.chars().collect())
        .collect();
    assert!(!drawn.is_empty(), "no code: {shown}");
    let (wide, high) = (drawn[0].len() * CELL.0, drawn.len() * CELL.1);
    let dark = |x: usize, y: usize| {
        let char = drawn[y / CELL.1][x / CELL.0];
        let (left, third) = (x % CELL.0 * 2 < CELL.0, y % CELL.1 * 3 / CELL.1);
        let upper = y % CELL.1 * 2 < CELL.1;
        match char {
            '█' => true,
            '▀' => upper,
            '▄' => !upper,
            '▌' => left,
            '▐' => !left,
            '\u{1fb00}'..='\u{1fb3b}' => {
                let at = u32::from(char) - 0x1fb00 + 1;
                // The numbers leave out the two that are the halves.
                let bits = at + u32::from(20 < at) + u32::from(40 < at);
                bits >> (third * 2 + usize::from(!left)) & 1 == 1
            }
            _ => false,
        }
    };
    let pixel = |x: usize, y: usize| if dark(x, y) { 0 } else { 255 };
    let mut image = rqrr::PreparedImage::prepare_from_greyscale(wide, high, pixel);
    let grids = image.detect_grids();
    assert_eq!(grids.len(), 1, "a camera finds no code: {shown}");
    grids[0].decode().expect("the code can be read").1
}

#[tokio::test]
async fn codes_can_be_scanned_from_large_and_small_terminals() {
    for size in [(100, 50), (80, 24)] {
        let world = World::start().await;
        let mut pairing = world.wmctl.on_terminal(size, false, &["pair"]);
        let shown = pairing
            .until("a code", |text| text.contains("next in"))
            .await;
        assert!(!shown.contains("cannot be scanned"), "{size:?}: {shown}");
        let code = scanned(&shown);
        world.sim.scan(NUMBER, &code).await.unwrap();
        let (code, shown) = pairing.ended().await;
        assert_eq!(code, 0, "{shown}");
        assert!(shown.contains("paired"), "{shown}");
    }
}

#[tokio::test]
async fn a_code_that_does_not_fit_says_what_helps() {
    for (size, locale, words) in [
        ((60, 15), "C.UTF-8", "it needs a terminal of"),
        ((80, 24), "C", "it needs a terminal of"),
        ((20, 60), "C.UTF-8", "and this one has 20 and 60"),
    ] {
        let mut world = World::start().await;
        world.wmctl.set("LC_ALL", locale);
        let mut pairing = world.wmctl.on_terminal(size, false, &["pair"]);
        let shown = pairing
            .until("a code", |text| text.contains("next in"))
            .await;
        let shown = shown.replace('\n', " ");
        assert!(shown.contains(words), "{size:?} {locale}: {shown}");
        assert!(
            shown.contains("--phone NUMBER") && shown.contains("--qr-file"),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn a_code_in_a_file_is_current_and_gone_afterwards() {
    let world = World::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("code.svg");
    let name = file.to_str().unwrap();
    let mut pairing = world.wmctl.start(&["pair", "--qr-file", name]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    until(
        || "there is no file".into(),
        async || file.exists().then_some(()),
    )
    .await;
    world
        .sim
        .scan(NUMBER, qr["code"].as_str().unwrap())
        .await
        .unwrap();
    assert!(pairing.ended().await.success());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    let wrong = world.wmctl.output(&["pair", "--qr-file", "code.gif"]).await;
    assert_eq!(wrong.status.code(), Some(2));
    let nowhere = world
        .wmctl
        .output(&["pair", "--qr-file", "/nowhere/code.png"])
        .await;
    assert_eq!(nowhere.status.code(), Some(1));
}

/// One command is enough for the first tenant, whatever its name; a name that is mistyped later
/// pairs nothing.
#[tokio::test]
async fn only_the_first_tenant_is_created_without_a_word() {
    let world = World::start().await;
    let wmctl = &world.wmctl;
    let pair = async |arguments: &[&str], number: &str| {
        let mut pairing = wmctl.start(&[&["pair"], arguments].concat());
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        world
            .sim
            .scan(number, qr["code"].as_str().unwrap())
            .await
            .unwrap();
        assert!(pairing.ended().await.success());
    };
    pair(&["--tenant", "acme"], NUMBER).await;
    let refused = wmctl.output(&["pair", "--tenant", "acne"]).await;
    let words = String::from_utf8(refused.stderr).unwrap();
    assert_eq!(refused.status.code(), Some(5), "{words}");
    assert!(
        words.contains("NOT_FOUND") && words.contains("--create"),
        "{words}"
    );
    // Nothing is left of it.
    let list = wmctl.done(&["tenants", "list"]).await;
    assert!(!list.contains("acne"), "{list}");
    pair(&["--tenant", "beta", "--create"], FRIEND).await;
    // One that was named without a device is known.
    wmctl.done(&["tenants", "add", "gamma"]).await;
    let mut pairing = wmctl.start(&["pair", "--tenant", "gamma"]);
    pairing.expect("a code", |line| line["event"] == "qr").await;
}
