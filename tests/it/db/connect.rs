//! Connection URLs against a server of the test's own: what `wmctl` does with each form, what it
//! prints, and how it exits. A password must never appear.

use std::net::TcpListener;
use std::time::Duration;

use futures_util::stream::{self, StreamExt as _};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose,
};
use tempfile::TempDir;
use tokio::time::Instant;

use crate::support::postgres::{Postgres, Setup};
use crate::support::wmctl::Wmctl;

/// How many commands run at the same time.
const AT_ONCE: usize = 4;
const PASSWORD: &str = "s3cr3t/#:@% é";
const ENCODED: &str = "s3cr3t%2F%23%3A%40%25%20%C3%A9";

/// The server's access rules (`pg_hba.conf`).
const ACCESS: &str = "
    local all all trust
    hostssl all tls_only all trust
    hostnossl all plain_only all trust
    hostssl all by_certificate all cert
    host all by_password all scram-sha-256
    host all wm all trust\n";

type Issuer = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Issuer {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}

/// A server with TLS, and certificate files.
struct Place {
    server: Postgres,
    folder: TempDir,
    port: u16,
    signed: (String, String),
    self_signed: (String, String),
}

impl Place {
    /// Listens on both addresses of this machine. The certificate names only `localhost`.
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (root, other) = (authority("root"), authority("other"));
        let key = KeyPair::generate().unwrap();
        let leaf = params("localhost").signed_by(&key, &root).unwrap();
        let signed = (leaf.pem(), key.serialize_pem());
        let leaf = params("localhost").self_signed(&key).unwrap();
        let self_signed = (leaf.pem(), key.serialize_pem());
        let client = KeyPair::generate().unwrap();
        let of_client = params("by_certificate").signed_by(&client, &root).unwrap();
        let write = |name: &str, text: &str| {
            std::fs::write(folder.path().join(name), text).unwrap();
        };
        write("root.pem", &root.pem());
        write("other.pem", &other.pem());
        write("self.pem", &self_signed.0);
        write("client.pem", &of_client.pem());
        write("client.key", &client.serialize_pem());
        write("empty.pem", "nothing\n");
        let server = Postgres::set_up(Setup {
            settings: vec!["listen_addresses=127.0.0.1,::1".into()],
            port: Some(port),
            ..Setup::default()
        });
        server.put("root.crt", &root.pem());
        server.put("pg_hba.conf", ACCESS);
        server.create("w");
        let roles = ["tls_only", "plain_only", "by_certificate"];
        let roles = roles
            .map(|role| format!("CREATE ROLE {role} SUPERUSER LOGIN;"))
            .concat();
        let password = format!("CREATE ROLE by_password SUPERUSER LOGIN PASSWORD '{PASSWORD}'");
        server.sql("postgres", &(roles + &password));
        server.sql("postgres", "ALTER SYSTEM SET ssl_ca_file = 'root.crt'");
        let place = Self {
            server,
            folder,
            port,
            signed,
            self_signed,
        };
        place.shows(&place.signed);
        place
    }

    /// Makes the server use this certificate from now on.
    fn shows(&self, (certificate, key): &(String, String)) {
        self.server.put("server.crt", certificate);
        self.server.put("server.key", key);
        self.server.sql("postgres", "ALTER SYSTEM SET ssl = on");
        self.server.restart("fast");
    }

    fn without_tls(&self) {
        self.server.sql("postgres", "ALTER SYSTEM SET ssl = off");
        self.server.restart("fast");
    }

    /// Returns an installation with this URL. Words stand for the server's port, the folder of its
    /// socket (plain and percent-encoded), the folder of the certificates, and the password.
    fn wmctl(&self, url: &str) -> Wmctl {
        let socket = self.server.folder().display().to_string();
        let mut url = url.to_owned();
        for (word, text) in [
            ("PORT", self.port.to_string()),
            ("SOCKET", socket.clone()),
            ("PATH", socket.replace('/', "%2F")),
            ("DIR", self.folder.path().display().to_string()),
            ("PASSWORD", ENCODED.to_owned()),
        ] {
            url = url.replace(word, &text);
        }
        let mut wmctl = Wmctl::in_folder(self.folder.path());
        wmctl.set("WMCTL_DATABASE_URL", &url);
        wmctl.set("WMCTL_LOG_LEVEL", "trace");
        wmctl
    }

    /// Checks that each URL reaches the server, over a connection that `doctor` describes with
    /// these words.
    async fn reached(&self, cases: &[(&str, &str)]) {
        let look = async |(url, words): &(&str, &str)| {
            let (code, said) = self
                .asked(url, &["doctor", "--offline", "-o", "jsonl"])
                .await;
            let line = said
                .lines()
                .find(|line| line.contains(r#""check":"database""#));
            let line = line.unwrap_or_default();
            assert!(
                code == 0 && line.contains(words),
                "{url}: {code} {line} {said}"
            );
        };
        stream::iter(cases).for_each_concurrent(AT_ONCE, look).await;
    }

    /// Checks that each URL is refused with this exit code and these words.
    async fn refused(&self, cases: &[(&str, i32, &str, &str)]) {
        let look = async |(url, expected, name, words): &(&str, i32, &str, &str)| {
            let (code, said) = self.asked(url, &["migrate", "status", "-o", "table"]).await;
            let ending = format!("code: {name} (exit {expected})");
            assert!(
                code == *expected && said.contains(&ending) && said.contains(words),
                "{url}: {code} {said}"
            );
        };
        stream::iter(cases).for_each_concurrent(AT_ONCE, look).await;
    }

    /// Returns the exit code and all output.
    async fn asked(&self, url: &str, arguments: &[&str]) -> (i32, String) {
        let output = self.wmctl(url).output(arguments).await;
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8(said).unwrap();
        for secret in [PASSWORD, ENCODED, "s3cr3t"] {
            assert!(!said.contains(secret), "{url}: {said}");
        }
        (output.status.code().unwrap_or(-1), said)
    }
}

const PLAIN: &str = "not encrypted, role wm";
const REFUSED: &str = "no pg_hba.conf entry";
const UNKNOWN: &str = "UnknownIssuer";
const REACHED_OVER_TLS: &[(&str, &str)] = &[
    (
        "postgres://wm@localhost:PORT/w?sslmode=disable",
        "not encrypted",
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=allow",
        "not encrypted",
    ),
    ("postgres://wm@localhost:PORT/w", "TLSv1.3 prefer"),
    (
        "postgres://wm@localhost:PORT/w?sslmode=require",
        "TLSv1.3 require",
    ),
    (
        "postgres://tls_only@localhost:PORT/w?sslmode=allow",
        "TLSv1.3 require",
    ),
    (
        "postgres://tls_only@localhost:PORT/w?sslmode=prefer",
        "TLSv1.3 prefer",
    ),
    (
        "postgres://tls_only@localhost:PORT/w?sslmode=require",
        "TLSv1.3 require",
    ),
    (
        "postgres://plain_only@localhost:PORT/w?sslmode=disable",
        "not encrypted",
    ),
    (
        "postgres://plain_only@localhost:PORT/w?sslmode=allow",
        "not encrypted",
    ),
    (
        "postgres://plain_only@localhost:PORT/w?sslmode=prefer",
        "not encrypted",
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=require&sslrootcert=DIR/root.pem",
        "TLSv1.3 verify-ca",
    ),
    (
        "postgres://wm@127.0.0.1:PORT/w?sslmode=verify-ca&sslrootcert=DIR/root.pem",
        "TLSv1.3 verify-ca",
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=verify-full&sslrootcert=DIR/root.pem",
        "TLSv1.3 verify-full",
    ),
    (
        "postgres://by_certificate@localhost:PORT/w?sslmode=verify-full\
                 &sslrootcert=DIR/root.pem&sslcert=DIR/client.pem&sslkey=DIR/client.key",
        "TLSv1.3 verify-full",
    ),
    (
        "postgres://wm@[::1]:PORT/w?sslmode=require",
        "TLSv1.3 require",
    ),
];

const REFUSED_OVER_TLS: &[(&str, i32, &str, &str)] = &[
    (
        "postgres://tls_only@localhost:PORT/w?sslmode=disable",
        7,
        "DATABASE_LOGIN",
        REFUSED,
    ),
    (
        "postgres://plain_only@localhost:PORT/w?sslmode=require",
        7,
        "DATABASE_LOGIN",
        REFUSED,
    ),
    // Another authority.
    (
        "postgres://wm@localhost:PORT/w?sslmode=require&sslrootcert=DIR/other.pem",
        7,
        "DATABASE_TLS",
        UNKNOWN,
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=verify-ca&sslrootcert=DIR/other.pem",
        7,
        "DATABASE_TLS",
        UNKNOWN,
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=verify-full&sslrootcert=DIR/other.pem",
        7,
        "DATABASE_TLS",
        UNKNOWN,
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=verify-ca",
        7,
        "DATABASE_TLS",
        UNKNOWN,
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=verify-full",
        7,
        "DATABASE_TLS",
        UNKNOWN,
    ),
    (
        "postgres://wm@localhost:PORT/w?sslrootcert=system",
        7,
        "DATABASE_TLS",
        UNKNOWN,
    ),
    // A name that is not in the certificate.
    (
        "postgres://wm@127.0.0.1:PORT/w?sslmode=verify-full&sslrootcert=DIR/root.pem",
        7,
        "DATABASE_TLS",
        "not valid for name",
    ),
    // No client certificate.
    (
        "postgres://by_certificate@localhost:PORT/w?sslmode=require",
        7,
        "DATABASE_LOGIN",
        "client certificate",
    ),
];

const REACHED_FORMS: &[(&str, &str)] = &[
    ("postgres:///w?host=SOCKET&user=wm&port=PORT", PLAIN),
    ("postgres://wm@:PORT/w?host=SOCKET", PLAIN),
    ("postgres://wm@PATH:PORT/w", PLAIN),
    ("postgres://wm@PATH:PORT/w?sslmode=verify-full", PLAIN),
    (
        "postgres://wm:ignored@/w?host=DIR/project:region:instance&port=PORT",
        PLAIN,
    ),
    ("postgresql://wm@127.0.0.1:PORT/w?sslmode=disable", PLAIN),
    ("postgres://wm@[::1]:PORT/w?sslmode=disable", PLAIN),
    (
        "postgres:///?host=::1&port=PORT&user=wm&dbname=w&sslmode=disable",
        PLAIN,
    ),
    (
        "postgres:///w?hostaddr=127.0.0.1&port=PORT&user=wm&sslmode=disable",
        PLAIN,
    ),
    (
        "postgres://by_password:PASSWORD@localhost:PORT/w",
        "role by_password",
    ),
    (
        "postgres://by_password@localhost:PORT/w?password=PASSWORD",
        "role by_password",
    ),
    (
        "postgres://by_password:PASSWORD@localhost:PORT/w?sslmode=require&channel_binding=require",
        "role by_password",
    ),
    (
        "postgres://wm@localhost:1,localhost:PORT/w?target_session_attrs=read-write&\
                 keepalives=1&keepalives_idle=30&keepalives_interval=5&keepalives_count=3&\
                 tcp_user_timeout=10000",
        "role wm",
    ),
    (
        "postgres://wm@localhost:PORT/w?pool_max_conns=3&pool_min_conns=1&\
                 pool_max_conn_lifetime=1h&pool_max_conn_idle_time=30m&\
                 pool_health_check_period=1m&connect_timeout=5&application_name=mine&\
                 options=-c%20work_mem%3D1MB&statement_cache_capacity=0",
        "role wm",
    ),
];

const REFUSED_FORMS: &[(&str, i32, &str, &str)] = &[
    // Without a user, the user of the process applies.
    (
        "postgres://localhost:PORT/w",
        7,
        "DATABASE_LOGIN",
        "no pg_hba.conf entry for host",
    ),
    (
        "postgres://by_password:s3cr3t@localhost:PORT/w",
        7,
        "DATABASE_LOGIN",
        "password",
    ),
    (
        "postgres://by_password@localhost:PORT/w",
        7,
        "DATABASE_LOGIN",
        "password",
    ),
    (
        "postgres://nobody@localhost:PORT/w",
        7,
        "DATABASE_LOGIN",
        "nobody",
    ),
    (
        "postgres://wm@localhost:PORT/absent",
        7,
        "DATABASE_LOGIN",
        "absent",
    ),
    // Without a database, the user's name applies.
    (
        "postgres://wm@localhost:PORT",
        7,
        "DATABASE_LOGIN",
        r#"database "wm""#,
    ),
    ("postgres://wm@nowhere.invalid/w", 7, "DATABASE", "lookup"),
    ("postgres:///w?host=/nowhere", 7, "DATABASE", "No such file"),
    (
        "postgres://wm:s3cr3t@/w?host=a,b&port=1,2,3",
        3,
        "BAD_VALUE",
        "2 hosts and 3 ports",
    ),
    (
        "postgres://by_password:PASSWORD@localhost:PORT/w?sslmode=disable&channel_binding=require",
        7,
        "DATABASE_TLS",
        "channel binding",
    ),
    (
        "postgres://wm@h/w?target_session_attrs=standby",
        3,
        "BAD_VALUE",
        "wmctl writes",
    ),
    (
        "postgres://wm:s3cr3t@::1/w",
        3,
        "BAD_VALUE",
        "no usable port",
    ),
    (
        "postgres://wm@h/w?keepalives=s3cr3t",
        3,
        "BAD_VALUE",
        "parameter keepalives",
    ),
    (
        "postgres://wm@h/w?sslmode=s3cr3t",
        3,
        "BAD_VALUE",
        "parameter sslmode",
    ),
    ("postgres://wm@h/w?sslcert=/c", 3, "BAD_VALUE", "sslkey"),
    (
        "postgres://wm@h/w?sslrootcert=system&sslmode=verify-ca",
        3,
        "BAD_VALUE",
        "verify-full",
    ),
    (
        "postgres://wm@localhost:PORT/w?sslmode=verify-ca&sslrootcert=DIR/absent.pem",
        3,
        "DATABASE_TLS_FILE",
        "absent.pem",
    ),
    (
        "postgres://wm@localhost:PORT/w?sslrootcert=DIR/empty.pem",
        3,
        "DATABASE_TLS_FILE",
        "empty.pem",
    ),
    (
        "postgres://wm@localhost:PORT/w?sslcert=DIR/client.pem&sslkey=DIR/root.pem",
        3,
        "DATABASE_TLS_FILE",
        "sslkey",
    ),
];

/// Each TLS mode, with servers that require TLS, refuse it, lack it, or show another certificate.
#[tokio::test(flavor = "multi_thread")]
async fn every_mode_meets_every_server() {
    let place = Place::start();
    let up = "postgres://wm@localhost:PORT/w";
    place.wmctl(up).done(&["migrate", "up"]).await;
    place.reached(REACHED_OVER_TLS).await;
    place.refused(REFUSED_OVER_TLS).await;

    place.shows(&place.self_signed);
    place
        .reached(&[
            (
                "postgres://wm@localhost:PORT/w?sslmode=require",
                "TLSv1.3 require",
            ),
            (
                "postgres://wm@localhost:PORT/w?sslmode=verify-full&sslrootcert=DIR/self.pem",
                "TLSv1.3 verify-full",
            ),
        ])
        .await;
    place
        .refused(&[(
            "postgres://wm@localhost:PORT/w?sslmode=verify-ca&sslrootcert=DIR/root.pem",
            7,
            "DATABASE_TLS",
            "invalid peer certificate",
        )])
        .await;

    place.without_tls();
    for mode in ["disable", "allow", "prefer"] {
        let url = format!("postgres://wm@localhost:PORT/w?sslmode={mode}");
        place.reached(&[(&url, "not encrypted")]).await;
    }
    for mode in ["require", "verify-ca", "verify-full"] {
        let url = format!("postgres://wm@localhost:PORT/w?sslmode={mode}");
        let words = "server does not support TLS";
        place.refused(&[(&url, 7, "DATABASE_TLS", words)]).await;
    }
}

/// Hosts, sockets, names, passwords, and omitted parts.
#[tokio::test(flavor = "multi_thread")]
async fn every_form_of_a_url_leads_to_the_server() {
    let place = Place::start();
    let up = "postgres://wm@localhost:PORT/w";
    place.wmctl(up).done(&["migrate", "up"]).await;
    // As with Cloud SQL's proxy: a folder whose name has colons.
    let cloud = place.folder.path().join("project:region:instance");
    std::fs::create_dir(&cloud).unwrap();
    let name = format!(".s.PGSQL.{}", place.port);
    std::os::unix::fs::symlink(place.server.socket(), cloud.join(name)).unwrap();
    place.reached(REACHED_FORMS).await;
    place.refused(REFUSED_FORMS).await;
    let narrow = place.wmctl("postgres://wm@localhost:PORT/w?pool_max_conns=3");
    let shown = narrow.done(&["db", "connections", "-o", "json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["pool_max_conns"], 3);
}

/// URLs and passwords from the environment and from files.
#[tokio::test(flavor = "multi_thread")]
async fn urls_and_passwords_come_from_files() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::start();
    place.server.sql("w", "CREATE TABLE t (n INT)");
    let status = async |wmctl: &Wmctl| {
        let output = wmctl.output(&["doctor", "--offline"]).await;
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    // Only the line for this server in the password file applies.
    let port = place.port;
    let passwords = format!(
        "localhost:5432:*:*:wrong\nlocalhost:{port}:w:by_password:{}\n",
        PASSWORD.replace(':', "\\:")
    );
    let file = place.folder.path().join("passwords");
    std::fs::write(&file, passwords).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    let mut wmctl = place.wmctl("postgres://by_password@localhost:PORT/w");
    wmctl.set("PGPASSFILE", file.to_str().unwrap());
    assert!(status(&wmctl).await.contains("role by_password"));
    // What the URL omits comes from PostgreSQL's own variables.
    let mut wmctl = place.wmctl("postgres:///w");
    for (name, value) in [
        ("PGHOST", "localhost"),
        ("PGUSER", "wm"),
        ("PGSSLMODE", "require"),
    ] {
        wmctl.set(name, value);
    }
    wmctl.set("PGPORT", &port.to_string());
    assert!(status(&wmctl).await.contains("TLSv1.3 require, role wm"));
    wmctl.set("PGSSLMODE", "verify-full");
    assert!(status(&wmctl).await.contains("UnknownIssuer"));

    let file = place.folder.path().join("url");
    let url = format!("postgres://by_password:{ENCODED}@localhost:{port}/w");
    for (end, mode, warned) in [
        ("", 0o600, false),
        ("\n", 0o444, true),
        ("\r\n\n", 0o640, false),
    ] {
        std::fs::write(&file, format!("{url}{end}")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let mut wmctl = Wmctl::in_folder(place.folder.path());
        wmctl.unset("WMCTL_DATABASE_URL");
        wmctl.set("DATABASE_URL_FILE", file.to_str().unwrap());
        let said = status(&wmctl).await;
        assert!(
            said.contains("role by_password") && !said.contains("s3cr3t"),
            "{said}"
        );
        assert_eq!(said.contains("every user can read"), warned, "{said}");
        std::fs::remove_file(&file).unwrap();
    }
}

/// A listener that never answers is given up.
#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_says_nothing_is_given_up() {
    let place = tempfile::tempdir().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    for (query, least) in [("?connect_timeout=1&sslmode=disable", 1), ("", 2)] {
        let mut wmctl = Wmctl::in_folder(place.path());
        wmctl.set(
            "WMCTL_DATABASE_URL",
            &format!("postgres://wm:s3cr3t@127.0.0.1:{port}/w{query}"),
        );
        let begun = Instant::now();
        let ended = wmctl.output(&["migrate", "status", "-o", "table"]).await;
        let words = String::from_utf8(ended.stderr).unwrap();
        assert_eq!(ended.status.code(), Some(7), "{words}");
        assert!(
            words.contains("DATABASE (exit 7)") && !words.contains("s3cr3t"),
            "{words}"
        );
        let took = begun.elapsed();
        assert!(
            Duration::from_secs(least) <= took && took < Duration::from_secs(20),
            "{took:?}"
        );
    }
}
