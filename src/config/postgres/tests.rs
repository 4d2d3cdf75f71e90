use std::time::Duration;

use super::*;

fn parsed(text: &str) -> Result<PostgresUrl, PostgresUrlError> {
    let (_, rest) = text.split_once("://").unwrap();
    PostgresUrl::parse(rest)
}

#[test]
fn every_form_of_the_guide_is_taken() {
    let shown = |text: &str| parsed(text).unwrap().to_string();
    let check = |text: &str, expected: &str| assert_eq!(shown(text), expected);
    check(
        "postgres://localhost/whatsmeow?sslmode=disable",
        "postgres://localhost/whatsmeow?sslmode=disable",
    );
    check(
        "postgres://user:pass@db.example.com:5432/whatsmeow?sslmode=verify-full&pool_max_conns=50",
        "postgres://user:***@db.example.com:5432/whatsmeow?sslmode=verify-full",
    );
    check(
        "postgres://user:pass@mydb.abc123.us-east-1.rds.amazonaws.com:5432/w?sslmode=require",
        "postgres://user:***@mydb.abc123.us-east-1.rds.amazonaws.com:5432/w?sslmode=require",
    );
    check(
        "postgres://user:pass@/whatsmeow?host=/cloudsql/project:region:instance",
        "postgres://user:***@/whatsmeow?host=/cloudsql/project:region:instance",
    );
    check("postgres://user@/db", "postgres://user@/db");
    check("postgres://:5433/db", "postgres://:5433/db");
    check("postgres:///db", "postgres:///db");
    check("postgres://", "postgres:///");
    check(
        "postgres://%2Fcloudsql%2Fp:5433/db",
        "postgres://:5433/db?host=/cloudsql/p",
    );
    check("postgres://[::1]:5433/db", "postgres://[::1]:5433/db");
    check("postgres://[::1]/db", "postgres://[::1]/db");
    check("postgres:///db?password=x", "postgres://:***@/db");
}

#[test]
fn several_servers_have_a_port_each_or_one_for_all() {
    let check = |text: &str, expected: &[(&str, Option<u16>)]| {
        let url = parsed(text).unwrap();
        let servers = [(url.host, url.port)].into_iter().chain(url.others);
        let expected = expected
            .iter()
            .map(|(host, port)| (Some((*host).to_owned()), *port));
        assert!(servers.eq(expected), "{text}");
    };
    check("postgres://a,b/d", &[("a", None), ("b", None)]);
    check(
        "postgres://a:1,[::1]:2/d",
        &[("a", Some(1)), ("::1", Some(2))],
    );
    check(
        "postgres:///d?host=a,b&port=7",
        &[("a", Some(7)), ("b", Some(7))],
    );
    check(
        "postgres:///d?host=/s,b&port=7,",
        &[("/s", Some(7)), ("b", None)],
    );
    let shown = |text: &str| parsed(text).unwrap().to_string();
    assert_eq!(
        shown("postgres://u@a:1,[::1]/d"),
        "postgres://u@a:1,[::1]/d"
    );
}

#[test]
fn what_keeps_a_connection_alive_is_read() {
    let url = "postgres://h/d?keepalives=1&keepalives_idle=5&keepalives_interval=0\
        &keepalives_count=3&tcp_user_timeout=1500&channel_binding=require\
        &target_session_attrs=read-write";
    let url = parsed(url).unwrap();
    let expected = Keepalives {
        off: false,
        idle: Some(Duration::from_secs(5)),
        interval: None,
        count: Some(3),
        user_timeout: Some(Duration::from_millis(1500)),
    };
    assert_eq!(url.keepalives, expected);
    assert_eq!(url.binding, Binding::Require);
    assert_eq!(url.wanted, WantedServer::Writable);
}

#[test]
fn the_folded_pool_url_keeps_its_pool() {
    let url = parsed(
        "postgres://user:pass@host:5432/whatsmeow?
          pool_max_conns=50&
          pool_min_conns=10&
          pool_max_conn_lifetime=1h&
          pool_max_conn_idle_time=1h30m&
          pool_health_check_period=500ms&
          connect_timeout=5",
    );
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let expected = PoolSettings {
        connections_max: Some(50),
        connections_min: Some(10),
        lifetime: seconds(3600),
        idle_time: seconds(5400),
        check_period: Some(Duration::from_millis(500)),
        connect_timeout: seconds(5),
    };
    assert_eq!(url.unwrap().pool, expected);
}

#[test]
fn passwords_are_decoded_and_kept_out_of_sight() {
    let url = parsed("postgres://u%40x:p%23%2F:a@ss+@db/w").unwrap();
    assert_eq!(url.user.as_deref(), Some("u@x"));
    assert_eq!(url.password.as_ref().unwrap().as_str(), "p#/:a@ss+");
    assert_eq!(format!("{url:?}"), "postgres://u@x:***@db/w");
}

#[test]
fn what_cannot_be_used_is_named() {
    let check = |query: &str, expected: PostgresUrlError| {
        let found = parsed(&format!("postgres://u:secret@h/d?{query}"));
        assert_eq!(found, Err(expected), "{query}");
    };
    let unknown = |name: &str| PostgresUrlError::Unknown {
        name: name.to_owned(),
    };
    check("gssencmode=disable", unknown("gssencmode"));
    for name in ["keepalives_idle", "channel_binding", "target_session_attrs"] {
        check(&format!("{name}=x"), PostgresUrlError::Value { name });
    }
    check("target_session_attrs=standby", PostgresUrlError::Follower);
    check("POOL_MAX_CONNS=5", unknown("POOL_MAX_CONNS"));
    check("sslmode=on", PostgresUrlError::Value { name: "sslmode" });
    for name in [
        "pool_max_conns",
        "pool_max_conn_lifetime",
        "connect_timeout",
    ] {
        check(&format!("{name}=0x"), PostgresUrlError::Value { name });
    }
    let bare = PostgresUrlError::Value {
        name: "pool_max_conn_idle_time",
    };
    check("pool_max_conn_idle_time=5", bare);
    let none = PostgresUrlError::Value {
        name: "pool_max_conns",
    };
    check("pool_max_conns=0", none);
    check(
        "pool_min_conns=9&pool_max_conns=3",
        PostgresUrlError::PoolBounds,
    );
    let ports = |hosts, ports| PostgresUrlError::Ports { hosts, ports };
    check("host=a,b,c&port=1,2", ports(3, 2));
    check("dbname=%zz", PostgresUrlError::Percent);
    let check = |text: &str, expected| assert_eq!(parsed(text), Err(expected));
    check("postgres://h:port/d", PostgresUrlError::Port);
    check("postgres://u:a?b#c@h/d", PostgresUrlError::Port);
}
