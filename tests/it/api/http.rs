//! The interface as clients use it: the guide's commands, keys, and the refusals of every route.

use std::fmt;
use std::path::Path;
use std::process::Output;

use serde::de::{Error as _, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::process::Command;
use wmctl::api::openapi;
use wmctl::api::routes::{ROUTES, Route};
use wmctl::ops::keys::Action;

use crate::support::program::Program;
use crate::support::wmctl::Wmctl;

/// An HTTP response.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        strict(&self.body).unwrap_or_else(|error| {
            panic!("no JSON: {error}: {}", String::from_utf8_lossy(&self.body))
        })
    }
}

/// Runs `curl` with these arguments; `localhost:8080` is mapped to `address`.
pub(crate) async fn curl(address: &str, arguments: &[&str]) -> Answer {
    let connect = format!("localhost:8080:{address}");
    let output: Output = Command::new("curl")
        .args(["-sS", "-i", "--max-time", "30", "--connect-to", &connect])
        .args(arguments)
        .output()
        .await
        .expect("curl is installed");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "curl {arguments:?}: {words}");
    let end = output
        .stdout
        .windows(4)
        .position(|four| four == b"\r\n\r\n");
    let end = end.expect("an answer has a head");
    let head = String::from_utf8(output.stdout[..end].to_vec()).unwrap();
    Answer {
        status: head.split(' ').nth(1).unwrap().parse().unwrap(),
        body: output.stdout[end + 4..].to_vec(),
        head: head.to_lowercase(),
    }
}

/// Sends one request with a key and a body.
pub(crate) async fn ask(
    address: &str,
    key: &str,
    method: &str,
    path: &str,
    body: Option<Value>,
) -> Answer {
    let (url, header) = (
        format!("http://localhost:8080{path}"),
        format!("Authorization: Bearer {key}"),
    );
    let mut arguments = vec!["-X", method, &url];
    if !key.is_empty() {
        arguments.extend(["-H", &header]);
    }
    let body = body.map(|body| body.to_string());
    if let Some(body) = &body {
        arguments.extend(["-d", body]);
    }
    curl(address, &arguments).await
}

/// Parses JSON and refuses repeated names in an object, because readers handle them differently.
pub(crate) fn strict(text: &[u8]) -> Result<Value, serde_json::Error> {
    Ok(serde_json::from_slice::<Strict>(text)?.0)
}

struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Value;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_str<E>(self, value: &str) -> Result<Value, E> {
                Ok(value.into())
            }

            fn visit_unit<E>(self) -> Result<Value, E> {
                Ok(Value::Null)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
                let mut all = Vec::new();
                while let Some(Strict(item)) = items.next_element()? {
                    all.push(item);
                }
                Ok(all.into())
            }

            fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
                let mut all = serde_json::Map::new();
                while let Some((name, Strict(value))) = fields.next_entry::<String, _>()? {
                    if all.insert(name.clone(), value).is_some() {
                        return Err(A::Error::custom(format!("{name} is there twice")));
                    }
                }
                Ok(all.into())
            }
        }
        from.deserialize_any(Visit).map(Self)
    }
}

