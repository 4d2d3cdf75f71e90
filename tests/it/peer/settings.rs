//! Settings shared between a phone and its companions: a simulated phone, foreign clients and
//! wmctl, all on one account.

use serde_json::{Value, json};
use wmctl::sim::Setting;

use crate::support::baileys::Version::{self, V6, V7};
use crate::support::number;
use crate::support::world::World;

const OWNER: &str = "491510000001";
const CHAT: &str = "491510000002@s.whatsapp.net";
const GROUP: &str = "120363000000000001@g.us";

const CONTACTS: &str = "SELECT their_jid || '|' || first_name || '|' || full_name
    FROM whatsmeow_contacts WHERE full_name IS NOT NULL ORDER BY 1";
const CHATS: &str = "SELECT chat_jid || '|' || muted_until || '|' || pinned || '|' || archived
    FROM whatsmeow_chat_settings ORDER BY 1";
const VERSIONS: &str = "SELECT name || '|' || version FROM whatsmeow_app_state_version ORDER BY 1";
const MACS: &str = "SELECT name || '|' || version || '|' || length(index_mac) || '|' ||
    length(value_mac) FROM whatsmeow_app_state_mutation_macs ORDER BY 1";
const NAME: &str = "SELECT push_name FROM whatsmeow_device";
const HOW_MANY: &str = "SELECT CAST(count(*) AS TEXT) FROM whatsmeow_contacts
    WHERE full_name LIKE 'Contact %'";

fn contact(full_name: &str) -> Setting {
    Setting::Contact {
        jid: CHAT.into(),
        full_name: full_name.into(),
        first_name: "Bert".into(),
    }
}

fn mute(jid: &str, on: bool, until_ms: Option<i64>) -> Setting {
    let jid = jid.into();
    Setting::Mute { jid, on, until_ms }
}

fn pin(jid: &str, on: bool) -> Setting {
    Setting::Pin {
        jid: jid.into(),
        on,
    }
}

impl World {
    async fn set(&self, setting: Setting) -> u64 {
        self.sim.set(OWNER, setting).await.unwrap()
    }
}

/// Settings from before and after our login are stored as whatsmeow stores them.
#[tokio::test]
async fn what_the_phone_sets_is_filed() {
    let world = World::start().await;
    let resting = world.pair(OWNER).await;
    world.set(contact("Bert Before")).await;
    world.set(mute(GROUP, true, None)).await;
    let mut ours = resting.wake().await;
    let wmctl = &ours.wmctl;
    wmctl.settles(CHATS, &[&format!("{GROUP}|-1|0|0")]).await;
    let before = format!("{CHAT}|Bert|Bert Before");
    wmctl.settles(CONTACTS, &[&before]).await;

    world.set(contact("Bert After")).await;
    world.set(mute(CHAT, true, Some(1_900_000_000_999))).await;
    world.set(mute(GROUP, false, None)).await;
    world.set(pin(CHAT, true)).await;
    let jid = CHAT.to_owned();
    world.set(Setting::Archive { jid, on: true }).await;
    let jid = CHAT.to_owned();
    world.set(Setting::Read { jid, on: true }).await;
    let name = String::from("Anna Neu");
    world.set(Setting::PushName { name }).await;

    let after = format!("{CHAT}|Bert|Bert After");
    wmctl.settles(CONTACTS, &[&after]).await;
    let chats = [format!("{GROUP}|0|0|0"), format!("{CHAT}|1900000000|1|1")];
    wmctl.settles(CHATS, &[&chats[0], &chats[1]]).await;
    wmctl.settles(NAME, &["Anna Neu"]).await;
    let versions = [
        "critical_block|1",
        "critical_unblock_low|2",
        "regular_high|3",
        "regular_low|3",
    ];
    wmctl.settles(VERSIONS, &versions).await;
    let macs = [
        "critical_block|1|32|32",
        // As in whatsmeow, older values stay, and the newest version counts.
        "critical_unblock_low|1|32|32",
        "critical_unblock_low|2|32|32",
        "regular_high|1|32|32",
        "regular_high|2|32|32",
        "regular_high|3|32|32",
        "regular_low|1|32|32",
        "regular_low|2|32|32",
        "regular_low|3|32|32",
    ];
    wmctl.settles(MACS, &macs).await;

    let is = |kind: &'static str, field: &'static str, value: Value| {
        move |line: &Value| line["type"] == kind && line[field] == value
    };
    let run = &mut ours.run;
    run.expect("the contact", is("contact_changed", "sender", json!(CHAT)))
        .await;
    let name = run
        .expect("the name", is("name_changed", "name", json!("Anna Neu")))
        .await;
    assert_eq!(name["type"], "name_changed");
    for what in ["pinned", "archived", "read"] {
        let told = run
            .expect(what, is("chat_changed", "what", json!(what)))
            .await;
        assert_eq!((&told["chat"], &told["on"]), (&json!(CHAT), &json!(true)));
    }
    assert_eq!(world.sim.breaches().await.unwrap(), []);
    ours.rest().await;
}

/// wmctl requests a key that the phone did not share, and then applies the rest.
#[tokio::test]
async fn a_missing_key_is_asked_for() {
    let world = World::start().await;
    let ours = world.ours(OWNER).await;
    world.set(pin(CHAT, true)).await;
    ours.wmctl.settles(CHATS, &[&format!("{CHAT}|0|1|0")]).await;
    world.sim.rotate_key(OWNER, true).await.unwrap();
    world.set(pin(CHAT, false)).await;
    ours.wmctl.settles(CHATS, &[&format!("{CHAT}|0|0|0")]).await;
    ours.wmctl.settles(VERSIONS, &["regular_low|2"]).await;
    let keys = "SELECT CAST(count(*) AS TEXT) FROM whatsmeow_app_state_sync_keys";
    ours.wmctl.settles(keys, &["2"]).await;
    assert_eq!(world.sim.breaches().await.unwrap(), []);
}

