//! TLS of the interface, tested with curl, openssl and `wmctl` itself.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::Instant;

use super::fleet::{Fleet, tenant};
use super::http::curl;
use crate::support::program::{PATIENCE, Program};
use crate::support::wmctl::Wmctl;

/// A certificate authority and its files.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: PathBuf,
}

impl Authority {
    fn make(folder: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, "tests");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        fs::write(folder.join("ca.pem"), issuer.pem()).unwrap();
        let folder = folder.to_owned();
        Self { issuer, folder }
    }

    /// Writes `NAME.pem` and `NAME.key`, valid until the end of `year`.
    fn certify(&self, name: &str, year: i32) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.not_after = date_time_ymd(year, 12, 31);
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        fs::write(self.file(&format!("{name}.pem")), leaf.pem()).unwrap();
        self.write_key(&format!("{name}.key"), &key.serialize_pem(), 0o600);
    }

    fn write_key(&self, name: &str, pem: &str, mode: u32) {
        fs::write(self.file(name), pem).unwrap();
        fs::set_permissions(self.file(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    fn options(&self, cert: &str, key: &str) -> [String; 4] {
        let options = ["--tls-cert", "--tls-key"].map(str::to_owned);
        let [a, b] = options;
        [a, self.file(cert), b, self.file(key)]
    }
}

/// Runs `openssl s_client` against the server.
async fn s_client(address: &str, more: &[&str]) -> Output {
    let output = Command::new("openssl")
        .args(["s_client", "-connect", address, "-servername", "localhost"])
        .args(more)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    output.await.expect("openssl is installed")
}

/// Waits until the server presents the certificate with this name.
async fn shows(address: &str, name: &str) {
    let begun = Instant::now();
    loop {
        let seen = s_client(address, &[]).await;
        let text = String::from_utf8_lossy(&seen.stdout).into_owned();
        let subject = text.lines().find(|line| line.starts_with("subject="));
        if subject.is_some_and(|line| line.ends_with(name)) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "not {name}: {text}");
    }
}

async fn listening(wmctl: &Wmctl, arguments: &[&str]) -> (Program, String) {
    let mut program = wmctl.start(arguments);
    let http = program.expect("an address", |line| line["type"] == "http");
    let address = http.await["address"].as_str().unwrap().to_owned();
    (program, address)
}

fn texts(options: &[String]) -> Vec<&str> {
    options.iter().map(String::as_str).collect()
}

pub(super) async fn hang_up(program: &Program) {
    let id = program.id().unwrap().to_string();
    let sent = Command::new("kill").args(["-HUP", &id]).status().await;
    assert!(sent.unwrap().success());
}

#[tokio::test]
async fn the_interface_speaks_tls_and_reads_its_certificate_again() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let authority = Authority::make(folder.path());
    authority.certify("first", 2099);
    let tls = authority.options("first.pem", "first.key");
    let serve = ["serve", "--http", "127.0.0.1:0"];
    let (mut program, at) = listening(&wmctl, &[&serve[..], &texts(&tls)].concat()).await;
    // A client that connects and sends nothing blocks no other client.
    let _silent = TcpStream::connect(&at).await.unwrap();
    let url = "https://localhost:8080/api/tenants";
    let ca = authority.file("ca.pem");
    assert_eq!(curl(&at, &["--cacert", &ca, url]).await.status, 200);
    assert_eq!(
        curl(&at, &["--cacert", &ca, "--tls-max", "1.2", url])
            .await
            .status,
        200
    );
    for (options, works) in [
        (&["-tls1_3"][..], true),
        (&["-tls1_2"], true),
        (&["-tls1_1", "-cipher", "DEFAULT@SECLEVEL=0"], false),
    ] {
        let seen = s_client(&at, options).await;
        let text = String::from_utf8_lossy(&seen.stdout).into_owned();
        let agreed = !text.contains("Cipher is (NONE)") && text.contains("Cipher is ");
        assert_eq!(agreed, works, "{options:?}: {text}");
    }
    // A client without TLS, or without the authority, gets no response.
    let connect = format!("localhost:8080:{at}");
    for (url, exit) in [("http://localhost:8080/", 52), (url, 60)] {
        let refused = Command::new("curl")
            .args(["-sS", "--max-time", "30", "--connect-to", &connect, url])
            .output();
        let refused = refused.await.unwrap();
        let code = refused.status.code().unwrap();
        // curl's exit code depends on how much of the TLS alert it has read.
        assert!(
            code == exit || (exit == 52 && [1, 56].contains(&code)),
            "{url}: {refused:?}"
        );
    }
    authority.certify("second", 2099);
    for kind in ["pem", "key"] {
        let (from, to) = (format!("second.{kind}"), format!("first.{kind}"));
        fs::rename(authority.file(&from), authority.file(&to)).unwrap();
    }
    shows(&at, "first").await;
    hang_up(&program).await;
    shows(&at, "second").await;
    // A certificate that does not match the key changes nothing, and the log says so.
    authority.certify("third", 2099);
    fs::rename(authority.file("third.pem"), authority.file("first.pem")).unwrap();
    hang_up(&program).await;
    let begun = Instant::now();
    while !wmctl.log().contains("the old certificate stays in use") {
        assert!(begun.elapsed() < PATIENCE, "{}", wmctl.log());
        tokio::task::yield_now().await;
    }
    assert!(wmctl.log().contains("is not the key of the certificate"));
    shows(&at, "second").await;
    program.terminate().await;
    assert_eq!(program.ended().await.code(), Some(0));
}