#[test]
fn a_name_that_comes_twice_is_noticed() {
    assert!(strict(br#"{"a":[1,2.5,null,{"b":"c"}],"d":true}"#).is_ok());
    let twice = strict(br#"{"a":{"b":1,"c":2,"b":1}}"#).unwrap_err();
    assert!(twice.to_string().contains("b is there twice"));
}

pub(crate) struct Host {
    pub(crate) wmctl: Wmctl,
    pub(crate) address: String,
    serve: Program,
    _folder: TempDir,
}

impl Host {
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_at(None, arguments).await
    }

    /// Starts a host with another database than a new SQLite file.
    pub(crate) async fn start_at(database: Option<&str>, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut wmctl = Wmctl::in_folder(folder.path());
        if let Some(url) = database {
            wmctl.set("WMCTL_DATABASE_URL", url);
            wmctl.done(&["migrate", "up"]).await;
        }
        let listen = ["serve", "--http", "127.0.0.1:0"];
        let mut serve = wmctl.start(&[&listen[..], arguments].concat());
        let http = serve
            .expect("an address", |line| line["type"] == "http")
            .await;
        Self {
            address: http["address"].as_str().unwrap().to_owned(),
            wmctl,
            serve,
            _folder: folder,
        }
    }

    async fn key(&self, arguments: &[&str]) -> String {
        self.wmctl.key(arguments).await
    }
}

#[tokio::test]
async fn the_guides_commands_work_as_they_are_written() {
    let mut host = Host::start(&[]).await;
    let at = host.address.clone();
    let tenants = "http://localhost:8080/api/tenants";
    let json = ["-H", "Content-Type: application/json"];
    for (name, heads) in [
        ("tenant1", &json[..]),
        ("tenant2", &json[..]),
        ("customer1", &[]),
    ] {
        let body = format!("{{\"business_id\": \"{name}\"}}");
        let arguments = [&["-X", "POST", tenants], heads, &["-d", &body]].concat();
        let added = curl(&at, &arguments).await;
        assert_eq!(
            (added.status, &added.json()["business_id"]),
            (201, &json!(name))
        );
        assert_eq!(added.json()["state"], "unpaired");
        let again = curl(&at, &arguments).await;
        assert_eq!(again.status, 200);
    }
    let list = curl(&at, &[tenants]).await.json();
    let names: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["business_id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["customer1", "tenant1", "tenant2"]);
    let customer = "http://localhost:8080/api/tenants/customer1";
    let stopped = curl(&at, &["-X", "DELETE", customer]).await;
    assert_eq!(
        (stopped.status, &stopped.json()["enabled"]),
        (200, &json!(false))
    );
    assert_eq!(curl(&at, &[customer]).await.json()["enabled"], false);
    // Rows are deleted only if the tenant's name is repeated.
    let purge = format!("{customer}?purge=true");
    assert_eq!(curl(&at, &["-X", "DELETE", &purge]).await.status, 409);
    let purge = format!("{customer}?purge=true&confirm=customer1");
    assert_eq!(curl(&at, &["-X", "DELETE", &purge]).await.status, 204);
    assert_eq!(curl(&at, &[customer]).await.status, 404);
    host.serve.terminate().await;
    assert_eq!(host.serve.ended().await.code(), Some(0));
}

/// Four keys: all permissions; all for another tenant; all but one permission; none.
struct Keys {
    full: String,
    other: String,
    lacking: Vec<(Action, String)>,
    wrong: String,
}

impl Host {
    async fn keys(&self) -> Keys {
        let allow = |actions: &[Action]| -> Vec<&'static str> {
            let words = actions.iter().flat_map(|one| ["--allow", one.word()]);
            words.collect()
        };
        let all = allow(&Action::ALL);
        let full = self.key(&[&["full"], &all[..]].concat()).await;
        let only = [&["other", "--only", "other"], &all[..]].concat();
        let other = self.key(&only).await;
        let mut lacking = Vec::new();
        for action in Action::ALL {
            let rest = Action::ALL.into_iter().filter(|one| *one != action);
            let rest = allow(&rest.collect::<Vec<_>>());
            let name = format!("no-{}", action.word());
            let key = self.key(&[&[name.as_str()], &rest[..]].concat()).await;
            lacking.push((action, key));
        }
        let mut wrong = full.clone();
        let last = if wrong.pop() == Some('0') { '1' } else { '0' };
        wrong.push(last);
        Keys {
            full,
            other,
            lacking,
            wrong,
        }
    }
}

/// Returns the route's path with names filled in.
fn path(route: &Route) -> String {
    route
        .path
        .replace("{id}", "acme")
        .replace("{host}", "nobody")
        .replace("{webhook}", "none")
        .replace("{message}", "3EB0")
}

/// Returns a body that is well-formed but refused for its contents.
fn body(route: &Route) -> Option<Value> {
    route.body.map(|(schema, _)| match schema {
        "TenantAdd" => json!({ "business_id": "acme" }),
        "TenantMove" => json!({ "host": null }),
        "WebhookAdd" => json!({ "url": "https://crm.example/hook" }),
        "Message" => json!({ "to": "+4915112345699", "text": "hello" }),
        "MessageBatch" => json!({ "messages": [{ "to": "+4915112345699", "text": "hello" }] }),
        _ => json!({}),
    })
}

#[tokio::test]
async fn every_route_refuses_whoever_may_not() {
    let host = Host::start(&["--rate", "1000"]).await;
    let at = host.address.as_str();
    let Keys {
        full,
        other,
        lacking,
        wrong,
    } = host.keys().await;
    for route in ROUTES {
        let (method, path) = (route.method, path(route));
        let asked = async |key: &str| ask(at, key, method, &path, body(route)).await;
        let what = format!("{method} {path}");
        for nobody in ["", &wrong, "wmk_", "nonsense"] {
            let refused = asked(nobody).await;
            assert_eq!(refused.status, 401, "{what}");
            assert!(refused.head.contains("www-authenticate: bearer"), "{what}");
            assert!(refused.head.contains("application/problem+json"), "{what}");
            let id = refused.json()["request_id"].as_str().unwrap().to_owned();
            assert!(
                refused.head.contains(&format!("x-request-id: {id}")),
                "{what}"
            );
        }
        let (_, without) = lacking
            .iter()
            .find(|(action, _)| *action == route.action)
            .unwrap();
        assert_eq!(asked(without).await.status, 403, "{what}");
        let names_one =
            route.path.contains("{id}") || route.body.is_some_and(|b| b.0 == "TenantAdd");
        if route.everyone || names_one {
            assert_eq!(asked(&other).await.status, 403, "{what}");
        } else {
            let list = asked(&other).await;
            assert_eq!(list.status, 200, "{what}");
            assert_eq!(list.json()["items"], json!([]), "{what}");
        }
        let status = asked(&full).await.status;
        assert!(![401, 403, 405].contains(&status), "{what}: {status}");
        assert!(status < 500, "{what}: {status}");
    }
    // Refused requests leave no audit entry; successful ones name their actor.
    let audit = ask(at, &full, "GET", "/api/audit", None).await.json();
    let actors = audit["items"].as_array().unwrap().iter();
    let mut actors: Vec<_> = actors
        .filter(|row| row["request_id"].is_string())
        .map(|row| row["actor"].as_str().unwrap().to_owned())
        .collect();
    actors.dedup();
    assert_eq!(actors, ["full"]);
    // A deleted key is refused at once.
    host.wmctl.done(&["keys", "rm", "full", "--yes"]).await;
    assert_eq!(
        ask(at, &full, "GET", "/api/tenants", None).await.status,
        401
    );
    let kept = std::fs::read(host.wmctl.database()).unwrap();
    let secret = &other.as_bytes()[other.len() - 64..];
    assert!(
        !kept.windows(64).any(|part| part == secret),
        "a key is kept"
    );
}

/// Headers that show that a request does not come from this machine or is not addressed to it.
const STRANGERS: &[&str] = &[
    "Host: evil.example",
    "Host: localhost.evil.example:8080",
    "Origin: http://evil.example",
    "Origin: null",
    "Sec-Fetch-Site: cross-site",
    "X-Forwarded-For: 127.0.0.1",
    "X-Forwarded-Host: localhost",
    "X-Real-IP: 127.0.0.1",
    "Forwarded: for=127.0.0.1",
    "Via: 1.1 proxy",
];

#[tokio::test]
async fn every_route_wants_a_key_of_strangers() {
    let host = Host::start(&["--rate", "1000"]).await;
    let at = host.address.as_str();
    for route in ROUTES {
        let url = format!("http://localhost:8080{}", path(route));
        let body = body(route).map_or_else(String::new, |body| body.to_string());
        for header in STRANGERS {
            let arguments = ["-X", route.method, &url, "-H", header, "-d", &body];
            let refused = curl(at, &arguments).await;
            assert_eq!(refused.status, 401, "{} {url} {header}", route.method);
        }
    }
    // Nothing was changed: a local request sees no tenant and no audit entry.
    let url = "http://localhost:8080/api/audit";
    let own = [
        "Origin: http://localhost:8080",
        "Sec-Fetch-Site: same-origin",
    ];
    let audit = curl(at, &["-H", own[0], "-H", own[1], url]).await;
    assert_eq!((audit.status, &audit.json()["items"]), (200, &json!([])));
    // A key works through a proxy too.
    let key = host.key(&["reader"]).await;
    let header = format!("X-API-Key: {key}");
    let url = "http://localhost:8080/api/tenants";
    for stranger in STRANGERS {
        let answer = curl(at, &["-H", &header, "-H", stranger, url]).await;
        assert_eq!(answer.status, 200, "{stranger}");
    }
}

#[tokio::test]
async fn every_route_refuses_what_is_no_request_to_it() {
    let host = Host::start(&["--rate", "1000"]).await;
    let at = host.address.as_str();
    let file = host.wmctl.database().with_file_name("big.json");
    let big = json!({ "business_id": "a", "proxy": "x".repeat(1_100_000) });
    std::fs::write(&file, big.to_string()).unwrap();
    let big = format!("@{}", file.display());
    for route in ROUTES {
        let documented: Vec<u16> = openapi::refusals(route).iter().map(|one| one.0).collect();
        let url = format!("http://localhost:8080{}", path(route));
        let what = format!("{} {url}", route.method);
        let ask = ["-X", route.method, &url];
        let refused = async |more: &[&str], status: u16, code: &str| {
            let answer = curl(at, &[&ask[..], more].concat()).await;
            assert_eq!(answer.status, status, "{what} {more:?}");
            assert_eq!(answer.json()["code"], code, "{what} {more:?}");
            assert!(
                documented.contains(&status),
                "{what}: {status} is not documented"
            );
        };
        refused(&["-d", &big, "-H", "Expect:"], 413, "TOO_LARGE").await;
        if route.path.contains("{id}") {
            let url = url.replace("acme", "a%20b");
            let answer = curl(at, &["-X", route.method, &url]).await;
            assert_eq!(answer.status, 400, "{what}");
        }
        let odd = format!("{url}?colour=red");
        assert_eq!(
            curl(at, &["-X", route.method, &odd]).await.status,
            400,
            "{what}"
        );
        let Some(body) = body(route) else { continue };
        let body = body.to_string();
        for named in [
            "text/plain",
            "text/xml",
            "multipart/form-data",
            "application/cbor",
            "json",
        ] {
            let header = format!("Content-Type: {named}");
            refused(&["-d", &body, "-H", &header], 415, "CONTENT_TYPE").await;
        }
        refused(&["-d", "{"], 400, "BAD_JSON").await;
        refused(&["-d", "[]"], 400, "BAD_JSON").await;
        let colour = curl(at, &[&ask[..], &["-d", "{\"colour\":\"red\"}"]].concat()).await;
        let colour = colour.json();
        let code = colour["code"].as_str().unwrap();
        assert!(["UNKNOWN_FIELD", "MISSING_FIELD"].contains(&code), "{what}");
        assert!(colour["errors"][0]["pointer"].is_string(), "{what}");
    }
    let audit = ask(at, "", "GET", "/api/audit", None).await.json();
    assert_eq!(audit["items"], json!([]), "something was done");
}

#[tokio::test]
async fn the_document_and_the_router_agree() {
    let host = Host::start(&["--rate", "1000"]).await;
    let at = host.address.as_str();
    let served = ask(at, "", "GET", "/openapi.json", None).await.json();
    assert_eq!(served, openapi::document());
    let paths = served["paths"].as_object().unwrap();
    for (template, operations) in paths {
        let path = template.replace("{id}", "acme").replace("{host}", "nobody");
        let path = path
            .replace("{webhook}", "none")
            .replace("{message}", "3EB0");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] {
            let answer = ask(at, "", method, &path, None).await;
            let documented = operations.get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != 405, documented, "{method} {path}");
            assert!(
                documented || answer.head.contains("\r\nallow: "),
                "{method} {path}"
            );
        }
        let text = operations.to_string();
        for name in text.split("#/components/schemas/").skip(1) {
            let name = name.split('"').next().unwrap();
            assert!(served["components"]["schemas"][name].is_object(), "{name}");
        }
    }
    let documented: usize = paths
        .values()
        .map(|operations| operations.as_object().unwrap().len() - 1)
        .sum();
    assert_eq!(documented, ROUTES.len());
    let absent = ask(at, "", "GET", "/api/nothing", None).await;
    assert_eq!(
        (absent.status, &absent.json()["code"]),
        (404, &json!("NO_PATH"))
    );
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let host = Host::start(&["--rate", "1000"]).await;
    let at = host.address.as_str();
    for (method, path, body) in [
        ("GET", "/api/tenants?limit=0", None),
        ("GET", "/api/tenants?limit=many", None),
        ("GET", "/api/tenants?nothing=1", None),
        ("GET", "/api/tenants?limit=1&limit=2", None),
        ("GET", "/api/tenants?after=a%20b", None),
        ("GET", "/api/tenants/a%20b", None),
        ("GET", "/api/tenants/%ff", None),
        ("POST", "/api/tenants", None),
        ("POST", "/api/tenants", Some(json!([]))),
        (
            "POST",
            "/api/tenants",
            Some(json!({ "business_id": "a b" })),
        ),
        (
            "POST",
            "/api/tenants",
            Some(json!({ "business_id": "a", "colour": "red" })),
        ),
        (
            "POST",
            "/api/tenants",
            Some(json!({ "business_id": "a", "proxy": "ftp://x:1" })),
        ),
        (
            "POST",
            "/api/tenants",
            Some(json!({ "business_id": "a", "platform": "netscape" })),
        ),
        (
            "POST",
            "/api/tenants/a/pair",
            Some(json!({ "phone": "nobody" })),
        ),
    ] {
        let refused = ask(at, "", method, path, body.clone()).await;
        assert_eq!(refused.status, 400, "{method} {path} {body:?}");
        assert!(refused.json()["detail"].is_string());
    }
    assert_eq!(
        ask(at, "", "GET", "/api/tenants", None).await.json()["items"],
        json!([])
    );
}

