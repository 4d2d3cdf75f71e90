//! Every major version of PostgreSQL: the store's suite, and traffic across a restart.

use std::sync::Arc;

use super::Traffic;
use crate::store;
use crate::support::postgres::Postgres;

/// Runs the suite on one server, each function in a database of its own.
async fn passes_the_suite(major: u32) {
    let server = Arc::new(Postgres::of_major(major));
    assert!(
        server
            .sql("postgres", "SHOW server_version")
            .starts_with(&format!("{major}."))
    );
    store::suite_on(&server).await;
}

async fn carries_traffic(major: u32) {
    let server = Postgres::of_major(major);
    server.create("wm");
    let mut traffic = Traffic::connect(&server.url("wm"), 40).await;
    traffic.chats().await;
    traffic.put_in(50).await;
    server.restart("fast");
    traffic.settled().await;
}

macro_rules! majors {
    ($($name:ident: $major:literal),* $(,)?) => {
        $(mod $name {
            #[tokio::test(flavor = "multi_thread")]
            async fn passes_the_suite() {
                super::passes_the_suite($major).await;
            }
            #[tokio::test]
            async fn carries_traffic() {
                super::carries_traffic($major).await;
            }
        })*
    };
}

majors!(pg12: 12, pg13: 13, pg14: 14, pg15: 15, pg16: 16, pg17: 17, pg18: 18);
