//! The interface under attack: slow request heads, other local users, and repeated guesses of keys.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, timeout};

use super::http::{Host, ask};
use crate::support::postgres::Postgres;
use crate::support::tap::Tap;

/// Number of connections; there are fewer slots.
const STRANGERS: usize = 600;

#[tokio::test]
async fn slow_strangers_do_not_keep_health_from_answering() {
    let host = Host::start(&[]).await;
    let begin = "GET /api/tenants HTTP/1.1\r\nHost: localhost\r\n";
    let mut strangers = Vec::new();
    for _ in 0..STRANGERS {
        let Ok(mut stream) = TcpStream::connect(&host.address).await else {
            continue;
        };
        // Connections without a slot are closed at once.
        let _ = stream.write_all(begin.as_bytes()).await;
        strangers.push(stream);
    }
    // Another header line now and then keeps a connection active without finishing its head.
    let answers = async |path: &str| {
        let url = format!("http://{}{path}", host.address);
        let curl = ["-s", "-o", "/dev/null", "-w", "%{http_code}", &url];
        loop {
            let output = Command::new("curl").args(curl).output().await.unwrap();
            if output.stdout == b"200" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(Duration::from_secs(10), answers("/live"))
        .await
        .expect("health answers");
    // The time limit for heads frees the slots again.
    let drip = async {
        loop {
            for stream in &mut strangers {
                let _ = stream.write_all(b"X-More: 1\r\n").await;
            }
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    };
    let freed = async {
        tokio::select! {
            () = answers("/api/tenants") => (),
            () = drip => (),
        }
    };
    timeout(Duration::from_secs(40), freed)
        .await
        .expect("slow heads are dropped");
}

/// Needs root, because it sends requests as another user.
#[tokio::test]
async fn other_users_of_this_machine_need_a_key() {
    let host = Host::start(&[]).await;
    let url = format!("http://{}/api/tenants", host.address);
    let status = async |program: &[&str]| {
        let curl = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", &url];
        let all = [program, &curl].concat();
        let output = Command::new(all[0]).args(&all[1..]).output().await.unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(status(&["env"]).await, "200");
    let nobody = ["setpriv", "--reuid=65534", "--clear-groups"];
    assert_eq!(status(&nobody).await, "401");
    // Unusual host names do not count as this machine's own.
    for name in [
        "localhost:1:2",
        "localhost@evil",
        "[::1",
        "127.0.0.1.evil",
        "localhost:x",
    ] {
        let mut stream = TcpStream::connect(&host.address).await.unwrap();
        let request =
            format!("GET /api/tenants HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let refused = answer.starts_with("HTTP/1.1 401") || answer.starts_with("HTTP/1.1 400");
        assert!(refused, "{name}: {answer}");
    }
}

#[tokio::test]
async fn whoever_guesses_does_not_reach_the_database() {
    let server = Postgres::start();
    server.create("wm");
    let tap = Tap::before(&server.socket()).await;
    let host = Host::start_at(Some(&tap.url("wm")), &["--rate", "5"]).await;
    let key = host.wmctl.key(&["reader"]).await;
    // The first use makes the key known as valid.
    assert_eq!(
        ask(&host.address, &key, "GET", "/api/tenants", None)
            .await
            .status,
        200
    );
    tap.trips();
    let begun = Instant::now();
    let wrong = format!(
        "Authorization: Bearer wmk_{}_{}",
        "0".repeat(12),
        "0".repeat(64)
    );
    let urls: Vec<String> = (0..600)
        .map(|number| match number % 2 {
            0 => format!("http://{}/api/tenants", host.address),
            _ => format!("http://{}/metrics", host.address),
        })
        .collect();
    let mut arguments = vec!["-s", "-H", &wrong, "-w", "%{http_code}\n"];
    for url in &urls {
        arguments.extend(["-o", "/dev/null", url]);
    }
    let output = Command::new("curl")
        .args(&arguments)
        .output()
        .await
        .unwrap();
    let codes = String::from_utf8(output.stdout).unwrap();
    let busy = codes.lines().filter(|code| *code == "429").count();
    let (asked, took_s) = (tap.trips() as f64, begun.elapsed().as_secs_f64());
    // Guesses of other clients do not slow down a valid key.
    let known = ask(&host.address, &key, "GET", "/api/tenants", None).await;
    assert_eq!(known.status, 200, "{}", known.head);
    assert_eq!(known.json()["items"], json!([]));
    let let_in = 600 - busy;
    // A host sends 20 heartbeats per second. A key check is one round trip, and so is a metrics
    // query.
    let most = 50.0 + 40.0 * took_s + 2.0 * let_in as f64;
    assert!(300 < busy, "only {busy} of 600 had to wait in {took_s} s");
    assert!(
        asked < most,
        "{asked} round trips in {took_s} s, {let_in} let in"
    );
}
