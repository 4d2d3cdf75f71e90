use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio_tungstenite::tungstenite::Message;

use crate::config::WhatsAppServer;
use crate::net::dial::{DialError, Dialer};
use crate::net::websocket::SocketError;

fn server(url: &str) -> WhatsAppServer {
    WhatsAppServer {
        url: url.to_owned(),
        root_key: None,
        ca_file: None,
        client_version: None,
        proxy: None,
    }
}

#[test]
fn urls_are_checked_before_anything_is_dialled() {
    for url in ["http://a/b", "wss:///x", "nonsense", ""] {
        assert!(
            matches!(Dialer::new(&server(url)), Err(DialError::Url)),
            "{url}"
        );
    }
    assert!(Dialer::new(&server("wss://web.whatsapp.com/ws/chat")).is_ok());
    let missing = WhatsAppServer {
        ca_file: Some("/nowhere.pem".into()),
        ..server("wss://a/b")
    };
    let error = Dialer::new(&missing).unwrap_err();
    assert!(error.is_configuration(), "{error}");
}

#[tokio::test]
async fn messages_go_both_ways_and_ends_are_told_apart() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws/chat", listener.local_addr().unwrap());
    let serve = async {
        let (stream, _) = listener.accept().await.unwrap();
        let mut socket = tokio_tungstenite::accept_async(stream).await.unwrap();
        let message = socket.next().await.unwrap().unwrap();
        socket.send(message).await.unwrap();
        socket.send(Message::Ping(Bytes::new())).await.unwrap();
        socket
            .send(Message::Binary(Bytes::from_static(b"two")))
            .await
            .unwrap();
        socket.close(None).await.unwrap();
        while socket.next().await.is_some() {}
    };
    let dial = async {
        let mut socket = Dialer::new(&server(&url)).unwrap().dial().await.unwrap();
        socket.send(vec![Bytes::from_static(b"one")]).await.unwrap();
        assert_eq!(socket.receive().await.unwrap(), "one");
        assert_eq!(socket.receive().await.unwrap(), "two");
        assert_eq!(socket.receive().await, Err(SocketError::Closed));
        socket.close().await;
    };
    tokio::join!(serve, dial);
}

#[tokio::test]
async fn a_closed_port_is_refused_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    drop(listener);
    let dialer = Dialer::new(&server(&url)).unwrap();
    let error = tokio::time::timeout(Duration::from_secs(5), dialer.dial())
        .await
        .unwrap();
    assert!(matches!(error, Err(DialError::Connect { .. })));
}