#[tokio::test]
async fn files_that_cannot_be_used_are_refused_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let authority = Authority::make(folder.path());
    authority.certify("good", 2099);
    authority.certify("other", 2099);
    authority.certify("old", 2001);
    let key = fs::read_to_string(authority.file("good.key")).unwrap();
    authority.write_key("open.key", &key, 0o604);
    authority.write_key("group.key", &key, 0o640);
    fs::write(authority.file("empty"), "").unwrap();
    for (cert, key, code) in [
        ("good.pem", "other.key", "TLS_MISMATCH"),
        ("ca.pem", "good.key", "TLS_MISMATCH"),
        ("old.pem", "old.key", "TLS_EXPIRED"),
        ("good.pem", "open.key", "TLS_KEY_EXPOSED"),
        ("good.pem", "absent", "TLS_FILES"),
        ("absent", "good.key", "TLS_FILES"),
        ("empty", "good.key", "TLS_FILES"),
        ("good.key", "good.key", "TLS_FILES"),
        ("good.pem", "good.pem", "TLS_KEY_EXPOSED"),
    ] {
        let tls = authority.options(cert, key);
        for command in ["serve", "run"] {
            let arguments = [&[command, "--http", "127.0.0.1:0"], &texts(&tls)[..]].concat();
            let refused = wmctl.output(&arguments).await;
            let words = String::from_utf8_lossy(&refused.stderr);
            assert_eq!(
                refused.status.code(),
                Some(3),
                "{command} {cert} {key}: {words}"
            );
            assert!(words.contains(code), "{command} {cert} {key}: {words}");
        }
    }
    let half = ["serve", "--tls-cert", &authority.file("good.pem")];
    let refused = wmctl.output(&half).await;
    assert_eq!(refused.status.code(), Some(3));
    // TLS does not replace API keys.
    let tls = authority.options("good.pem", "group.key");
    let open = ["serve", "--http", "0.0.0.0:0"];
    let refused = wmctl.output(&[&open[..], &texts(&tls)].concat()).await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("NO_API_KEYS"));
}

#[tokio::test]
async fn commands_reach_a_host_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let mut wmctl = Wmctl::in_folder(folder.path());
    let authority = Authority::make(folder.path());
    authority.certify("host", 2099);
    wmctl.set("WMCTL_TLS_CERT", &authority.file("host.pem"));
    wmctl.set("WMCTL_TLS_KEY", &authority.file("host.key"));
    let key = wmctl
        .key(&["ops", "--allow", "read", "--allow", "write"])
        .await;
    let (_program, at) = listening(&wmctl, &["serve", "--http", "127.0.0.1:0"]).await;
    let port = at.rsplit_once(':').unwrap().1;
    let elsewhere = tempfile::tempdir().unwrap();
    let mut remote = Wmctl::in_folder(elsewhere.path());
    remote.set("WMCTL_API_KEY", &key);
    let (api, ca) = (
        format!("https://localhost:{port}"),
        authority.file("ca.pem"),
    );
    for option in ["--ca-file", "--ca"] {
        let add = ["tenants", "add", "acme", "--api", &api, option, &ca];
        remote.done(&add).await;
        let list = ["tenants", "list", "-o", "name", "--api", &api, option, &ca];
        assert_eq!(remote.done(&list).await, "acme\n");
        remote.done(&["hosts", "--api", &api, option, &ca]).await;
    }
    let by_number = format!("https://127.0.0.1:{port}");
    for untrusted in [
        &["tenants", "list", "--api", &api][..],
        &["tenants", "list", "--api", &by_number, "--ca", &ca],
    ] {
        let refused = remote.output(untrusted).await;
        let words = String::from_utf8_lossy(&refused.stderr);
        assert_eq!(refused.status.code(), Some(8), "{words}");
        assert!(words.contains("UNTRUSTED"), "{words}");
    }
}

#[tokio::test]
async fn health_is_answered_over_tls() {
    let fleet = Fleet::start(1).await;
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::make(folder.path());
    authority.certify("host", 2099);
    let at = format!("127.0.0.1:{}", super::balance::free_port());
    let tls = authority.options("host.pem", "host.key");
    let name = tenant(0);
    let run = ["run", "--tenant", &name, "--http", &at];
    let mut run = fleet.wmctl.start(&[&run[..], &texts(&tls)].concat());
    let connected = |line: &Value| line["type"] == "status" && line["state"] == "connected";
    run.expect("a connection", connected).await;
    let ca = authority.file("ca.pem");
    let ready = curl(&at, &["--cacert", &ca, "https://localhost:8080/ready"]).await;
    assert_eq!(
        (ready.status, &ready.body[..]),
        (200, &b"Ready - Leader"[..])
    );
    run.terminate().await;
    assert_eq!(run.ended().await.code(), Some(0));
}
