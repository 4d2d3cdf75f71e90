//! One account from pairing to unlinking, against the simulator.

use serde_json::Value;
use tempfile::TempDir;
use wmctl::sim::{SimConfig, Simulator};

use crate::support::program::Program;
use crate::support::wmctl::Wmctl;

const NUMBER: &str = "4915112345621";
const FRIEND: &str = "4915112345622";

struct World {
    sim: Simulator,
    wmctl: Wmctl,
    _folder: TempDir,
}

impl World {
    async fn start() -> Self {
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        sim.add_account(NUMBER, "Anna").await.unwrap();
        sim.add_account(FRIEND, "Bert").await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        wmctl.set("WMCTL_SERVER", &sim.ws_url());
        wmctl.set("WMCTL_ROOT_KEY", sim.root_key());
        Self {
            sim,
            wmctl,
            _folder: folder,
        }
    }

    async fn pair(&self, arguments: &[&str]) -> Value {
        let mut pairing = self.wmctl.start(&[&["pair"], arguments].concat());
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        self.sim
            .scan(NUMBER, qr["code"].as_str().unwrap())
            .await
            .unwrap();
        let paired = pairing
            .expect("the end", |line| line["event"] == "paired")
            .await;
        assert!(pairing.ended().await.success());
        paired
    }

    async fn run(&self) -> Program {
        let run = self.wmctl.start(&["run"]);
        // The process answers for the account once it holds the lease.
        loop {
            let tenants = self.wmctl.done(&["tenants", "list", "--json"]).await;
            let list: Value = serde_json::from_str(&tenants).unwrap();
            if list["items"][0]["holder"].is_string() {
                return run;
            }
        }
    }
}

async fn code(wmctl: &Wmctl, arguments: &[&str]) -> (i32, Value) {
    let output = wmctl.output(arguments).await;
    let words = String::from_utf8(output.stderr).unwrap();
    let error = words
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .next_back();
    (output.status.code().unwrap(), error.unwrap_or_default())
}

#[tokio::test]
async fn an_account_is_paired_once_and_run_by_one() {
    let world = World::start().await;
    let (unpaired, error) = code(&world.wmctl, &["run"]).await;
    assert_eq!(
        (unpaired, &error["error"]["code"]),
        (5, &Value::from("NOT_PAIRED"))
    );

    let paired = world.pair(&[]).await;
    assert_eq!(paired["business_id"], "default");
    assert!(
        paired["jid"].as_str().unwrap().starts_with(NUMBER),
        "{paired}"
    );
    let (twice, error) = code(&world.wmctl, &["pair"]).await;
    assert_eq!(
        (twice, &error["error"]["code"]),
        (6, &Value::from("ALREADY_PAIRED"))
    );

    let mut run = world.run().await;
    let (held, error) = code(&world.wmctl, &["run"]).await;
    assert_eq!(
        (held, &error["error"]["code"]),
        (6, &Value::from("LOCK_HELD"))
    );
    run.terminate().await;
    assert_eq!(run.ended().await.code(), Some(0));
}

#[tokio::test]
async fn messages_go_both_ways_and_the_end_is_told() {
    let world = World::start().await;
    world.pair(&[]).await;
    let mut run = world.run().await;

    let send = [
        "send",
        "--to",
        FRIEND,
        "--text",
        "Hello",
        "--wait",
        "delivered",
        "--json",
    ];
    let sent = world.wmctl.done(&send).await;
    let sent: Value = serde_json::from_str(&sent).unwrap();
    assert_eq!(sent["items"][0]["state"], "delivered");
    let inbox = world.sim.phone_inbox(FRIEND).await.unwrap();
    assert_eq!(
        inbox
            .iter()
            .map(|message| message.text.as_deref())
            .collect::<Vec<_>>(),
        [Some("Hello")]
    );

    let id = world
        .sim
        .phone_sends(FRIEND, NUMBER, "Hello yourself")
        .await
        .unwrap();
    let event = run
        .expect("the message", |line| line["type"] == "message")
        .await;
    assert_eq!(
        (&event["id"], &event["text"]),
        (&Value::from(id), &Value::from("Hello yourself"))
    );
    let seq = event["seq"].to_string();
    let again = world
        .wmctl
        .done(&["events", "--from-seq", &seq, "--type", "message"])
        .await;
    assert_eq!(serde_json::from_str::<Value>(&again).unwrap(), event);

    let key = [
        "send",
        "--to",
        FRIEND,
        "--text",
        "Once",
        "--idempotency-key",
        "k",
        "-o",
        "name",
    ];
    assert_eq!(world.wmctl.done(&key).await, world.wmctl.done(&key).await);

    let device = event_device(&world).await;
    world.sim.remove_device(&device).await.unwrap();
    assert_eq!(run.ended().await.code(), Some(4));
    let (again, error) = code(&world.wmctl, &["run"]).await;
    assert_eq!(
        (again, &error["error"]["code"]),
        (4, &Value::from("LOGGED_OUT"))
    );
    world.pair(&[]).await;
    assert_eq!(world.sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn a_contact_with_a_new_phone_is_read_and_written_to_again() {
    let world = World::start().await;
    world.pair(&[]).await;
    let mut run = world.run().await;
    let send = |text: &'static str| {
        [
            "send",
            "--to",
            FRIEND,
            "--text",
            text,
            "--wait",
            "delivered",
        ]
    };
    world.wmctl.done(&send("before")).await;
    world
        .sim
        .phone_sends(FRIEND, NUMBER, "hello")
        .await
        .unwrap();
    run.expect("the message", |line| line["text"] == "hello")
        .await;

    world.sim.reinstall(FRIEND).await.unwrap();
    let changed = run
        .expect("the news", |line| line["type"] == "identity_changed")
        .await;
    assert!(changed.to_string().contains(FRIEND) || changed.to_string().contains("@lid"));
    world.wmctl.done(&send("after")).await;
    world
        .sim
        .phone_sends(FRIEND, NUMBER, "new phone")
        .await
        .unwrap();
    run.expect("the message", |line| line["text"] == "new phone")
        .await;
    let inbox = world.sim.phone_inbox(FRIEND).await.unwrap();
    let texts: Vec<_> = inbox
        .iter()
        .map(|message| message.text.as_deref())
        .collect();
    assert_eq!(texts, [Some("before"), Some("after")]);
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    run.terminate().await;
    assert!(run.ended().await.success());
}

async fn event_device(world: &World) -> wmctl::ids::Jid {
    let tenants = world.wmctl.done(&["tenants", "list", "--json"]).await;
    let list: Value = serde_json::from_str(&tenants).unwrap();
    list["items"][0]["jid"].as_str().unwrap().parse().unwrap()
}
