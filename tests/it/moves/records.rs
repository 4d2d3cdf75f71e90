//! An account chats with whatsmeow itself, moves to wmctl, and moves back to whatsmeow. No message
//! is requested again and none is lost, not even one that was in transit.

use std::path::Path;

use wmctl::sim::{Addressing, Direction, Fault, FaultKind};

use super::chat::{CARLA, elsewhere, undisturbed, url};
use crate::support::meow::Whatsmeow;
use crate::support::ours::{Ours, Resting};
use crate::support::postgres::Postgres;
use crate::support::records;
use crate::support::world::World;

const OURS: &str = "491510000011";
/// A contact who uses whatsmeow throughout.
const BERT: &str = "491510000012";

/// The moving account, and the program that runs it.
enum Runs {
    Whatsmeow(Whatsmeow),
    Wmctl(Ours),
}

impl Runs {
    async fn send(&mut self, to: &str, text: &str) {
        match self {
            Self::Whatsmeow(client) => client.send(to, text).await,
            Self::Wmctl(ours) => {
                let user = to.strip_suffix("@s.whatsapp.net");
                let to = user.map_or(to.to_owned(), |user| format!("+{user}"));
                ours.send(&to, text).await;
            }
        }
    }

    async fn message(&mut self, text: &str) {
        match self {
            Self::Whatsmeow(client) => client.message(text).await,
            Self::Wmctl(ours) => {
                ours.message(text).await;
                assert_eq!(ours.messages_left(text), 0);
            }
        }
    }
}

/// The account's direct chat with Bert, and the groups with Bert and Carla.
struct Chats {
    bert: Whatsmeow,
    groups: Vec<String>,
}

impl Chats {
    /// Sends several texts each way, directly and in each group, so that ratchets advance.
    async fn talk(&mut self, world: &World, ours: &mut Runs, when: &str) {
        let own = format!("{OURS}@s.whatsapp.net");
        let mut pairs = vec![(self.bert.jid(), own)];
        pairs.extend(
            self.groups
                .iter()
                .map(|group| (group.clone(), group.clone())),
        );
        for round in 0..3 {
            for (to, theirs) in &pairs {
                let text = format!("to Bert, {to}, {when}, {round}");
                ours.send(to, &text).await;
                self.bert.message(&text).await;
                let text = format!("to us, {theirs}, {when}, {round}");
                self.bert.send(theirs, &text).await;
                ours.message(&text).await;
            }
        }
        let carla = format!("{CARLA}@s.whatsapp.net");
        for (to, theirs) in [(&carla, OURS), (&self.groups[0], &self.groups[0])] {
            let text = format!("to Carla, {to}, {when}");
            ours.send(to, &text).await;
            world.read_by(CARLA, &text).await;
            let text = format!("Carla to us, {theirs}, {when}");
            world.sim.phone_sends(CARLA, theirs, &text).await.unwrap();
            ours.message(&text).await;
        }
    }

    /// Delays one text to the account, directly and in a group, and delivers the next one, so that
    /// the account keeps skipped message keys. Returns the delayed texts.
    async fn overtake(&mut self, world: &World, ours: &mut Runs, when: &str) -> Vec<String> {
        let mut late = Vec::new();
        for to in [format!("{OURS}@s.whatsapp.net"), self.groups[0].clone()] {
            let fault = Fault {
                kind: FaultKind::Drop,
                number: Some(OURS.into()),
                direction: Direction::Out,
                tag: Some("message".into()),
                times: 1,
                per_mille: 1_000,
            };
            world.sim.add_fault(fault).await.unwrap();
            let text = format!("late, {to}, {when}");
            self.bert.send(&to, &text).await;
            late.push(text);
            let text = format!("overtook it, {to}, {when}");
            self.bert.send(&to, &text).await;
            ours.message(&text).await;
        }
        late
    }
}

/// Checks that the exported records are whatsmeow's, byte for byte, and contain keys of skipped
/// messages.
async fn check_export(file: &Path, ours: &Resting, server: Option<&Postgres>) {
    let both = super::records_of(file, ours, server).await;
    assert!(
        both.iter()
            .any(|(exported, _)| exported.contains("CipherKey"))
    );
    assert!(both.iter().any(|(exported, _)| exported.contains("Seed")));
    for (exported, own) in both {
        let own = match exported.contains("SenderKeyStates") {
            true => records::sender_key(&own),
            false => records::ratchet(&own),
        };
        assert_eq!(exported, own);
    }
}

async fn there_and_back(server: Option<Postgres>) {
    let world = World::start().await;
    world.sim.add_account(CARLA, "Carla").await.unwrap();
    let bert = world.whatsmeow(BERT).await;
    let mut ours = Runs::Whatsmeow(world.whatsmeow(OURS).await);
    let mut groups = Vec::new();
    for addressing in [Addressing::Lid, Addressing::Pn] {
        let members = [OURS, BERT, CARLA];
        let group = world.sim.create_group("Trip", &members, addressing).await;
        groups.push(group.unwrap().to_string());
    }
    let mut chats = Chats { bert, groups };
    chats.talk(&world, &mut ours, "before").await;
    let late = chats.overtake(&world, &mut ours, "before").await;
    let Runs::Whatsmeow(client) = ours else {
        unreachable!("whatsmeow began");
    };
    let file = client.quit().await;

    let guest = world.guest(OURS);
    let database = match &server {
        Some(server) => server.url("wm"),
        None => url(&guest.wmctl.database()),
    };
    let guest = elsewhere(&guest, &database, "acme");
    guest.wmctl.done(&["migrate", "up"]).await;
    let import = ["migrate", "import", "--from", &url(&file)];
    guest.wmctl.done(&import).await;
    let mut ours = Runs::Wmctl(guest.wake().await);
    for text in &late {
        ours.message(text).await;
    }
    chats.talk(&world, &mut ours, "with us").await;
    let late = chats.overtake(&world, &mut ours, "with us").await;
    let Runs::Wmctl(run) = ours else {
        unreachable!("it is ours now");
    };
    let resting = run.rest().await;

    let file = world.folder().join("back.db");
    let export = ["migrate", "export", "--to", &url(&file)];
    resting.wmctl.done(&export).await;
    check_export(&file, &resting, server.as_ref()).await;
    let client = world.whatsmeow_with(OURS, &file).await;
    let mut ours = Runs::Whatsmeow(client);
    for text in &late {
        ours.message(text).await;
    }
    chats.talk(&world, &mut ours, "back").await;
    let Runs::Whatsmeow(client) = ours else {
        unreachable!("it is whatsmeow's again");
    };
    client.quit().await;
    chats.bert.quit().await;
    undisturbed(&world).await;
}

#[tokio::test]
async fn whatsmeow_hands_an_account_to_a_file_and_takes_it_back() {
    there_and_back(None).await;
}

#[tokio::test]
async fn whatsmeow_hands_an_account_to_a_server_and_takes_it_back() {
    let server = Postgres::start();
    server.create("wm");
    there_and_back(Some(server)).await;
}
