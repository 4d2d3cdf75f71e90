//! The guarantees of the store on every database.

use wmctl::config::retention::Limit;
use wmctl::ids::{Jid, MessageId};
use wmctl::session::account::AccountUpdate;
use wmctl::session::changes::{Change, Event, EventBody, MessageEvent};
use wmctl::session::rows::{
    Contact, Dedupe, DeviceList, HistoryRow, OutboxState, RetryRow, Row, RowKey, SenderKeyShare,
    Unread,
};
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::migrate::SCHEMA_VERSION;
use wmctl::store::outbox::queue::NewMessage;
use wmctl::store::retention::{Kind, Mode};

use super::Database;
use super::samples::{account, banned, owner, paired, pre_key, rows, signed, tenant};

pub(super) async fn many_hosts_migrate_at_once(database: &Database) {
    const HOSTS: usize = 50;
    // The first opening creates the file. Two at once would race for its journal mode.
    Store::open(&database.url).await.unwrap().close().await;
    let mut hosts = tokio::task::JoinSet::new();
    for _ in 0..HOSTS {
        let url = database.url.clone();
        hosts.spawn(async move {
            let store = open_patiently(&url).await;
            let done = store.migrate(5).await.unwrap();
            store.close().await;
            done
        });
    }
    let done: Vec<i64> = hosts.join_all().await.concat();
    assert_eq!(done, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
    let store = Store::open(&database.url).await.unwrap();
    store.check_schema().await.unwrap();
    let status = store.migrations().await.unwrap();
    assert!(
        status.iter().all(|line| line.applied_ms == Some(5)),
        "{status:?}"
    );
}

/// Opens the store, with retries: fifty hosts with a pool each may briefly fill the server.
async fn open_patiently(url: &wmctl::config::DatabaseUrl) -> Store {
    loop {
        match Store::open(url).await {
            Ok(store) => return store,
            Err(error) if error.is_transient() => tokio::task::yield_now().await,
            Err(error) => panic!("{error:?}"),
        }
    }
}

pub(super) async fn a_schema_that_is_not_ours_is_refused(database: &Database) {
    let store = Store::open(&database.url).await.unwrap();
    let pending = store.check_schema().await;
    assert!(
        matches!(pending, Err(StoreError::Schema { found: 0, .. })),
        "{pending:?}"
    );
    store.migrate(1).await.unwrap();
    super::raw(
        database,
        "UPDATE wmctl_migration SET checksum = (
            SELECT checksum FROM wmctl_migration WHERE version = 1
        ) WHERE version = (SELECT MAX(version) FROM wmctl_migration)",
    )
    .await;
    let edited = store.migrate(1).await;
    assert!(
        matches!(
            edited,
            Err(StoreError::Checksum {
                version: SCHEMA_VERSION
            })
        ),
        "{edited:?}"
    );
    super::raw(
        database,
        "UPDATE wmctl_migration SET version = 99
            WHERE version = (SELECT MAX(version) FROM wmctl_migration)",
    )
    .await;
    let newer = store.check_schema().await;
    assert!(
        matches!(newer, Err(StoreError::Schema { found: 99, .. })),
        "{newer:?}"
    );
}

pub(super) async fn an_account_comes_back_as_it_was_paired(database: &Database) {
    let store = database.store().await;
    assert_eq!(store.account(&tenant()).await.unwrap(), None);
    let lease = paired(&store).await;
    assert_eq!(store.account(&tenant()).await.unwrap(), Some(account()));
    assert_eq!(store.tenants().await.unwrap(), [tenant()]);
    // Pairing again replaces the device and everything that belonged to the old one.
    let ratchet = rows().remove(0);
    let put = Change::Put(ratchet.0.clone(), ratchet.1);
    store.commit(&lease, &owner(), &[put]).await.unwrap();
    let mut again = account();
    again.jid.device = 8;
    let mut new_owner = owner();
    new_owner.jid = again.jid.clone();
    let change = Change::Paired(Box::new(again.clone()));
    store.commit(&lease, &new_owner, &[change]).await.unwrap();
    assert_eq!(store.account(&tenant()).await.unwrap(), Some(again));
    let old = store
        .read(&owner(), std::slice::from_ref(&ratchet.0))
        .await
        .unwrap();
    assert_eq!(old, [(ratchet.0, None)]);
}

