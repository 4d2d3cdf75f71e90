//! SIGKILL while app state patches arrive: at the end, the rows match the phone's settings.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use wmctl::sim::Setting;

use crate::support::number;
use crate::support::stage::{NUMBER, Stage};

/// Longest life of a process in ms: from its first instruction to the last patch.
const LIFE_MS_MAX: u64 = 500;
/// Settings during one life.
const SETTINGS: u32 = 12;

const CHATS: &str = "SELECT chat_jid || '|' || muted_until || '|' || pinned || '|' || archived
    FROM whatsmeow_chat_settings ORDER BY 1";
const CONTACTS: &str = "SELECT their_jid || '|' || full_name FROM whatsmeow_contacts
    WHERE full_name IS NOT NULL ORDER BY 1";
const VERSIONS: &str = "SELECT name || '|' || version FROM whatsmeow_app_state_version ORDER BY 1";

/// The expected rows.
#[derive(Default)]
struct Wanted {
    chats: BTreeMap<String, (i64, bool, bool)>,
    contacts: BTreeMap<String, String>,
}

impl Wanted {
    fn change(&mut self, random: &mut StdRng) -> Setting {
        let jid = format!("4930{:07}@s.whatsapp.net", random.random_range(0..6));
        let on = random.random();
        let kind = random.random_range(0..4);
        if kind == 0 {
            let full_name = format!("Name {}", random.random::<u32>());
            self.contacts.insert(jid.clone(), full_name.clone());
            let first_name = String::new();
            return Setting::Contact {
                jid,
                full_name,
                first_name,
            };
        }
        let chat = self.chats.entry(jid.clone()).or_default();
        match kind {
            1 => {
                chat.0 = if on { -1 } else { 0 };
                let until_ms = None;
                Setting::Mute { jid, on, until_ms }
            }
            2 => {
                chat.1 = on;
                Setting::Pin { jid, on }
            }
            _ => {
                chat.2 = on;
                Setting::Archive { jid, on }
            }
        }
    }

    async fn settles(&self, stage: &Stage) {
        let chats = self.chats.iter().map(|(jid, (muted, pinned, archived))| {
            format!(
                "{jid}|{muted}|{}|{}",
                u8::from(*pinned),
                u8::from(*archived)
            )
        });
        let contacts = self
            .contacts
            .iter()
            .map(|(jid, name)| format!("{jid}|{name}"));
        let settings = stage.sim.settings(NUMBER).await.unwrap();
        let mut versions: Vec<String> = settings
            .iter()
            .map(|one| format!("{}|{}", one.name, one.version))
            .collect();
        versions.sort();
        for (sql, wanted) in [
            (VERSIONS, versions),
            (CHATS, chats.collect()),
            (CONTACTS, contacts.collect()),
        ] {
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            stage.wmctl.settles(sql, &wanted).await;
        }
    }
}

#[tokio::test]
async fn killed_between_patches_the_settings_are_the_phones() {
    let kills = number("WMCTL_CRASH_KILLS", 8);
    let seed = number("WMCTL_CRASH_SEED", 1);
    let mut random = StdRng::seed_from_u64(u64::from(seed));
    let stage = Stage::set().await;
    let mut wanted = Wanted::default();
    for kill in 0..kills {
        let mut run = stage.run();
        let mut life_ms = random.random_range(1..=LIFE_MS_MAX);
        for _ in 0..SETTINGS {
            stage
                .sim
                .set(NUMBER, wanted.change(&mut random))
                .await
                .unwrap();
            // The test is about the moment of the kill, so nothing is awaited here.
            let pause_ms = life_ms.min(random.random_range(0..LIFE_MS_MAX / 8));
            tokio::time::sleep(Duration::from_millis(pause_ms)).await;
            life_ms -= pause_ms;
        }
        run.kill().await;
        if kill % 3 == 2 {
            // The next process must start from snapshots.
            stage.sim.compact(NUMBER).await.unwrap();
        }
    }
    let mut run = stage.run();
    wanted.settles(&stage).await;
    // Later settings still arrive after all the kills.
    stage
        .sim
        .set(NUMBER, wanted.change(&mut random))
        .await
        .unwrap();
    wanted.settles(&stage).await;
    assert_eq!(stage.sim.breaches().await.unwrap(), [], "seed {seed}");
    run.terminate().await;
    assert!(run.ended().await.success());
}
