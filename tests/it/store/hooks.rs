//! Positions of webhooks: they move only behind the fence, and retention respects them.

use std::time::Duration;

use wmctl::config::retention::Limit;
use wmctl::store::Store;
use wmctl::store::error::StoreError;
use wmctl::store::lease::Lease;
use wmctl::store::retention::{Kind, Mode};
use wmctl::store::tenants::api_keys::Audit;
use wmctl::store::webhooks::cursor::Outcome;
use wmctl::store::webhooks::{Added, SecretText, WEBHOOKS_MAX, Webhook, WebhookPosition};

use super::samples::{paired, tenant};
use super::{Database, raw};

const NOW_MS: i64 = 100_000_000;

fn audit() -> Audit {
    Audit {
        id: String::new(),
        at_ms: 1,
        actor: "test".into(),
        action: "test",
        tenant: Some(tenant()),
        detail: String::new(),
        request_id: None,
    }
}

fn webhook(id: &str, kinds: &str) -> Webhook {
    Webhook {
        id: id.into(),
        url: "https://crm.example/".into(),
        secret: SecretText::new("not really a secret".into()),
        kinds: kinds.into(),
        batch: 1,
        paused: None,
        created_ms: 1,
        test_asked: 0,
    }
}

async fn add(store: &Store, number: u32, webhook: &Webhook, after: Option<i64>) -> Added {
    let audit = Audit {
        id: format!("audit-{number}"),
        ..audit()
    };
    let (tenant, version) = (tenant(), number.into());
    let added = store.add_webhook(&tenant, webhook, after, version, &audit);
    added.await.unwrap()
}

/// Inserts `count` events, stored one second apart. Odd ones are messages, even ones are receipts.
async fn events(database: &Database, count: i64) {
    for seq in 1..=count {
        let kind = if seq % 2 == 1 { "message" } else { "receipt" };
        let sql = format!(
            "INSERT INTO wmctl_event (business_id, seq, at_ms, kind, text, detail, stored_ms)
             VALUES ('acme', {seq}, {seq}, '{kind}', 'number {seq}', '{{}}', {})",
            seq * 1_000
        );
        raw(database, &sql).await;
    }
}

async fn place(store: &Store, id: &str) -> WebhookPosition {
    store.webhook(&tenant(), id).await.unwrap().unwrap().1
}

fn passed(from: i64, to: i64) -> Outcome {
    let delivered = 1;
    Outcome::Passed {
        from,
        to,
        delivered,
    }
}

fn dead(from: i64, to: i64) -> Outcome {
    let failure = failure();
    Outcome::Dead { from, to, failure }
}

fn failure() -> String {
    String::from("the receiver answers 500")
}

async fn settle(store: &Store, lease: &Lease, outcome: Outcome) -> bool {
    let settled = store.settle(lease, "crm", &outcome, NOW_MS).await;
    settled.unwrap()
}

/// Returns number and attempts of each dead letter of a webhook.
async fn letters(store: &Store, id: &str) -> Vec<(i64, i64)> {
    let letters = store.dead_letters(&tenant(), id, 0, 10).await.unwrap();
    letters.iter().map(|one| (one.seq, one.attempts)).collect()
}

pub(super) async fn a_webhook_is_moved_by_the_leaseholder_alone(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    events(database, 6).await;
    let hook = webhook("crm", "message");
    assert_eq!(add(&store, 1, &hook, Some(0)).await, Added::Done);
    assert_eq!(add(&store, 2, &hook, None).await, Added::Taken);
    let due = store.due(&tenant(), 0, 3).await.unwrap();
    let due: Vec<_> = due.iter().map(|(event, at)| (event.seq, *at)).collect();
    assert_eq!(due, [(1, 1_000), (2, 2_000), (3, 3_000)]);

    assert!(settle(&store, &lease, passed(0, 1)).await);
    assert!(
        !settle(&store, &lease, passed(0, 1)).await,
        "it moved already"
    );
    for _ in 0..2 {
        let (from, failure) = (1, failure());
        assert!(settle(&store, &lease, Outcome::Failed { from, failure }).await);
    }
    let now = place(&store, "crm").await;
    assert_eq!((now.seq, now.attempts, now.delivered), (1, 2, 1));
    assert_eq!(now.failure, Some(failure()));
    assert!(settle(&store, &lease, dead(1, 3)).await);
    let now = place(&store, "crm").await;
    assert_eq!((now.seq, now.attempts), (3, 0));
    // The webhook does not want the receipt before it.
    assert_eq!(letters(&store, "crm").await, [(3, 3)]);

    raw(
        database,
        "UPDATE wmctl_lease SET epoch = epoch + 1, owner = NULL",
    )
    .await;
    let (name, seq, outcome) = (7, 3, failure());
    for outcome in [
        passed(3, 5),
        dead(3, 5),
        Outcome::Tested { name, outcome },
        Outcome::LetterDelivered { seq },
    ] {
        let stale = store.settle(&lease, "crm", &outcome, NOW_MS).await;
        let lost = matches!(stale, Err(StoreError::LeaseLost { .. }));
        assert!(lost, "{outcome:?}: {stale:?}");
    }
    assert_eq!(place(&store, "crm").await.seq, 3);
    assert_eq!(letters(&store, "crm").await, [(3, 3)]);
}