#[tokio::test]
async fn too_many_requests_have_to_wait() {
    let host = Host::start(&["--rate", "1"]).await;
    let at = host.address.as_str();
    let key = host.key(&["reader"]).await;
    let mut refused = None;
    for _ in 0..8 {
        let answer = ask(at, &key, "GET", "/api/tenants", None).await;
        assert!(answer.head.contains("\r\nratelimit: "), "{}", answer.head);
        assert!(
            answer
                .head
                .contains("\r\nratelimit-policy: \"requests\";q=2;w=2")
        );
        refused = Some(answer)
            .filter(|answer| answer.status == 429)
            .or(refused);
    }
    let refused = refused.expect("somebody has to wait");
    assert!(
        refused.head.contains("\r\nretry-after: 1"),
        "{}",
        refused.head
    );
    assert_eq!(refused.json()["code"], "RATE_LIMIT");
    // Other clients are not limited.
    let another = host.key(&["another"]).await;
    assert_eq!(
        ask(at, &another, "GET", "/api/tenants", None).await.status,
        200
    );
}

#[tokio::test]
async fn others_are_let_in_only_with_keys() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let open = ["serve", "--http", "0.0.0.0:0"];
    let refused = wmctl.output(&open).await;
    assert_eq!(refused.status.code(), Some(3));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("NO_API_KEYS"));
    wmctl.key(&["reader"]).await;
    let mut serve = wmctl.start(&open);
    let http = serve
        .expect("an address", |line| line["type"] == "http")
        .await;
    let port = http["address"]
        .as_str()
        .unwrap()
        .rsplit_once(':')
        .unwrap()
        .1
        .to_owned();
    let at = format!("127.0.0.1:{port}");
    assert_eq!(ask(&at, "", "GET", "/api/tenants", None).await.status, 401);
}

