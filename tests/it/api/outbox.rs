//! Messages and events over HTTP: keys, batches, distinct error codes, and pointers to errors.

use serde_json::{Value, json};

use super::fleet::{FRIEND, Fleet, tenant};
use super::http::{Answer, ask, curl};

/// Starts a host with one paired tenant. Returns the path of that tenant.
async fn host() -> (Fleet, String, String) {
    let mut fleet = Fleet::start(1).await;
    let at = fleet.join("a").await;
    let connected = |list: &[Value]| list.iter().any(|one| one["state"] == "connected");
    fleet.until("the tenant runs", connected).await;
    let path = format!("/api/tenants/{}", tenant(0));
    (fleet, at, path)
}

fn message(text: &str) -> Value {
    json!({ "to": FRIEND, "text": text })
}

fn told(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["code"].clone())
}

/// Sends a request with an `Idempotency-Key` header.
async fn with_key(at: &str, path: &str, key: &str, body: &Value) -> Answer {
    let url = format!("http://localhost:8080{path}/messages");
    let header = format!("Idempotency-Key: {key}");
    let body = body.to_string();
    curl(at, &["-X", "POST", &url, "-H", &header, "-d", &body]).await
}

#[tokio::test]
async fn a_key_in_the_header_is_one_message() {
    let (fleet, at, path) = host().await;
    let first = with_key(&at, &path, "order-77", &message("paid")).await;
    assert_eq!(first.status, 202);
    let id = first.json()["id"].as_str().unwrap().to_owned();
    let place = format!("{path}/messages/{id}");
    assert!(
        first
            .head
            .contains(&format!("location: {}", place.to_lowercase()))
    );
    for key in ["order-77", "\"order-77\""] {
        let again = with_key(&at, &path, key, &message("paid")).await;
        assert_eq!((again.status, &again.json()["id"]), (202, &json!(id)));
        assert_eq!(again.json()["idempotency_key"], "order-77");
    }
    let mut same = message("paid");
    same["idempotency_key"] = json!("order-77");
    let body = ask(
        &at,
        "",
        "POST",
        &format!("{path}/messages"),
        Some(same.clone()),
    )
    .await;
    assert_eq!(body.json()["id"], json!(id));
    let reused = with_key(&at, &path, "order-77", &message("cancelled")).await;
    assert_eq!(told(&reused), (422, json!("IDEMPOTENCY_KEY_REUSED")));
    assert_eq!(reused.json()["errors"][0]["pointer"], "#/idempotency_key");
    let torn = with_key(&at, &path, "order-78", &same).await;
    // Each of them is valid; only together they are not.
    assert_eq!(told(&torn), (409, json!("BAD_VALUE")));
    let shown = ask(&at, "", "GET", &place, None).await.json();
    assert_eq!(
        (&shown["id"], &shown["business_id"]),
        (&json!(id), &json!(tenant(0)))
    );
    let absent = ask(&at, "", "GET", &format!("{path}/messages/3EB0FF"), None).await;
    assert_eq!(told(&absent), (404, json!("NOT_FOUND")));
    let count = fleet.server.sql("wm", "SELECT count(*) FROM wmctl_outbox");
    assert_eq!(count.trim(), "1");
}

