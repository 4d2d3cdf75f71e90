//! A store that refuses writes for a while, without a kill.

use std::time::Duration;

use sqlx::Connection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use wmctl::rehearsal::audit::Violations;

use crate::support::number;
use crate::support::stage::Stage;

/// Longer than the store waits for the write lock.
const OUTAGE: Duration = Duration::from_secs(7);
const RATE: u32 = 40;

#[tokio::test]
async fn while_writes_are_refused_nothing_is_acked_and_later_nothing_is_missing() {
    let outages = number("WMCTL_CRASH_OUTAGES", 1);
    let messages = number("WMCTL_CRASH_MESSAGES", 200);
    let mut stage = Stage::set().await;
    for _ in 0..messages {
        stage.put_in().await;
    }
    stage.start_chats(messages, RATE).await;
    let mut run = stage.run();
    // A process that cannot open its rows ends with an exit code. This test is about a working one.
    stage.flows().await;
    let options = SqliteConnectOptions::new().filename(stage.wmctl.database());
    let mut other = SqliteConnection::connect_with(&options).await.unwrap();
    for _ in 0..outages {
        sqlx::raw_sql("BEGIN IMMEDIATE")
            .execute(&mut other)
            .await
            .unwrap();
        tokio::time::sleep(OUTAGE).await;
        let violations = stage.violations().await;
        assert!(violations.is_empty(), "{violations:#?}");
        sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    }
    let violations = stage.settled(messages).await;
    assert_eq!(violations, Violations::default());
    run.terminate().await;
    assert!(run.ended().await.success());
}