#[tokio::test]
async fn commands_work_through_the_interface_as_at_the_rows() {
    let host = Host::start(&[]).await;
    let url = format!("http://{}", host.address);
    let all = ["--allow", "read", "--allow", "write", "--allow", "admin"];
    let key = host.key(&[&["ops"], &all[..]].concat()).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let mut remote = Wmctl::in_folder(elsewhere.path());
    remote.set("WMCTL_API", &url);
    let refused = remote.output(&["tenants", "list"]).await;
    assert_eq!(refused.status.code(), Some(4));
    let file = elsewhere.path().join("key");
    std::fs::write(&file, format!("{key}\n")).unwrap();
    remote.set("WMCTL_API_KEY_FILE", file.to_str().unwrap());
    let proxy = "socks5://me:secret@proxy.example:1080";
    let added = remote
        .done(&["tenants", "add", "acme", "--proxy", proxy])
        .await;
    assert!(
        added.contains("socks5://me:***@proxy.example:1080"),
        "{added}"
    );
    assert!(!added.contains("secret"));
    for from in [&remote, &host.wmctl] {
        let shown = from.done(&["tenants", "list", "-o", "name"]).await;
        assert_eq!(shown, "acme\n");
        from.done(&["tenants", "stop", "acme"]).await;
        let moved = from
            .done(&["tenants", "move", "acme", "--to", "b", "--json"])
            .await;
        let moved: Value = serde_json::from_str(&moved).unwrap();
        assert_eq!(
            (&moved["enabled"], &moved["wanted_host"]),
            (&json!(false), &json!("b"))
        );
        from.done(&["tenants", "start", "acme"]).await;
        let late = from
            .output(&["tenants", "wait", "acme", "--timeout", "0"])
            .await;
        assert_eq!(late.status.code(), Some(10));
        let unknown = from.output(&["tenants", "show", "nobody"]).await;
        assert_eq!(unknown.status.code(), Some(5));
        let hosts = from.done(&["hosts"]).await;
        assert_eq!(hosts.lines().count(), 1, "{hosts}");
    }
    let asks = remote.output(&["tenants", "rm", "acme"]).await;
    assert_eq!(asks.status.code(), Some(2));
    remote.done(&["tenants", "rm", "acme", "--yes"]).await;
    assert_eq!(host.wmctl.done(&["tenants", "list"]).await, "");
    assert!(Path::new(&host.wmctl.database()).exists());
    assert!(
        !elsewhere.path().join("wmctl.db").exists(),
        "no rows are made elsewhere"
    );
}