pub(super) async fn updates_change_only_what_they_name(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let changes = [
        Change::Update(AccountUpdate {
            push_name: Some("New".to_owned()),
            ..Default::default()
        }),
        Change::Update(AccountUpdate {
            signed_pre_key: Some(signed(6)),
            ..Default::default()
        }),
        Change::Update(AccountUpdate {
            ended: Some(Some(banned())),
            ..Default::default()
        }),
        Change::NewPreKeys(vec![pre_key(813), pre_key(814), pre_key(815)]),
        Change::PreKeysUploaded { up_to: 814 },
    ];
    store.commit(&lease, &owner(), &changes).await.unwrap();
    let mut expected = account();
    expected.push_name = "New".to_owned();
    expected.signed_pre_key = signed(6);
    expected.ended = Some(banned());
    expected.next_pre_key_id = 816;
    assert_eq!(store.account(&tenant()).await.unwrap(), Some(expected));
    assert_eq!(
        store.pre_keys_not_uploaded(&owner()).await.unwrap(),
        [pre_key(815)]
    );
    let clear = AccountUpdate {
        ended: Some(None),
        ..Default::default()
    };
    store
        .commit(&lease, &owner(), &[Change::Update(clear)])
        .await
        .unwrap();
    assert_eq!(store.account(&tenant()).await.unwrap().unwrap().ended, None);
}

pub(super) async fn every_kind_of_row_comes_back(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    // Twice: the second time every statement finds its row.
    for _ in 0..2 {
        let changes: Vec<_> = rows()
            .into_iter()
            .map(|(key, row)| Change::Put(key, row))
            .collect();
        store.commit(&lease, &owner(), &changes).await.unwrap();
        for (key, row) in rows() {
            let found = store
                .read(&owner(), std::slice::from_ref(&key))
                .await
                .unwrap();
            assert_eq!(found, [(key, Some(row))]);
        }
    }
    let behind = RowKey::PnOf(Jid::lid("777"));
    let found = store
        .read(&owner(), std::slice::from_ref(&behind))
        .await
        .unwrap();
    assert_eq!(found, [(behind, Some(Row::User(Jid::user("491600"))))]);
    // A phone number that moves to another account changes its pair.
    let moved = Change::Put(
        RowKey::LidOf(Jid::user("491600")),
        Row::User(Jid::lid("888")),
    );
    store.commit(&lease, &owner(), &[moved]).await.unwrap();
    let old = store
        .read(&owner(), &[RowKey::PnOf(Jid::lid("777"))])
        .await
        .unwrap();
    assert_eq!(old[0].1, None);
    // Writing a contact adds to it.
    let their = RowKey::Contact(Jid::user("491600"));
    let name = Contact {
        full_name: Some("Ann B".to_owned()),
        ..Contact::default()
    };
    let put = Change::Put(their.clone(), Row::Contact(name));
    store.commit(&lease, &owner(), &[put]).await.unwrap();
    let found = store.read(&owner(), &[their]).await.unwrap();
    let Some(Row::Contact(contact)) = &found[0].1 else {
        panic!("{found:?}")
    };
    assert_eq!(
        (contact.full_name.as_deref(), contact.push_name.as_deref()),
        (Some("Ann B"), Some("Ann"))
    );
}

pub(super) async fn deleted_rows_are_gone(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let puts: Vec<_> = rows()
        .into_iter()
        .map(|(key, row)| Change::Put(key, row))
        .collect();
    store.commit(&lease, &owner(), &puts).await.unwrap();
    let keys: Vec<_> = rows().into_iter().map(|(key, _)| key).collect();
    let deletions: Vec<_> = keys.iter().cloned().map(Change::Delete).collect();
    store.commit(&lease, &owner(), &deletions).await.unwrap();
    let found = store.read(&owner(), &keys).await.unwrap();
    assert!(found.iter().all(|(_, row)| row.is_none()), "{found:?}");
}

