//! whatsapp-rust as a client that somebody else wrote: it connects to a simulated WhatsApp, does
//! what standard input says and tells on standard output what it sees. Both are one JSON object a
//! line.
//!
//!     client URL FILE DEVICE_ID NAME
//!
//! FILE keeps keys and sessions between runs, of several accounts by DEVICE_ID. Commands:
//! `{"cmd":"send","jid","text","tag"}` and `{"cmd":"quit"}`.

use std::io::Write as _;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use whatsapp_rust::prelude::*;
use whatsapp_rust::transport::TokioWebSocketTransportFactory;

/// What the client claims to be, so that it does not ask the real server.
const VERSION: (u32, u32, u32) = (2, 3000, 1_023_000_000);
const PRE_KEYS: usize = 40;

fn tell(event: &Value) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{event}").and_then(|()| out.flush()).expect("somebody reads");
}

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, file, device, name] = &arguments[..] else {
        eprintln!("usage: client URL FILE DEVICE_ID NAME");
        std::process::exit(2);
    };
    let device = device.parse().expect("DEVICE_ID is a number");
    let store = SqliteStore::new_for_device(file, device).await.expect("the file opens");
    let bot = Bot::builder()
        .with_backend(store)
        .with_transport_factory(TokioWebSocketTransportFactory::new().with_url(url))
        .with_version(VERSION)
        .with_push_name(name)
        .with_wanted_pre_key_count(PRE_KEYS)
        .skip_history_sync()
        .on_qr_code(|code, _| async move { tell(&json!({"ev": "qr", "qr": code})) })
        .on_connected(|client| async move {
            let shown = |jid: Option<Jid>| jid.map(|jid| jid.to_string());
            let me = json!({"id": shown(client.pn()), "lid": shown(client.lid())});
            tell(&json!({"ev": "connection", "connection": "open", "me": me}));
        })
        .on_message(|context| async move {
            let text = context.message.text_content();
            let (from, chat) = (&context.info.source.sender, &context.info.source.chat);
            let (from, chat) = (from.to_string(), chat.to_string());
            tell(&json!({"ev": "message", "text": text, "from": from, "chat": chat}));
        })
        .build()
        .await
        .expect("it starts");
    let client = bot.client();
    let handle = bot.spawn();
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let command: Value = serde_json::from_str(&line).expect("a line is JSON");
        match command["cmd"].as_str() {
            Some("send") => tell(&send(&client, &command).await),
            _ => break,
        }
    }
    handle.shutdown().await;
}

async fn send(client: &Arc<Client>, command: &Value) -> Value {
    let text = |key: &str| command[key].as_str().unwrap_or_default().to_owned();
    let to: Jid = text("jid").parse().expect("jid is an address");
    let sent = client.send_message(to, wa::Message::text(text("text"))).await;
    match sent {
        Ok(sent) => json!({
            "ev": "result", "tag": command["tag"], "ok": true, "key": {"id": sent.message_id},
        }),
        Err(error) => json!({
            "ev": "result", "tag": command["tag"], "ok": false, "error": error.to_string(),
        }),
    }
}
