//! Foreign clients complete the handshake with our server side and read our nodes.
//!
//! Without the simulator: only a socket, `noise` and `wire`, so that a failure points to them.

use std::time::Duration;

use bytes::BytesMut;
use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use wmctl::clock::{Entropy, SystemEntropy};
use wmctl::crypto::curve::KeyPair;
use wmctl::ids::Jid;
use wmctl::noise::cert::{self, Issue};
use wmctl::noise::server::{Next, Responder};
use wmctl::wire::node::Node;
use wmctl::wire::{decode, encode, frame};

use crate::support::baileys::{Baileys, Options, Version};

const BEFORE_FIRST_FRAME: Duration = Duration::from_millis(300);

const REFERENCE: &str = "2@reference-of-a-test";

/// A server that accepts one link and sends one pairing code.
struct Greeter {
    root: KeyPair,
    pair: KeyPair,
    chain: Vec<u8>,
}

impl Greeter {
    fn new() -> Self {
        let random = &mut *SystemEntropy.random();
        let [root, intermediate, pair] = [(); 3].map(|()| KeyPair::generate(random));
        let issue = Issue {
            root: &root.private,
            intermediate: &intermediate,
            server: pair.public,
            intermediate_serial: 3,
            leaf_serial: 7,
            not_before_s: 0,
            not_after_s: u64::from(u32::MAX),
        };
        let chain = cert::build(&issue, random);
        Self { root, pair, chain }
    }

    /// Serves one client up to its response to the code.
    async fn serve(self, listener: TcpListener) -> Node {
        let (stream, _) = listener.accept().await.expect("a client connects");
        let mut socket = tokio_tungstenite::accept_async(stream)
            .await
            .expect("it upgrades");
        let mut buffer = BytesMut::new();
        let hello = next_frame(&mut socket, &mut buffer, true).await;
        let server = Responder {
            pair: &self.pair,
            ephemeral: KeyPair::generate(&mut *SystemEntropy.random()),
            chain: &self.chain,
            prologue: &frame::HEADER,
        };
        let answer = server.read_client_hello(&hello).expect("a hello");
        send_frame(&mut socket, &answer.reply).await;
        let finish = next_frame(&mut socket, &mut buffer, false).await;
        let Next::Finish(unfinished) = answer.next else {
            panic!("Baileys does not resume")
        };
        let mut transport = unfinished
            .read_client_finish(&finish)
            .expect("a finish")
            .transport;

        // Baileys 6 loses a frame that arrives while it derives its keys, and gives no sign when it
        // is done. Only a delay helps.
        tokio::time::sleep(BEFORE_FIRST_FRAME).await;
        let code = Node::new("ref").bytes(REFERENCE);
        let pair_device = Node::new("iq")
            .attr("from", Jid::server())
            .attr("type", "set")
            .attr("id", "1")
            .attr("xmlns", "md")
            .with_child(Node::new("pair-device").with_child(code));
        let sealed = transport
            .seal(&encode::encode(&pair_device))
            .expect("it seals");
        send_frame(&mut socket, &sealed).await;
        let sealed = next_frame(&mut socket, &mut buffer, false).await;
        decode::decode(&transport.open(&sealed).expect("it opens")).expect("a node")
    }
}

async fn next_frame(
    socket: &mut WebSocketStream<TcpStream>,
    buffer: &mut BytesMut,
    mut intro: bool,
) -> Vec<u8> {
    loop {
        if intro
            && frame::split_intro(buffer)
                .expect("an introduction")
                .is_some()
        {
            intro = false;
        }
        if !intro && let Some(payload) = frame::split_frame(buffer).expect("a frame") {
            return payload.to_vec();
        }
        let message = socket
            .next()
            .await
            .expect("the client stays")
            .expect("it speaks WebSocket");
        buffer.extend_from_slice(&message.into_data());
    }
}

async fn send_frame(socket: &mut WebSocketStream<TcpStream>, payload: &[u8]) {
    let mut buffer = BytesMut::new();
    frame::put_frame(payload, &mut buffer).expect("the frame is short");
    socket
        .send(Message::Binary(buffer.freeze()))
        .await
        .expect("the client stays");
}

/// Starts a client that trusts `root_key`, against a server certified by its own root.
async fn start(
    version: Version,
    root_key: impl Fn(&Greeter) -> [u8; 32],
) -> (tempfile::TempDir, Baileys, JoinSet<Node>) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let listener = TcpListener::bind("127.0.0.1:0")
        .await
        .expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let greeter = Greeter::new();
    let options = Options {
        version,
        url: format!("ws://{address}/ws/chat"),
        root_key: hex::encode(root_key(&greeter)),
        phone: None,
    };
    let mut server = JoinSet::new();
    server.spawn(greeter.serve(listener));
    let client = Baileys::start("stranger", &options, folder.path());
    (folder, client, server)
}

#[tokio::test]
async fn strangers_open_a_link_and_read_our_nodes() {
    for version in [Version::V7, Version::V6] {
        let (_folder, mut client, mut server) = start(version, |g| g.root.public.0).await;
        let code = client.qr().await;
        assert!(code.contains(REFERENCE), "{code}");
        let answer = server
            .join_next()
            .await
            .expect("it serves")
            .expect("it serves well");
        assert_eq!(
            (answer.tag.as_str(), answer.attr_text("id").as_deref()),
            ("iq", Some("1"))
        );
        assert!(answer.attr_is("type", "result"), "{answer:?}");
        client.quit().await;
    }
}

#[tokio::test]
async fn a_chain_under_another_root_is_refused() {
    let (_folder, mut client, _server) = start(Version::V7, |_| [7; 32]).await;
    client.closed(400).await;
}