pub(super) async fn whole_tables_change_at_once(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let (one, two) = (Jid::lid("1").with_device(2), Jid::lid("12"));
    let share = |chat: &str, devices: &[&Jid]| {
        let share = SenderKeyShare {
            key_id: 5,
            devices: devices.iter().map(|device| device.address()).collect(),
        };
        let key = RowKey::SenderKeyShare(Jid::group(chat));
        Change::Put(key, Row::SenderKeyShare(share))
    };
    let group = RowKey::Group(Jid::group("120"));
    let keys: Vec<RowKey> = (1..=4).map(RowKey::PreKey).collect();
    let mut changes = vec![
        share("120", &[&one, &two]),
        share("121", &[&one]),
        share("122", &[&two]),
        Change::NewPreKeys((1..=4).map(pre_key).collect()),
    ];
    let sample = rows()
        .into_iter()
        .find(|(key, _)| matches!(key, RowKey::Group(_)));
    changes.push(Change::Put(group.clone(), sample.unwrap().1));
    store.commit(&lease, &owner(), &changes).await.unwrap();
    let changes = [
        Change::Unshare(vec![one.address(), Jid::lid("9").address()]),
        Change::ForgetPreKeys { from: 1, to: 3 },
        Change::GroupsUnsure,
    ];
    store.commit(&lease, &owner(), &changes).await.unwrap();

    for (chat, left) in [("120", vec![&two]), ("121", vec![]), ("122", vec![&two])] {
        let key = RowKey::SenderKeyShare(Jid::group(chat));
        let found = store.read(&owner(), &[key]).await.unwrap();
        let Some(Row::SenderKeyShare(share)) = &found[0].1 else {
            panic!("{found:?}");
        };
        let left: Vec<_> = left.into_iter().map(Jid::address).collect();
        assert_eq!(share.devices, left, "{chat}");
    }
    let found = store.read(&owner(), &keys).await.unwrap();
    let there: Vec<bool> = found.iter().map(|(_, row)| row.is_some()).collect();
    assert_eq!(there, [false, false, true, true]);
    let found = store.read(&owner(), &[group]).await.unwrap();
    let Some(Row::Group(info)) = &found[0].1 else {
        panic!("{found:?}");
    };
    assert_eq!(info.fetched_ms, 0);
    assert!(!info.participants.is_empty());
}

pub(super) async fn a_person_is_found_under_either_name(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let (pn, lid) = (Jid::user("491600"), Jid::lid("777"));
    let pair = Change::Put(RowKey::LidOf(pn.clone()), Row::User(lid.clone()));
    store.commit(&lease, &owner(), &[pair]).await.unwrap();
    let other = async |jid: &Jid| store.other_name(&tenant(), jid).await.unwrap();
    assert_eq!(other(&pn.clone().with_device(3)).await, Some(lid.clone()));
    assert_eq!(other(&lid).await, Some(pn));
    assert_eq!(other(&Jid::lid("778")).await, None);
    assert_eq!(other(&Jid::group("777")).await, None);
}

pub(super) async fn an_event_has_both_names_of_its_chat(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let Change::Event(mut event) = message(1) else {
        unreachable!();
    };
    event.alt = Some(Jid::lid("777"));
    let person = Event {
        dedupe: None,
        at_ms: 2,
        alt: Some(Jid::user("491600")),
        body: EventBody::IdentityChanged {
            user: Jid::lid("777"),
        },
    };
    let changes = [Change::Event(event), Change::Event(Box::new(person))];
    store.commit(&lease, &owner(), &changes).await.unwrap();
    let events = store.events(&tenant(), 1, 10).await.unwrap();
    let detail =
        |at: usize| -> serde_json::Value { serde_json::from_str(&events[at].detail).unwrap() };
    assert_eq!(detail(0)["chat_alt"], "777@lid");
    assert_eq!(detail(1)["sender_alt"], "491600@s.whatsapp.net");
}

pub(super) async fn of_many_ratchets_those_of_strangers_go(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let known = [Jid::lid("3").with_device(5), Jid::user("4")];
    let strangers = [Jid::lid("1"), Jid::lid("33"), Jid::user("5").with_device(2)];
    let rows_of = |device: &Jid| {
        let (address, chat) = (device.address(), Jid::group("120"));
        let sender = address.clone();
        [
            (RowKey::Ratchet(address.clone()), Row::Record(vec![1])),
            (RowKey::Identity(address), Row::Identity([2; 32])),
            (RowKey::SenderKey { chat, sender }, Row::Record(vec![3])),
        ]
    };
    let puts = known.iter().chain(&strangers).flat_map(rows_of);
    let mut changes: Vec<_> = puts.map(|(key, row)| Change::Put(key, row)).collect();
    for device in &known {
        let list = Row::Devices(DeviceList::default());
        changes.push(Change::Put(RowKey::Devices(device.bare()), list));
    }
    store.commit(&lease, &owner(), &changes).await.unwrap();
    let left = async || {
        let mut left = Vec::new();
        for device in known.iter().chain(&strangers) {
            let keys = rows_of(device).map(|(key, _)| key);
            let found = store.read(&owner(), &keys).await.unwrap();
            let there = found.iter().filter(|(_, row)| row.is_some()).count();
            assert!(there == 0 || there == 3, "{device} has {there} rows");
            left.push(0 < there);
        }
        left
    };
    // Exactly at the limit; then below it; then below the number of people that we wrote to.
    for (count, expected) in [
        (5, [1, 1, 1, 1, 1]),
        (4, [1, 1, 0, 1, 1]),
        (1, [1, 1, 0, 0, 0]),
    ] {
        let limit = Limit {
            age: None,
            count: Some(count),
        };
        let tenant = tenant();
        let pruning = store.pruning(&tenant, Kind::Ratchets, limit, 0);
        let mut pruning = pruning.await.unwrap();
        while !pruning.done {
            store.prune(&mut pruning, Mode::ByHand).await.unwrap();
        }
        assert_eq!(left().await, expected.map(|there| there == 1), "{count}");
    }
}