/// Large patches and snapshots are downloaded from the media server.
#[tokio::test]
async fn blobs_are_downloaded() {
    let world = World::start().await;
    let ours = world.ours(OWNER).await;
    let count = number("WMCTL_APP_STATE_CONTACTS", 300);
    world.set(Setting::Contacts { count }).await;
    let wanted = count.to_string();
    ours.wmctl.settles(HOW_MANY, &[&wanted]).await;
    let asleep = ours.rest().await;
    world.set(contact("Bert")).await;
    // The patches that we lack are gone, so we must load the snapshot.
    world.sim.compact(OWNER).await.unwrap();
    world.set(pin(CHAT, true)).await;
    let ours = asleep.wake().await;
    ours.wmctl.settles(CONTACTS_OF_BERT, &["Bert"]).await;
    let versions = ["critical_unblock_low|2", "regular_low|1"];
    ours.wmctl.settles(VERSIONS, &versions).await;
    let macs = "SELECT DISTINCT CAST(version AS TEXT) FROM whatsmeow_app_state_mutation_macs
        WHERE name = 'critical_unblock_low'";
    ours.wmctl.settles(macs, &["2"]).await;
    ours.wmctl.settles(HOW_MANY, &[&wanted]).await;
    world.set(Setting::RemoveContact { jid: CHAT.into() }).await;
    let versions = ["critical_unblock_low|3", "regular_low|1"];
    ours.wmctl.settles(VERSIONS, &versions).await;
}

const CONTACTS_OF_BERT: &str = "SELECT full_name FROM whatsmeow_contacts
    WHERE their_jid = '491510000002@s.whatsapp.net'";

/// Settings of a foreign companion on the same account reach the phone and us. Settings of the
/// phone reach the foreign companion.
async fn three_devices(version: Version) {
    let world = World::start().await;
    let mut other = world.stranger(version, OWNER).await;
    let ours = world.ours(OWNER).await;
    world.set(contact("Bert from the phone")).await;
    let named = |e: &Value| {
        let data = e["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        e["ev"] == "contacts.upsert" && data.iter().any(|one| one["name"] == "Bert from the phone")
    };
    other.client.event("the contact", named).await;

    for (on, round) in [(true, 1), (false, 2), (true, 3)] {
        let modify = json!({"cmd": "chat_modify", "jid": CHAT, "change": {"pin": on}});
        other.client.command(modify).await;
        let row = format!("{CHAT}|0|{}|0", u8::from(on));
        ours.wmctl.settles(CHATS, &[&row]).await;
        let versions = ["critical_unblock_low|1", &format!("regular_low|{round}")];
        ours.wmctl.settles(VERSIONS, &versions).await;
    }
    let settings = world.sim.settings(OWNER).await.unwrap();
    let low = settings
        .iter()
        .find(|one| one.name == "regular_low")
        .unwrap();
    assert_eq!(low.version, 3);
    assert_eq!(low.items[0].index, ["pin_v1", CHAT]);
    assert_eq!(low.items[0].value, json!({"on": true}));

    let jid = CHAT.to_owned();
    world.set(Setting::Archive { jid, on: true }).await;
    let archived = |e: &Value| {
        let data = e["data"].as_array().map(Vec::as_slice).unwrap_or_default();
        e["ev"] == "chats.update" && data.iter().any(|one| one["archived"] == true)
    };
    other.client.event("the archived chat", archived).await;
    ours.wmctl.settles(CHATS, &[&format!("{CHAT}|0|1|1")]).await;
    assert_eq!(world.sim.breaches().await.unwrap(), []);
}

#[tokio::test]
async fn the_new_version_shares_settings_with_us() {
    three_devices(V7).await;
}

#[tokio::test]
async fn the_old_version_shares_settings_with_us() {
    three_devices(V6).await;
}

/// A patch based on an old version is refused, and the response contains the missing patches.
#[tokio::test]
async fn who_comes_late_is_told_what_came_before() {
    let world = World::start().await;
    let mut other = world.stranger(V7, OWNER).await;
    world.set(pin(CHAT, true)).await;
    world.set(pin(CHAT, false)).await;
    let collection = json!({"tag": "collection",
        "attrs": {"name": "regular_low", "version": "1", "return_snapshot": "false"},
        "content": [{"tag": "patch", "attrs": {}, "content": "nothing that can be read"}]});
    let node = json!({"tag": "iq", "attrs": {"to": "s.whatsapp.net", "type": "set",
        "xmlns": "w:sync:app:state"},
        "content": [{"tag": "sync", "attrs": {}, "content": [collection]}]});
    let answer = other
        .client
        .command(json!({"cmd": "iq", "node": node}))
        .await;
    let collection = &answer["result"]["content"][0]["content"][0];
    assert_eq!(collection["attrs"]["type"], "error");
    let parts = collection["content"].as_array().unwrap();
    let tag = |tag: &str| parts.iter().find(|part| part["tag"] == tag).unwrap();
    assert_eq!(tag("error")["attrs"]["code"], "409");
    assert_eq!(tag("patches")["content"].as_array().unwrap().len(), 1);
}