pub(super) async fn a_dead_letter_is_sent_on_demand(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    events(database, 3).await;
    add(&store, 1, &webhook("crm", ""), Some(2)).await;
    assert!(settle(&store, &lease, dead(2, 3)).await);
    // The letter contains the whole event, which may be deleted by then.
    raw(database, "DELETE FROM wmctl_event WHERE seq = 3").await;
    assert_eq!(store.due_letter(&tenant(), "crm").await.unwrap(), None);
    let (name, audit) = (tenant(), audit());
    let again = store.ask_redelivery(&name, "crm", None, 9, &audit);
    assert_eq!(again.await.unwrap(), 1);
    let ((event, stored_ms), tries) = store.due_letter(&name, "crm").await.unwrap().unwrap();
    assert_eq!(event.text.as_deref(), Some("number 3"));
    assert_eq!((stored_ms, tries), (3_000, 1));
    let (seq, failure) = (3, failure());
    let failed = Outcome::LetterFailed { seq, failure };
    assert!(settle(&store, &lease, failed).await);
    assert_eq!(store.due_letter(&name, "crm").await.unwrap(), None);
    assert_eq!(letters(&store, "crm").await, [(3, 2)]);
    assert!(settle(&store, &lease, Outcome::LetterDelivered { seq }).await);
    assert_eq!(letters(&store, "crm").await, []);
    let (from, failure) = (3, String::new());
    assert!(settle(&store, &lease, Outcome::Gone { from, failure }).await);
    let (gone, place) = store.webhook(&name, "crm").await.unwrap().unwrap();
    assert_eq!((gone.paused.as_deref(), place.delivered), (Some("gone"), 1));
}

pub(super) async fn webhooks_of_a_tenant_are_few(database: &Database) {
    let store = database.store().await;
    paired(&store).await;
    let mark = store.webhooks_mark().await.unwrap();
    for number in 0..WEBHOOKS_MAX {
        let hook = webhook(&format!("hook-{number}"), "");
        assert_eq!(
            add(&store, u32::try_from(number).unwrap(), &hook, None).await,
            Added::Done
        );
    }
    assert_eq!(
        add(&store, 99, &webhook("one-more", ""), None).await,
        Added::TooMany
    );
    assert_ne!(store.webhooks_mark().await.unwrap(), mark);
    let all = store.webhooks(&tenant()).await.unwrap();
    assert_eq!(i64::try_from(all.len()).unwrap(), WEBHOOKS_MAX);
    assert!(
        store
            .remove_webhook(&tenant(), "hook-0", &audit())
            .await
            .unwrap()
    );
    assert!(
        !store
            .remove_webhook(&tenant(), "hook-0", &audit())
            .await
            .unwrap()
    );
    let marks = store.webhooks_marks().await.unwrap();
    assert_eq!(marks, [("acme".to_owned(), (1..WEBHOOKS_MAX).sum())]);
    // Purging a tenant deletes all of this.
    store
        .purge(
            &tenant(),
            &Audit {
                id: "purge".into(),
                ..audit()
            },
        )
        .await
        .unwrap();
    assert!(store.webhooks_marks().await.unwrap().is_empty());
}

pub(super) async fn what_a_webhook_has_not_got_is_kept(database: &Database) {
    let store = database.store().await;
    let lease = paired(&store).await;
    events(database, 20).await;
    add(&store, 1, &webhook("slow", "message"), Some(4)).await;
    add(&store, 2, &webhook("quick", ""), Some(20)).await;
    let limit = Limit {
        age: Some(Duration::from_secs(3_600)),
        count: None,
    };
    // Of twenty old events, sixteen wait for a webhook. Ten of those are kept.
    let mode = Mode::Fenced(&lease);
    let mut pruning = store
        .pruning(&tenant(), Kind::Events, limit, NOW_MS)
        .await
        .unwrap();
    assert_eq!(store.bury(&mut pruning, 10, mode).await.unwrap(), 3);
    while !pruning.done {
        store.prune(&mut pruning, mode).await.unwrap();
    }
    let left = store.due(&tenant(), 0, 100).await.unwrap();
    let left: Vec<i64> = left.iter().map(|(event, _)| event.seq).collect();
    assert_eq!(left, (11..=20).collect::<Vec<i64>>());
    // The webhook does not want receipts.
    assert_eq!(letters(&store, "slow").await, [(5, 0), (7, 0), (9, 0)]);
    assert_eq!(place(&store, "slow").await.seq, 10);

    // Events within their limit stay, however many wait.
    let young = Limit {
        age: Some(Duration::from_secs(100_000)),
        count: None,
    };
    let mut pruning = store
        .pruning(&tenant(), Kind::Events, young, NOW_MS)
        .await
        .unwrap();
    assert_eq!(store.bury(&mut pruning, 2, mode).await.unwrap(), 0);

    // Once delivered, they are deleted; and so are dead letters after their time.
    let passed = Outcome::Passed {
        from: 10,
        to: 20,
        delivered: 5,
    };
    assert!(store.settle(&lease, "slow", &passed, NOW_MS).await.unwrap());
    let later_ms = NOW_MS + 3_600_001;
    for kind in [Kind::Events, Kind::Letters] {
        let mut pruning = store
            .pruning(&tenant(), kind, limit, later_ms)
            .await
            .unwrap();
        while !pruning.done {
            store.prune(&mut pruning, mode).await.unwrap();
        }
    }
    assert!(store.due(&tenant(), 0, 100).await.unwrap().is_empty());
    assert_eq!(letters(&store, "slow").await, []);
}