pub(super) async fn the_oldest_unread_message_comes_first(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let row = |first_ms: i64, asked: Option<bool>| RetryRow {
        count: 1,
        first_ms,
        unread: asked.map(|asked| Unread {
            chat: Jid::group("120"),
            sender: Jid::lid("777"),
            id: "ID".parse().unwrap(),
            asked,
        }),
    };
    let next = async || {
        let found = store.read(&owner(), &[RowKey::NextUnread]).await.unwrap();
        found[0].1.clone()
    };
    let put = |name: &str, row: RetryRow| {
        Change::Put(RowKey::Retry(Dedupe(name.to_owned())), Row::Retry(row))
    };
    assert_eq!(next().await, None);
    let changes = [
        put("asked", row(1, Some(true))),
        put("quiet", row(2, None)),
        put("later", row(4, Some(false))),
        put("next", row(3, Some(false))),
    ];
    store.commit(&lease, &owner(), &changes).await.unwrap();
    for name in ["next", "later"] {
        assert_eq!(next().await, Some(Row::Unread(Dedupe(name.to_owned()))));
        let asked = [put(name, row(3, Some(true)))];
        store.commit(&lease, &owner(), &asked).await.unwrap();
    }
    assert_eq!(next().await, None);
}

fn message(number: u32) -> Change {
    let chat = Jid::user("491600");
    Change::Event(Box::new(Event {
        dedupe: Some(Dedupe(format!("m:{number}"))),
        at_ms: i64::from(number),
        alt: None,
        body: EventBody::Message(MessageEvent {
            sender: chat.clone().with_device(3),
            chat,
            sender_alt: None,
            id: format!("ID{number}").parse().unwrap(),
            from_me: false,
            push_name: None,
            kind: "text",
            text: Some(format!("number {number} with a \0 inside")),
            payload: vec![0, 1, number as u8],
            offline: true,
        }),
    }))
}

pub(super) async fn events_are_numbered_and_come_once(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let first = store
        .commit(&lease, &owner(), &[message(1), message(2)])
        .await
        .unwrap();
    assert_eq!(first.events, [Some(1), Some(2)]);
    let second = store
        .commit(&lease, &owner(), &[message(2), message(3)])
        .await
        .unwrap();
    assert_eq!(second.events, [None, Some(4)]);
    let seen = RowKey::Seen(Dedupe("m:3".to_owned()));
    let found = store
        .read(&owner(), std::slice::from_ref(&seen))
        .await
        .unwrap();
    assert_eq!(found, [(seen, Some(Row::Seen(4)))]);
    let events = store.events(&tenant(), 2, 10).await.unwrap();
    assert_eq!(
        events.iter().map(|event| event.seq).collect::<Vec<_>>(),
        [2, 4]
    );
    assert_eq!(
        events[0].text.as_deref(),
        Some("number 2 with a \u{fffd} inside")
    );
    assert_eq!(events[0].payload.as_deref(), Some(&[0, 1, 2][..]));
    let detail: serde_json::Value = serde_json::from_str(&events[0].detail).unwrap();
    assert_eq!(detail["offline"], true);
}

