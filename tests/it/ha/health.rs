//! What load balancers and rollouts see.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::program::Program;
use crate::support::stage::Stage;

/// Status code and body.
async fn get(port: u16, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let code = head.split(' ').nth(1).unwrap().parse().unwrap();
    (code, body.to_owned())
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

fn start(stage: &Stage, port: u16) -> Program {
    let address = format!("127.0.0.1:{port}");
    stage
        .wmctl
        .start(&["run", "--ha", "--ha-timeout", "1500", "--http", &address])
}

#[tokio::test]
async fn leader_and_standby_say_what_they_are() {
    let stage = Stage::set().await;
    let (one, two) = (free_port(), free_port());
    let mut leader = start(&stage, one);
    leader
        .expect("its connection", |line| line["state"] == "connected")
        .await;
    let mut standby = start(&stage, two);
    standby
        .expect("the standby", |line| line["role"] == "standby")
        .await;
    assert_eq!(get(one, "/ready").await, (200, "Ready - Leader".into()));
    assert_eq!(
        get(two, "/ready").await,
        (503, "Not Ready - Standby".into())
    );
    for (path, codes) in [
        ("/live", [200, 200]),
        ("/health", [200, 200]),
        ("/readyz", [200, 200]),
        ("/leader", [200, 503]),
    ] {
        let found = [get(one, path).await.0, get(two, path).await.0];
        assert_eq!(found, codes, "{path}");
    }
    let health = get(two, "/health").await.1;
    let health: serde_json::Value = serde_json::from_str(&health).unwrap();
    assert_eq!(health["role"], "standby");
    assert!(health["holder"].is_string(), "{health}");
    let metrics = get(one, "/metrics").await.1;
    assert!(
        metrics.contains("\nwhatsmeow_tenants_connected 1\n"),
        "{metrics}"
    );

    leader.kill().await;
    standby
        .expect("its connection", |line| line["state"] == "connected")
        .await;
    assert_eq!(get(two, "/ready").await, (200, "Ready - Leader".into()));
    standby.terminate().await;
    assert!(standby.ended().await.success());
}
