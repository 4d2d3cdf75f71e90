//! Tenants that reach WhatsApp through a proxy each. The proxies are third-party programs.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::balance::free_port;
use super::fleet::{FRIEND, Fleet, LOOK, phone, tenant};
use crate::support::program::PATIENCE;

/// A host name that only the proxies can resolve.
const SERVER: &str = "whatsapp.test";
const USER: &str = "somebody";
const PASSWORD: &str = "hunter2";

/// A running proxy. It stops when it is dropped.
struct Proxy {
    port: u16,
    program: Child,
    _folder: TempDir,
}

impl Proxy {
    /// Starts a SOCKS5 proxy with user and password.
    async fn microsocks(port: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("/usr/bin/microsocks");
        command
            .args(["-i", "127.0.0.1", "-p", &port.to_string()])
            .args(["-u", USER, "-P", PASSWORD]);
        Self::start(command, port, folder).await
    }

    /// Starts an HTTP CONNECT proxy to one port, with user and password.
    async fn tinyproxy(port: u16, leads_to: u16) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("tinyproxy.conf");
        let config = format!(
            "Port {port}\nListen 127.0.0.1\nTimeout 600\nMaxClients 20\nLogLevel Warning\n\
             BasicAuth {USER} {PASSWORD}\nConnectPort {leads_to}\n"
        );
        std::fs::write(&file, config).unwrap();
        let mut command = Command::new("/usr/bin/tinyproxy");
        command.arg("-d").arg("-c").arg(&file);
        Self::start(command, port, folder).await
    }

    async fn start(mut command: Command, port: u16, folder: TempDir) -> Self {
        let hosts = folder.path().join("hosts");
        std::fs::write(&hosts, format!("127.0.0.1 {SERVER}\n")).unwrap();
        let mut program = command
            .env("LD_PRELOAD", names_from_a_file())
            .env("NSS_WRAPPER_HOSTS", hosts)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?} does not start: {error}"));
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let ended = program.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            assert!(begun.elapsed() < PATIENCE, "{command:?} does not listen");
            tokio::time::sleep(LOOK).await;
        }
        Self {
            port,
            program,
            _folder: folder,
        }
    }

    fn url(&self, scheme: &str, password: &str) -> String {
        format!("{scheme}://{USER}:{password}@127.0.0.1:{}", self.port)
    }
}

/// Returns a library that makes a single program resolve names from its own file.
fn names_from_a_file() -> PathBuf {
    let folders = std::fs::read_dir("/usr/lib").unwrap();
    let paths = folders.map(|folder| folder.unwrap().path().join("libnss_wrapper.so"));
    let found = paths.into_iter().find(|path| Path::exists(path));
    found.expect("libnss-wrapper is installed")
}

impl Fleet {
    async fn set_proxy(&self, index: usize, url: &str) {
        let name = tenant(index);
        let set = ["tenants", "add", &name, "--proxy", url];
        let shown = self.wmctl.done(&set).await;
        assert!(!shown.contains(PASSWORD), "a password is shown: {shown}");
    }

    /// Waits until each of these tenants is connected.
    async fn connected(&self, what: &str, indexes: &[usize]) {
        let all = |list: &[Value]| indexes.iter().all(|one| list[*one]["state"] == "connected");
        self.until(what, all).await;
    }

    /// Waits until this tenant is disconnected for this reason.
    async fn fails(&self, index: usize, why: &str) {
        let failed = |list: &[Value]| {
            let error = list[index]["last_error"].as_str().unwrap_or_default();
            list[index]["state"] != "connected" && error.contains(why)
        };
        self.until(why, failed).await;
    }

    async fn message_arrives(&self, index: usize, text: &str) {
        let sent = self.sim.phone_sends(FRIEND, &phone(index), text).await;
        sent.unwrap();
        let name = tenant(index);
        let begun = Instant::now();
        loop {
            let read = ["events", "--tenant", &name, "--type", "message"];
            if self.wmctl.done(&read).await.contains(text) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{name} does not get {text}");
            tokio::time::sleep(LOOK).await;
        }
    }
}