#[tokio::test]
async fn a_batch_is_taken_in_in_one_transaction() {
    let (fleet, at, path) = host().await;
    let url = format!("{path}/messages/batch");
    let batch = |count: usize| {
        let one = |number: usize| {
            json!({ "to": FRIEND, "text": format!("news {number}"),
                "idempotency_key": format!("n{number}") })
        };
        json!({ "messages": (0..count).map(one).collect::<Vec<_>>() })
    };
    let taken = ask(&at, "", "POST", &url, Some(batch(200))).await;
    assert_eq!(taken.status, 202);
    let items = taken.json()["items"].as_array().unwrap().clone();
    assert_eq!(items.len(), 200);
    let keys = items
        .iter()
        .map(|one| one["idempotency_key"].as_str().unwrap());
    assert!(keys.eq((0..200).map(|number| format!("n{number}"))));
    let transactions = "SELECT count(DISTINCT xmin::text) FROM wmctl_outbox WHERE state = 'queued'";
    let transactions: u32 = fleet.server.sql("wm", transactions).trim().parse().unwrap();
    assert!(transactions <= 1, "{transactions}");
    // One invalid message stops the batch, and the response points to it.
    let mut wrong = batch(3);
    wrong["messages"][1]["to"] = json!("nobody");
    wrong["messages"][2]["idempotency_key"] = json!("not there");
    let refused = ask(&at, "", "POST", &url, Some(wrong)).await;
    assert_eq!(told(&refused), (400, json!("RECIPIENT")));
    assert_eq!(refused.json()["errors"][0]["pointer"], "#/messages/1/to");
    // A key that was used with other content stops only its own message.
    let mut mixed = batch(2);
    mixed["messages"][0]["text"] = json!("something else");
    let mixed = ask(&at, "", "POST", &url, Some(mixed)).await.json();
    let states = [0, 1].map(|place| mixed["items"][place]["error"].clone());
    assert_eq!(states, [json!("IDEMPOTENCY_KEY_REUSED"), Value::Null]);
    assert_eq!(mixed["items"][1]["id"], items[1]["id"]);
    let count = fleet.server.sql("wm", "SELECT count(*) FROM wmctl_outbox");
    assert_eq!(count.trim(), "200");
    for (messages, pointer) in [(json!([]), "#/messages"), (json!([{}]), "#/messages/0/to")] {
        let body = json!({ "messages": messages });
        let refused = ask(&at, "", "POST", &url, Some(body)).await;
        assert_eq!(refused.status, 400);
        assert_eq!(refused.json()["errors"][0]["pointer"], pointer);
    }
    let many = ask(&at, "", "POST", &url, Some(batch(257))).await;
    assert_eq!(told(&many), (400, json!("BAD_VALUE")));
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let (_fleet, at, path) = host().await;
    let nobody = "/api/tenants/nope";
    for (method, rest, body) in [
        ("GET", "/events", None),
        ("POST", "/messages", Some(message("hello"))),
        (
            "POST",
            "/messages/batch",
            Some(json!({ "messages": [message("hello")] })),
        ),
        ("POST", "/pair", None),
        ("GET", "/pair", None),
        ("DELETE", "/pair", None),
        ("GET", "/webhooks", None),
        ("POST", "/start", None),
        ("POST", "/logout?confirm=nope", None),
        ("DELETE", "?purge=true&confirm=nope", None),
    ] {
        let answer = ask(&at, "", method, &format!("{nobody}{rest}"), body).await;
        assert_eq!(told(&answer), (404, json!("NOT_FOUND")), "{method} {rest}");
    }
    assert_eq!(ask(&at, "", "GET", nobody, None).await.status, 404);
    let added = json!({ "business_id": "fresh" });
    let added = ask(&at, "", "POST", "/api/tenants", Some(added)).await;
    assert_eq!(added.status, 201);
    assert!(added.head.contains("\r\nlocation: /api/tenants/fresh"));
    let send = ask(
        &at,
        "",
        "POST",
        "/api/tenants/fresh/messages",
        Some(message("x")),
    )
    .await;
    assert_eq!(told(&send), (409, json!("NOT_PAIRED")));
    let pairing = ask(&at, "", "GET", "/api/tenants/fresh/pair", None).await;
    assert_eq!(told(&pairing), (404, json!("NOT_PAIRING")));
    let again = ask(&at, "", "POST", &format!("{path}/pair"), None).await;
    assert_eq!(told(&again), (409, json!("ALREADY_PAIRED")));
    // The `type` URL explains the code.
    let kind = again.json()["type"].as_str().unwrap().to_owned();
    let page = ask(&at, "", "GET", &kind, None).await;
    assert_eq!(page.status, 200);
    assert!(String::from_utf8(page.body).unwrap().contains("replace"));
}

