//! Tenants that reach WhatsApp through a proxy each. The proxies are third-party programs.

use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::balance::free_port;
use super::fleet::{FRIEND, Fleet, phone, tenant};
use crate::support::wait::until;

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
        let listens = async || {
            let ended = program.try_wait().unwrap();
            assert!(ended.is_none(), "{command:?} ended: {ended:?}");
            TcpStream::connect(("127.0.0.1", port)).ok()
        };
        until(|| format!("{command:?} does not listen"), listens).await;
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
        let read = ["events", "--tenant", &name, "--type", "message"];
        let came = async || self.wmctl.done(&read).await.contains(text).then_some(());
        until(|| format!("{name} does not get {text}"), came).await;
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
    // Each command that connects says so, and that nothing helps but a setting.
    let name = tenant(0);
    for command in [&["pair", "--replace"][..], &["run", "--no-http"]] {
        let arguments = [command, &["--tenant", &name]].concat();
        let refused = fleet.wmctl.output(&arguments).await;
        let words = String::from_utf8(refused.stderr).unwrap();
        assert_eq!(refused.status.code(), Some(3), "{command:?}: {words}");
        assert!(words.contains("--private-proxies"), "{command:?}: {words}");
        assert!(!words.contains(PASSWORD), "{words}");
    }
    let doctor = fleet.wmctl.output(&["doctor", "--json"]).await;
    assert_eq!(doctor.status.code(), Some(9));
    assert!(network(&doctor.stdout).contains("not allowed"));
    let allowed = ["doctor", "--json", "--private-proxies"];
    let doctor = fleet.wmctl.output(&allowed).await;
    let found = network(&doctor.stdout);
    let through = format!("through socks5://{USER}:***@127.0.0.1:{}", proxy.port);
    assert!(found.contains(&through) && found.contains(&name), "{found}");
    fleet.wmctl.set("WMCTL_PRIVATE_PROXIES", "true");
    let run = ["run", "--no-http", "--tenant", &name];
    let mut run = fleet.wmctl.start(&run);
    run.expect("the account", |line| line["state"] == "connected")
        .await;
    run.terminate().await;
    assert!(run.ended().await.success());
    fleet.wmctl.unset("WMCTL_PRIVATE_PROXIES");
    fleet.join("a").await;
    fleet.fails(0, "which is not allowed").await;
}

/// What `doctor` found out about the network.
fn network(answer: &[u8]) -> String {
    let checks: Value = serde_json::from_slice(answer).unwrap();
    let checks = checks["items"].as_array().unwrap().iter();
    let found = checks.filter(|check| check["check"] == "network");
    found.map(|check| check["found"].to_string()).collect()
}

/// Variables that other programs read, for tenants without a proxy of their own.
#[tokio::test]
async fn the_proxy_of_the_environment_is_used() {
    let mut fleet = Fleet::start(0).await;
    let address = fleet.sim.ws_url().replace("ws://", "");
    let (address, path) = address.split_once('/').unwrap();
    let port = address.rsplit_once(':').unwrap().1;
    // No name server knows the name: only the proxy can look it up.
    let url = format!("ws://{SERVER}:{port}/{path}");
    fleet.wmctl.set("WMCTL_SERVER", &url);
    let socks = Proxy::microsocks(free_port()).await;
    let proxy = socks.url("socks5h", PASSWORD);
    let name = tenant(0);
    fleet.sim.add_account(&phone(0), "Somebody").await.unwrap();
    // Nothing is set, or it is not for this host or this kind of server, or ours says otherwise.
    for (variable, value) in [
        ("HTTPS_PROXY", &*proxy),
        ("NO_PROXY", "example.com, .test"),
        ("WMCTL_PROXY", "none"),
    ] {
        let mut wmctl = fleet.wmctl.clone();
        if variable != "HTTPS_PROXY" {
            wmctl.set("ALL_PROXY", &proxy);
        }
        wmctl.set(variable, value);
        let failed = wmctl.output(&["pair", "--tenant", &name]).await;
        let words = String::from_utf8(failed.stderr).unwrap();
        assert_eq!(failed.status.code(), Some(8), "{variable}: {words}");
        assert!(
            words.contains(SERVER) && !words.contains(PASSWORD),
            "{words}"
        );
    }
    // One that cannot be used stops what connects, and nothing else.
    let mut wmctl = fleet.wmctl.clone();
    wmctl.set("ALL_PROXY", "ftp://somebody:hunter2@proxy.test:21");
    let failed = wmctl.output(&["pair", "--tenant", &name]).await;
    let words = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(3), "{words}");
    assert!(
        words.contains("ALL_PROXY") && !words.contains(PASSWORD),
        "{words}"
    );
    wmctl.done(&["tenants", "list"]).await;
    let shown = wmctl.output(&["config", "show"]).await;
    assert_eq!(shown.status.code(), Some(3));
    assert!(!String::from_utf8(shown.stdout).unwrap().contains(PASSWORD));
    // The right one leads there.
    fleet.wmctl.set("all_proxy", &proxy);
    let shown = fleet.wmctl.done(&["config", "show"]).await;
    assert!(
        shown.contains("environment all_proxy") && !shown.contains(PASSWORD),
        "{shown}"
    );
    let mut pairing = fleet.wmctl.start(&["pair", "--tenant", &name]);
    let qr = pairing.expect("a code", |line| line["event"] == "qr").await;
    fleet
        .sim
        .scan(&phone(0), qr["code"].as_str().unwrap())
        .await
        .unwrap();
    assert!(pairing.ended().await.success());
    assert!(
        !fleet.wmctl.log().contains(PASSWORD),
        "a password is logged"
    );
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
        let mut pairing = fleet
            .wmctl
            .start(&["pair", "--create", "--tenant", &tenant]);
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