pub(super) async fn the_outbox_keeps_order_and_idempotency(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let new = |id: &str, key: Option<&str>| NewMessage {
        id: id.parse().unwrap(),
        to: Jid::user("491600"),
        body: vec![1, 2],
        idempotency_key: key.map(str::to_owned),
        account: owner().jid,
        expires_ms: Some(99),
    };
    let tenant = tenant();
    for (id, key, given) in [
        ("A", None, "A"),
        ("B", Some("k"), "B"),
        ("C", Some("k"), "B"),
        ("D", None, "D"),
        ("D", None, "D"),
    ] {
        let got = store.enqueue(&tenant, &new(id, key), 7).await.unwrap();
        assert_eq!(got.as_str(), given);
    }
    // A message with a used key but another text or recipient is refused.
    let (mut other, mut elsewhere) = (new("E", Some("k")), new("F", Some("k")));
    other.body = vec![3];
    elsewhere.to = Jid::user("491601");
    for message in [&other, &elsewhere] {
        let refused = store.enqueue(&tenant, message, 7).await;
        assert!(
            matches!(&refused, Err(StoreError::KeyReused { id }) if id == "B"),
            "{refused:?}"
        );
    }
    let together = [new("G", Some("g")), other, new("H", Some("g"))];
    let taken = store.enqueue_all(&tenant, &together, 7).await.unwrap();
    let taken: Vec<_> = taken.iter().map(|one| one.as_ref().ok()).collect();
    let id = |text: &str| -> MessageId { text.parse().unwrap() };
    assert_eq!(taken, [Some(&id("G")), None, Some(&id("G"))]);
    let open = store.outbox_open(&tenant, 0).await.unwrap();
    let ids: Vec<_> = open.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(ids, ["A", "B", "D", "G"]);
    assert_eq!(
        store.outbox_open(&tenant, open[0].1).await.unwrap(),
        open[1..]
    );
    let id: MessageId = "A".parse().unwrap();
    let mut row = store.outbox_row(&tenant, &id).await.unwrap().unwrap();
    assert_eq!(
        (row.state, row.queued_ms, row.stanza.clone()),
        (OutboxState::Queued, 7, None)
    );
    assert_eq!(
        (row.account.clone(), row.expires_ms),
        (Some(owner().jid), Some(99))
    );
    row.state = OutboxState::Sent;
    row.stanza = Some(vec![9]);
    row.sent_ms = Some(11);
    let put = Change::Put(RowKey::Outbox(id.clone()), Row::Outbox(row.clone()));
    store.commit(&lease, &owner(), &[put]).await.unwrap();
    assert_eq!(store.outbox_row(&tenant, &id).await.unwrap(), Some(row));
    assert_eq!(store.outbox_open(&tenant, 0).await.unwrap().len(), 3);
}

pub(super) async fn histories_wait_in_order_and_keep_their_place(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let of = |number: i64| HistoryRow {
        dedupe: Dedupe(format!("history|{number}")),
        at_ms: number,
        notification: vec![0, number as u8],
        done: 0,
        failures: 0,
    };
    let put = |row: HistoryRow| Change::Put(RowKey::History(row.dedupe.clone()), Row::History(row));
    let far = |number: i64, done: u64, failures: u32| {
        let key = RowKey::HistoryDone(of(number).dedupe);
        Change::Put(key, Row::HistoryDone { done, failures })
    };
    let gone = |number: i64| Change::Delete(RowKey::History(of(number).dedupe));
    let next = async || {
        let found = store.read(&owner(), &[RowKey::NextHistory]).await.unwrap();
        match found.into_iter().next().unwrap().1 {
            Some(Row::History(row)) => Some((row.at_ms, row.done, row.failures)),
            _ => None,
        }
    };
    for (changes, expected) in [
        (vec![put(of(2)), put(of(1))], Some((1, 0, 0))),
        // A history that is announced again keeps its progress. One that failed lets others go
        // first.
        (vec![far(1, 64, 0), put(of(1))], Some((1, 64, 0))),
        (vec![far(1, 64, 1)], Some((2, 0, 0))),
        (vec![gone(2)], Some((1, 64, 1))),
        // A newly paired device has no old history.
        (vec![Change::Paired(Box::new(account()))], None),
    ] {
        store.commit(&lease, &owner(), &changes).await.unwrap();
        assert_eq!(next().await, expected, "{changes:?}");
    }
    store.commit(&lease, &owner(), &[put(of(3))]).await.unwrap();
    let key = RowKey::History(of(3).dedupe);
    let found = store.read(&owner(), &[key]).await.unwrap();
    assert_eq!(found[0].1, Some(Row::History(of(3))));
}

pub(super) async fn a_failed_unit_leaves_nothing(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    let ratchet = rows().remove(0);
    let good = Change::Put(ratchet.0.clone(), ratchet.1);
    // The last change violates a constraint: the hash of a collection has 128 bytes.
    let key = RowKey::AppStateVersion(wmctl::session::rows::Collection::Regular);
    let bad = Change::Put(
        key,
        Row::AppStateVersion {
            version: 1,
            hash: vec![1],
        },
    );
    let failed = store
        .commit(&lease, &owner(), &[good, message(1), bad])
        .await;
    assert!(matches!(failed, Err(StoreError::Refused(_))), "{failed:?}");
    let found = store.read(&owner(), &[ratchet.0]).await.unwrap();
    assert_eq!(found[0].1, None);
    assert_eq!(store.events(&tenant(), 0, 10).await.unwrap(), []);
}
