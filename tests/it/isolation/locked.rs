//! Tenants with locked rows, beside others that share the connection pool.

use std::time::Duration;

use serde_json::json;
use sqlx::{Connection as _, PgConnection};

use super::{comes, count, one_host, says};
use crate::api::fleet::{Fleet, tenant};
use crate::api::http::ask;

/// Connections of the host, and tenants with locked rows: more tenants than connections.
const CONNECTIONS: u32 = 4;
const LOCKED: usize = 5;
const FREE: usize = 2;
/// Much longer than the work needs, and much shorter than the locks last.
const SOON: Duration = Duration::from_secs(10);

pub(super) async fn run(connection: &mut PgConnection, sql: &str) {
    let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
    sql.execute(connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn locked_rows_of_some_hold_up_no_other() {
    let mut fleet = Fleet::start(LOCKED + FREE).await;
    let url = fleet.server.url("wm");
    let few = format!("{url}&pool_max_conns={CONNECTIONS}");
    fleet.wmctl.set("WMCTL_DATABASE_URL", &few);
    let address = one_host(&mut fleet).await;
    for index in 0..LOCKED + FREE {
        says(&fleet, index, "before").await;
        comes(&fleet, index, "before", 1).await;
    }
    // Rows that a unit of work or a host may need: of the account, the lease and the tenant.
    let mut connection = PgConnection::connect(&url).await.unwrap();
    run(&mut connection, "BEGIN").await;
    for table in [
        "wmctl_account",
        "wmctl_lease",
        "wmctl_tenant_state",
        "wmctl_tenant",
    ] {
        let free = (LOCKED..LOCKED + FREE).map(|index| format!("'{}'", tenant(index)));
        let free = free.collect::<Vec<_>>().join(",");
        let sql = format!("SELECT 1 FROM {table} WHERE business_id NOT IN ({free}) FOR UPDATE");
        run(&mut connection, &sql).await;
    }
    for index in 0..LOCKED {
        says(&fleet, index, "held up").await;
    }
    // Applications continue to write to all of them.
    let send = async |index: usize, number: usize| {
        let path = format!("/api/tenants/{}/messages", tenant(index));
        let body = json!({ "to": format!("+{}", super::FRIEND), "text": format!("n {number}") });
        ask(&address, "", "POST", &path, Some(body)).await.status
    };
    let flood = (0..LOCKED * 4).map(|number| send(number % LOCKED, number));
    let others = async {
        for round in 0..5 {
            for index in LOCKED..LOCKED + FREE {
                let text = format!("meanwhile {round}");
                says(&fleet, index, &text).await;
                let took = comes(&fleet, index, &text, 1).await;
                assert!(took < SOON, "a message took {took:?}");
                assert_eq!(send(index, round).await, 202);
            }
        }
    };
    let (statuses, ()) = tokio::join!(futures_util::future::join_all(flood), others);
    assert!(statuses.iter().all(|status| *status == 503), "{statuses:?}");
    assert!((0..LOCKED).all(|index| count(&fleet, index, "held up") == 0));
    run(&mut connection, "ROLLBACK").await;
    for index in 0..LOCKED {
        comes(&fleet, index, "held up", 1).await;
        assert_eq!(count(&fleet, index, "held up"), 1);
    }
}
