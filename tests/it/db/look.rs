//! `wmctl db`: what it shows on each database, and what `check` finds.

use serde_json::Value;

use super::{asked, paired, simulator, typed};
use crate::support::postgres::Postgres;
use crate::support::wmctl::Wmctl;

fn of<'a>(lines: &'a [Value], key: &str, value: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line[key] == value).collect()
}

async fn everything_is_shown(server: Option<Postgres>) {
    let (sim, folder) = (simulator().await, tempfile::tempdir().unwrap());
    let server = server.as_ref();
    let url = server.map(|server| {
        server.create("w");
        server.url("w")
    });
    let wmctl = paired(&sim, folder.path(), url.as_deref()).await;

    let (code, devices) = asked(&wmctl, &["db", "devices"]).await;
    assert_eq!((code, devices.len()), (0, 1));
    assert_eq!(devices[0]["business_id"], "acme");
    let jid = devices[0]["jid"].as_str().unwrap().to_owned();
    assert_eq!(
        wmctl.done(&["db", "devices", "-o", "name"]).await,
        format!("{jid}\n")
    );
    let (code, none) = asked(&wmctl, &["db", "devices", "nobody"]).await;
    assert_eq!((code, none.len()), (0, 0));

    let (_, sessions) = asked(&wmctl, &["db", "sessions"]).await;
    assert_eq!(sessions[0]["jid"], jid.as_str());
    let keys = |name: &str| sessions[0][name].as_i64().unwrap();
    assert!(0 < keys("pre_keys") + keys("pre_keys_waiting"));

    let (code, sizes) = asked(&wmctl, &["db", "size"]).await;
    assert_eq!(code, 0);
    let database = of(&sizes, "of", "database")[0]["bytes"].as_i64().unwrap();
    let tables = of(&sizes, "of", "table");
    let sum: i64 = tables
        .iter()
        .map(|table| table["bytes"].as_i64().unwrap())
        .sum();
    assert!(0 < sum && sum < database, "{sum} of {database}");
    bounds_are_shown(&tables);
    let tenants = of(&sizes, "of", "tenant");
    assert_eq!(
        (tenants.len(), &tenants[0]["name"]),
        (1, &Value::from("acme"))
    );
    assert!(0 < tenants[0]["bytes"].as_i64().unwrap());

    let (code, locks) = asked(&wmctl, &["db", "locks"]).await;
    assert_eq!(
        (code, &locks),
        (0, &asked(&wmctl, &["lock-status"]).await.1)
    );

    connections_are_counted(&wmctl, server).await;

    let mut watch = wmctl.start(&["db", "sessions", "-w=200ms"]);
    for _ in 0..3 {
        watch
            .expect("a look", |line| line["business_id"] == "acme")
            .await;
    }
    watch.terminate().await;
    assert!(watch.ended().await.success());
    nothing_escapes_the_check(&wmctl, server, &jid).await;
}

async fn connections_are_counted(wmctl: &Wmctl, server: Option<&Postgres>) {
    let answer = wmctl.done(&["db", "connections", "-o", "json"]).await;
    let connections: Value = serde_json::from_str(&answer).unwrap();
    match server {
        Some(_) => {
            assert_eq!(connections["max_connections"], 100);
            assert_eq!(connections["sizing"]["rule"], "single");
            assert_eq!(connections["pool_max_conns"], 10);
            let items = connections["items"].as_array().unwrap();
            let own = |item: &&Value| item["application"].as_str().unwrap().starts_with("wmctl ");
            assert_eq!(items.iter().find(own).unwrap()["role"], "wm");
        }
        None => assert_eq!(connections["max_connections"], Value::Null),
    }
}

/// Checks the retention limits shown for each table.
fn bounds_are_shown(tables: &[&Value]) {
    let kept = |name: &str| {
        let table = tables.iter().find(|table| table["name"] == name);
        table.unwrap()["kept"].as_str().map(str::to_owned)
    };
    for (name, bound) in [
        ("whatsmeow_pre_keys", "2048 a tenant"),
        ("whatsmeow_sessions", "20000"),
        ("wmctl_audit", "400d"),
        ("wmctl_device_list", "30d"),
        ("wmctl_event", "30d"),
        ("wmctl_group", "4096"),
        ("wmctl_retry", "5w,50000"),
    ] {
        assert_eq!(kept(name).as_deref(), Some(bound), "{name}");
    }
}

async fn nothing_escapes_the_check(wmctl: &Wmctl, server: Option<&Postgres>, jid: &str) {
    assert_eq!(wmctl.done(&["db", "check"]).await, "");
    let hex = |bytes: &str| match server {
        Some(_) => format!("'\\x{bytes}'"),
        None => format!("X'{bytes}'"),
    };
    if server.is_some() {
        // As in a table that an older client created.
        typed(
            wmctl,
            server,
            "ALTER TABLE whatsmeow_identity_keys
                 DROP CONSTRAINT whatsmeow_identity_keys_identity_check;
             ALTER TABLE whatsmeow_contacts
                 DROP CONSTRAINT whatsmeow_contacts_business_id_our_jid_fkey",
        )
        .await;
    } else {
        typed(wmctl, server, "PRAGMA ignore_check_constraints = 1").await;
    }
    let pragma = match server {
        None => "PRAGMA ignore_check_constraints = 1;",
        Some(_) => "",
    };
    let broken = format!(
        "{pragma}
         INSERT INTO whatsmeow_identity_keys VALUES ('acme', '{jid}', '1.0:0', {short});
         INSERT INTO whatsmeow_sessions VALUES ('acme', '{jid}', '1.0:0', {short});
         INSERT INTO whatsmeow_sender_keys VALUES ('acme', '{jid}', 'g@g.us', '1:0', {short});
         INSERT INTO whatsmeow_contacts (business_id, our_jid, their_jid)
             VALUES ('acme', '9:1@s.whatsapp.net', '5@s.whatsapp.net');
         INSERT INTO wmctl_group VALUES ('acme', 'g@g.us', 's', 'pn', '[1]', 0);
         INSERT INTO wmctl_device_list VALUES ('gone', '5@s.whatsapp.net', '[[0,0]]', 0);
         INSERT INTO wmctl_retry (business_id, dedupe, count, first_ms)
             VALUES ('no name!', 'x', 1, 0);",
        short = hex("010203"),
    );
    typed(wmctl, server, &broken).await;
    let (code, findings) = asked(wmctl, &["db", "check"]).await;
    assert_eq!(code, 9, "{findings:#?}");
    let mut found: Vec<String> = findings
        .iter()
        .map(|found| {
            let text = |key: &str| found[key].as_str().unwrap().to_owned();
            format!(
                "{} {} {}",
                text("check"),
                text("table"),
                text("business_id")
            )
        })
        .collect();
    found.sort_unstable();
    // The file check also reports rows that violate the file's own constraints.
    found.retain(|line| !line.starts_with("file "));
    assert_eq!(
        found,
        [
            "key_length whatsmeow_identity_keys acme",
            "orphan whatsmeow_contacts acme",
            "orphan wmctl_device_list gone",
            "tenant_name wmctl_retry no name!",
            "undecodable whatsmeow_sender_keys acme",
            "undecodable whatsmeow_sessions acme",
            "undecodable wmctl_group acme",
        ]
    );
    let (code, others) = asked(wmctl, &["db", "check", "gone"]).await;
    assert_eq!((code, others.len()), (9, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_shown_on_a_file() {
    everything_is_shown(None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_shown_on_a_server() {
    everything_is_shown(Some(Postgres::start())).await;
}
