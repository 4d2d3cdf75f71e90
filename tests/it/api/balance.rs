//! The load balancer configurations in `deploy/`, run by real nginx and HAProxy in front of real
//! hosts.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::json;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::fleet::{Fleet, tenant};
use super::http::{Answer, ask};
use crate::support::program::{PATIENCE, Program};

/// Consecutive requests that must be answered.
const REQUESTS: usize = 20;

pub(super) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn shipped(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn replaced(text: &str, pairs: &[(&str, &str)]) -> String {
    pairs.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the configuration names no {from}");
        text.replace(from, to)
    })
}

/// A running load balancer. It stops when it is dropped.
struct Balancer {
    address: String,
    _program: Child,
    _folder: TempDir,
}

impl Balancer {
    /// Starts nginx with the shipped file; only the addresses are changed.
    async fn nginx(file: &str, a: &str, b: &str) -> Self {
        let (folder, address) = (
            tempfile::tempdir().unwrap(),
            format!("127.0.0.1:{}", free_port()),
        );
        let listen = format!("listen {address};");
        let pairs = [
            ("host-a:8080", a),
            ("host-b:8080", b),
            ("listen 80;", &listen),
        ];
        let server = replaced(&shipped(file), &pairs);
        let home = folder.path().display();
        let kinds = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let places = kinds.map(|kind| format!("{kind}_temp_path {home}/{kind};"));
        // A single process without a master, so that killing its id ends it.
        let config = format!(
            "daemon off; master_process off; pid {home}/pid; error_log {home}/log;\n\
             events {{ worker_connections 64; }}\n\
             http {{ access_log off; {}\n{server}\n}}\n",
            places.join(" ")
        );
        let path = folder.path().join("nginx.conf");
        std::fs::write(&path, config).unwrap();
        let log = folder.path().join("log");
        let arguments = ["-c", path.to_str().unwrap(), "-e", log.to_str().unwrap()];
        Self::start("nginx", &arguments, address, folder).await
    }

    async fn haproxy(a: &str, b: &str) -> Self {
        let (folder, address) = (
            tempfile::tempdir().unwrap(),
            format!("127.0.0.1:{}", free_port()),
        );
        let bind = format!("bind {address}");
        let pairs = [("host-a:8080", a), ("host-b:8080", b), ("bind :80", &bind)];
        let path = folder.path().join("haproxy.cfg");
        std::fs::write(&path, replaced(&shipped("haproxy/wmctl.cfg"), &pairs)).unwrap();
        let arguments = ["-db", "-f", path.to_str().unwrap()];
        Self::start("haproxy", &arguments, address, folder).await
    }

    async fn start(name: &str, arguments: &[&str], address: String, folder: TempDir) -> Self {
        let sbin = PathBuf::from("/usr/sbin").join(name);
        let mut program = Command::new(sbin)
            .args(arguments)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let begun = Instant::now();
        while tokio::net::TcpStream::connect(&address).await.is_err() {
            let ended = program.try_wait().unwrap();
            assert!(ended.is_none(), "{name} ended: {ended:?}");
            assert!(begun.elapsed() < PATIENCE, "{name} does not listen");
            tokio::task::yield_now().await;
        }
        Self {
            address,
            _program: program,
            _folder: folder,
        }
    }

    /// Repeats a request until `wanted` accepts the response.
    async fn until(&self, what: &str, path: &str, wanted: impl Fn(&Answer) -> bool) {
        let begun = Instant::now();
        loop {
            let answer = ask(&self.address, "", "GET", path, None).await;
            if wanted(&answer) {
                return;
            }
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(
                begun.elapsed() < PATIENCE,
                "{what}: {} {body}",
                answer.status
            );
        }
    }

    /// Checks that many consecutive requests reach the leader, after the health checks have found
    /// it.
    async fn leads_to_the_leader(&self, what: &str) {
        let begun = Instant::now();
        let mut in_a_row = 0;
        while in_a_row < REQUESTS {
            let answer = ask(&self.address, "", "GET", "/ready", None).await;
            let body = String::from_utf8_lossy(&answer.body).into_owned();
            in_a_row = match (answer.status, body.trim()) {
                (200, "Ready - Leader") => in_a_row + 1,
                _ => 0,
            };
            let seen = begun.elapsed() < PATIENCE;
            assert!(seen, "{what}: {} {body}", answer.status);
        }
    }
}

#[tokio::test]
async fn requests_reach_whichever_host_of_serve_lives() {
    let mut fleet = Fleet::start(0).await;
    let (a, b) = (fleet.join("a").await, fleet.join("b").await);
    let allowed = ["ops", "--allow", "read", "--allow", "write"];
    let key = fleet.wmctl.key(&allowed).await;
    let balancers = [
        (
            "nginx",
            Balancer::nginx("nginx/wmctl-serve.conf", &a, &b).await,
        ),
        ("haproxy", Balancer::haproxy(&a, &b).await),
    ];
    for (name, balancer) in &balancers {
        balancer
            .until(name, "/ready", |answer| answer.status == 200)
            .await;
        // Without a key every request is refused, whatever its host name.
        let refused = ask(&balancer.address, "", "GET", "/api/tenants", None).await;
        assert_eq!(refused.status, 401, "{name}");
    }
    fleet.hosts.get_mut("a").unwrap().kill().await;
    for (name, balancer) in &balancers {
        for index in 0..REQUESTS {
            let at = &balancer.address;
            let body = json!({ "business_id": format!("{name}-{index}") });
            let added = ask(at, &key, "POST", "/api/tenants", Some(body)).await;
            assert_eq!(added.status, 201, "{name}, {index}");
            let list = ask(at, &key, "GET", "/api/tenants", None).await;
            assert_eq!(list.status, 200, "{name}, {index}");
        }
    }
    let list = fleet.list().await;
    assert_eq!(list.len(), balancers.len() * REQUESTS);
}

pub(super) async fn stand(fleet: &Fleet, address: &str, role: &str) -> Program {
    let name = tenant(0);
    let run = ["run", "--ha", "--ha-timeout", "1500", "--tenant", &name];
    let mut host = fleet
        .wmctl
        .start(&[&run[..], &["--http", address]].concat());
    host.expect(role, |line| line["role"] == role).await;
    host
}

#[tokio::test]
async fn requests_reach_the_leader_whichever_host_that_is() {
    let fleet = Fleet::start(1).await;
    let [a, b] = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
    let mut leader = stand(&fleet, &a, "leader").await;
    let mut standby = stand(&fleet, &b, "standby").await;
    let nginx = Balancer::nginx("nginx/wmctl-ha.conf", &a, &b).await;
    let haproxy = Balancer::haproxy(&a, &b).await;
    for balancer in [&nginx, &haproxy] {
        let led = |answer: &Answer| answer.body.starts_with(b"Ready - Leader");
        balancer.until("the leader", "/ready", led).await;
    }
    leader.kill().await;
    standby
        .expect("a takeover", |line| line["role"] == "leader")
        .await;
    for balancer in [&nginx, &haproxy] {
        let led = |answer: &Answer| answer.body.starts_with(b"Ready - Leader");
        balancer.until("the new leader", "/ready", led).await;
    }
    // The old leader returns as a standby and answers, but must not receive traffic.
    let _back = stand(&fleet, &a, "standby").await;
    let led = |answer: &Answer| answer.body.starts_with(b"Ready - Leader");
    haproxy.until("the leader again", "/ready", led).await;
    nginx.leads_to_the_leader("nginx").await;
    haproxy.leads_to_the_leader("haproxy").await;
}
