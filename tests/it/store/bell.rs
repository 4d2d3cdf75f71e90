//! Notifications of new messages: who receives them, and what other roles can learn from them.

use std::time::Duration;

use sqlx::postgres::PgListener;
use tokio::time::{MissedTickBehavior, interval, timeout};
use wmctl::store::outbox::queue::NewMessage;

use super::Database;
use super::samples::{paired, tenant};

/// The first 16 hexadecimal digits of the SHA-256 of the tenant's name.
const CALL: &str = "822b33ad87c148a0";
const PATIENCE: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn a_call_rings_and_names_nobody() {
    let database = Database::postgres();
    let store = database.store().await;
    paired(&store).await;
    super::raw(&database, "CREATE ROLE stranger LOGIN").await;
    let url = database.url_as("stranger");
    let mut stranger = PgListener::connect(&url).await.unwrap();
    let channels = ["wmctl_outbox", "wmctl_outbox_call"];
    stranger.listen_all(channels).await.unwrap();
    let message = NewMessage {
        id: "A".parse().unwrap(),
        to: "5@s.whatsapp.net".parse().unwrap(),
        body: Vec::new(),
        idempotency_key: None,
        account: "4@s.whatsapp.net".parse().unwrap(),
        expires_ms: None,
    };
    store.enqueue(&tenant(), &message, 1).await.unwrap();
    let heard = timeout(PATIENCE, stranger.recv()).await.unwrap().unwrap();
    assert_eq!((heard.channel(), heard.payload()), (channels[1], CALL));

    // No row changes, so polling finds nothing: only the notification can fire the subscription.
    let bell = store.outbox_bell(&tenant());
    let rung = timeout(PATIENCE, bell.rung());
    tokio::pin!(rung);
    let mut again = interval(Duration::from_millis(50));
    again.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let call = format!("SELECT pg_notify('wmctl_outbox_call', '{CALL}')");
    loop {
        tokio::select! {
            rung = &mut rung => break rung.expect("the bell rings"),
            _ = again.tick() => super::raw(&database, &call).await,
        }
    }
}
