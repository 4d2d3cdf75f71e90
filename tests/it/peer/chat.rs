//! Foreign clients pair with the simulator's phones and chat through it.

use std::path::Path;
use std::time::Duration;

use wmctl::sim::{SimConfig, Simulator};

use crate::support::baileys::{Baileys, Me, Options, Version};

async fn paired(sim: &Simulator, version: Version, number: &str, folder: &Path) -> (Baileys, Me) {
    sim.add_account(number, "Somebody").await.unwrap();
    let options = Options {
        version,
        url: sim.ws_url(),
        root_key: sim.root_key().to_owned(),
        phone: None,
    };
    let mut client = Baileys::start(number, &options, folder);
    let code = client.qr().await;
    sim.scan(number, &code).await.unwrap();
    let me = client.open().await;
    (client, me)
}

#[tokio::test]
async fn strangers_pair_chat_and_hear_of_delivery() {
    let folder = tempfile::tempdir().unwrap();
    let config = SimConfig {
        // The older version loses a frame that arrives at once.
        first_frame_delay: Duration::from_millis(300),
        ..SimConfig::default()
    };
    let sim = Simulator::start(config).await.unwrap();
    let (mut one, me) = paired(&sim, Version::V7, "491510000001", folder.path()).await;
    let (mut two, _) = paired(&sim, Version::V7, "491510000002", folder.path()).await;
    assert_eq!(me.jid, "491510000001:1@s.whatsapp.net");

    let id = one.send("491510000002@s.whatsapp.net", "hello").await;
    two.message("hello").await;
    one.status(&id, 3).await;
    let id = two.send("491510000001@s.whatsapp.net", "hello back").await;
    one.message("hello back").await;
    two.status(&id, 3).await;

    let id = sim.phone_sends("491510000002", "491510000001", "from the phone");
    let id = id.await.unwrap();
    one.message("from the phone").await;
    one.send("491510000002@s.whatsapp.net", "to the phone")
        .await;
    two.message("to the phone").await;
    while sim.phone_heard("491510000002").await.unwrap().is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let heard = sim.phone_heard("491510000002").await.unwrap();
    assert_eq!((&heard[0].id, heard[0].kind.as_str()), (&id, "delivery"));
    let inbox = sim.phone_inbox("491510000002").await.unwrap();
    let texts: Vec<_> = inbox.iter().filter_map(|m| m.text.as_deref()).collect();
    assert_eq!(texts, ["hello", "hello back", "to the phone"]);
    assert_eq!(sim.breaches().await.unwrap(), []);
    one.quit().await;
    two.quit().await;
}