#[tokio::test]
async fn each_tenant_has_its_own_proxy() {
    let mut fleet = Fleet::start(4).await;
    let address = fleet.sim.ws_url().replace("ws://", "");
    let (address, path) = address.split_once('/').unwrap();
    let address: SocketAddr = address.parse().unwrap();
    // No name server knows this name, so a connection proves that the proxy resolved it.
    let url = format!("ws://{SERVER}:{}/{path}", address.port());
    fleet.wmctl.set("WMCTL_SERVER", &url);
    let socks = Proxy::microsocks(free_port()).await;
    let http = Proxy::tinyproxy(free_port(), address.port()).await;
    let nobody = format!("socks5://127.0.0.1:{}", free_port());
    fleet.set_proxy(0, &socks.url("socks5h", PASSWORD)).await;
    fleet.set_proxy(1, &http.url("http", PASSWORD)).await;
    fleet.set_proxy(2, &socks.url("socks5", "wrong")).await;
    fleet.set_proxy(3, &nobody).await;
    let serve = ["serve", "--name", "a", "--no-http", "--private-proxies"];
    let _host = fleet.wmctl.start(&serve);
    fleet.connected("both kinds", &[0, 1]).await;
    fleet.fails(2, "the proxy wants other credentials").await;
    fleet.fails(3, "connect to 127.0.0.1").await;
    fleet.message_arrives(0, "through SOCKS").await;
    fleet.message_arrives(1, "through CONNECT").await;
    // A wrong setting can be corrected while the host runs.
    fleet.set_proxy(2, &http.url("http", "wrong")).await;
    fleet.fails(2, "the proxy wants other credentials").await;
    fleet.set_proxy(2, &http.url("http", PASSWORD)).await;
    fleet.connected("the right password", &[2]).await;
    // A dead proxy disconnects only its own tenants. They reconnect when it returns.
    let Proxy {
        port, mut program, ..
    } = socks;
    program.kill().await.unwrap();
    fleet.fails(0, "connect to 127.0.0.1").await;
    fleet.message_arrives(1, "while the other is down").await;
    let _socks = Proxy::microsocks(port).await;
    fleet
        .set_proxy(3, &format!("socks5://{USER}:{PASSWORD}@127.0.0.1:{port}"))
        .await;
    fleet.connected("all of them", &[0, 1, 2, 3]).await;
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
    assert!(
        !fleet.wmctl.log().contains(PASSWORD),
        "a password is logged"
    );
}

#[tokio::test]
async fn a_proxy_here_is_refused_unless_it_is_allowed() {
    let mut fleet = Fleet::start(1).await;
    let proxy = Proxy::microsocks(free_port()).await;
    fleet.set_proxy(0, &proxy.url("socks5", PASSWORD)).await;
    fleet.join("a").await;
    fleet.fails(0, "which is not allowed").await;
}

#[tokio::test]
async fn each_tenant_looks_as_it_was_told_to() {
    let fleet = Fleet::start(0).await;
    for (index, name, platform) in [
        (0, "Acme's bot", "firefox"),
        (1, "Böta & Co", "safari"),
        (2, "plain", "chrome"),
    ] {
        let (tenant, number) = (tenant(index), phone(index));
        fleet.sim.add_account(&number, "Somebody").await.unwrap();
        let add = ["tenants", "add", &tenant, "--device-name", name];
        fleet
            .wmctl
            .done(&[&add[..], &["--platform", platform]].concat())
            .await;
        let mut pairing = fleet.wmctl.start(&["pair", "--tenant", &tenant]);
        let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
        let code = qr["code"].as_str().unwrap();
        fleet.sim.scan(&number, code).await.unwrap();
        assert!(pairing.ended().await.success());
        let devices = fleet.sim.devices(&number).await.unwrap();
        let looks = &devices.last().unwrap().looks;
        assert_eq!(
            (looks.name.as_str(), looks.platform.as_str()),
            (name, platform)
        );
    }
}