#[tokio::test]
async fn lengths_are_counted_in_characters() {
    let (_fleet, at, path) = host().await;
    let url = format!("{path}/messages");
    for (text, status) in [
        ("é".repeat(65_536), 202),
        ("\u{1f600}".repeat(65_536), 202),
        ("é".repeat(65_537), 400),
    ] {
        let body = json!({ "to": FRIEND, "text": text }).to_string();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("body");
        std::fs::write(&file, body).unwrap();
        let (url, body) = (
            format!("http://localhost:8080{url}"),
            format!("@{}", file.display()),
        );
        let sent = curl(&at, &["-X", "POST", &url, "-H", "Expect:", "-d", &body]).await;
        assert_eq!(sent.status, status, "{}", text.len());
    }
}

#[tokio::test]
async fn events_are_paged_and_their_absence_is_told() {
    let (fleet, at, path) = host().await;
    let url = |query: &str| format!("{path}/events{query}");
    let get = async |query: &str| ask(&at, "", "GET", &url(query), None).await;
    let now = get("?from_seq=now").await.json();
    assert_eq!(
        (&now["items"], &now["has_more"]),
        (&json!([]), &json!(false))
    );
    let next = now["next"].as_i64().unwrap();
    for number in 0..3 {
        let text = format!("hello {number}");
        fleet
            .sim
            .phone_sends(FRIEND, &super::fleet::phone(0), &text)
            .await
            .unwrap();
    }
    let (mut texts, mut from) = (Vec::new(), next);
    while texts.len() < 3 {
        let page = get(&format!("?from_seq={from}&limit=1&wait=5"))
            .await
            .json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 1);
        for event in items {
            let id = format!("{}-{}-", tenant(0), event["seq"]);
            assert!(
                event["event_id"].as_str().unwrap().starts_with(&id),
                "{event}"
            );
            assert_eq!(event["business_id"], tenant(0));
            texts.extend(event["text"].as_str().map(str::to_owned));
        }
        from = page["next"].as_i64().unwrap();
    }
    assert_eq!(texts, ["hello 0", "hello 1", "hello 2"]);
    let ahead = get("?from_seq=99999").await;
    assert_eq!(told(&ahead), (409, json!("EVENTS_AHEAD")));
    assert!(ahead.json()["last_seq"].is_i64());
    // Make all events but the newest older than the retention limit.
    let old = "UPDATE wmctl_event SET stored_ms = 1
        WHERE seq < (SELECT MAX(e.seq) FROM wmctl_event e)";
    fleet.server.sql("wm", old);
    fleet.wmctl.done(&["db", "prune"]).await;
    let removed = get("?from_seq=1").await;
    assert_eq!(told(&removed), (410, json!("EVENTS_REMOVED")));
    let first = removed.json()["first_seq"].as_i64().unwrap();
    let rest = get(&format!("?from_seq={first}")).await.json();
    assert_eq!(rest["items"][0]["seq"], first);
    commands_say_the_same(&fleet, &at, &rest["items"][0]).await;
}

/// Checks `events` and `send` through a host, with a log whose first events were removed.
async fn commands_say_the_same(fleet: &Fleet, at: &str, first: &Value) {
    let mut remote = fleet.wmctl.clone();
    remote.set("WMCTL_API", &format!("http://{at}"));
    let tenant = tenant(0);
    let gone = remote
        .output(&["events", "--tenant", &tenant, "--from-seq", "1"])
        .await;
    assert_eq!(gone.status.code(), Some(11));
    let shown = remote
        .done(&["events", "--tenant", &tenant, "--limit", "1"])
        .await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown, *first);
    let to = format!("+{FRIEND}");
    let send = [
        "send",
        "--tenant",
        &tenant,
        "--to",
        &to,
        "--text",
        "far",
        "--wait",
        "delivered",
    ];
    let sent: Value = serde_json::from_str(&remote.done(&send).await).unwrap();
    assert_eq!(
        (&sent["state"], &sent["business_id"]),
        (&json!("delivered"), &json!(tenant))
    );
    let nobody = remote
        .output(&["send", "--tenant", "nope", "--to", &to, "--text", "x"])
        .await;
    assert_eq!(nobody.status.code(), Some(5));
}
