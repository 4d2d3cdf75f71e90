//! A client without any logic. It sends only what a test tells it to send.

use std::collections::VecDeque;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use futures_util::{SinkExt, StreamExt};
use prost::Message as _;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use wmctl::clock::{Clock, SystemClock};
use wmctl::crypto::curve::{KeyPair, PublicKey};
use wmctl::crypto::random::{self, Random};
use wmctl::crypto::xeddsa;
use wmctl::ids::Jid;
use wmctl::noise::cert::RootKey;
use wmctl::session::link::{Link, LinkKeys};
use wmctl::sim::Simulator;
use wmctl::wire::node::Node;
use wmctl_proto::adv::{AdvSignedDeviceIdentity, AdvSignedDeviceIdentityHmac};
use wmctl_proto::handshake::ClientPayload;
use wmctl_proto::handshake::client_payload::DevicePairingRegistrationData;

/// Maximum time to wait for a response on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

/// The keys of a device, before and after pairing.
pub(super) struct Keys {
    pub(super) noise: KeyPair,
    pub(super) identity: KeyPair,
    signed: KeyPair,
    adv_secret: [u8; 32],
    random: StdRng,
}

impl Keys {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        Self {
            noise: KeyPair::generate(&mut random),
            identity: KeyPair::generate(&mut random),
            signed: KeyPair::generate(&mut random),
            adv_secret: random::bytes(&mut random),
            random,
        }
    }

    fn sign(&mut self, parts: &[&[u8]]) -> Vec<u8> {
        let fresh = random::bytes(&mut self.random);
        xeddsa::sign(&self.identity.private, &parts.concat(), &fresh).to_vec()
    }

    fn registration(&mut self) -> ClientPayload {
        let signed = self.signed.public.to_signal();
        let data = DevicePairingRegistrationData {
            e_regid: Some(vec![0, 0, 1, 2]),
            e_keytype: Some(vec![5]),
            e_ident: Some(self.identity.public.as_bytes().to_vec()),
            e_skey_id: Some(vec![0, 0, 1]),
            e_skey_val: Some(self.signed.public.as_bytes().to_vec()),
            e_skey_sig: Some(self.sign(&[&signed])),
            ..DevicePairingRegistrationData::default()
        };
        ClientPayload {
            passive: Some(false),
            pull: Some(false),
            device_pairing_data: Some(data),
            ..ClientPayload::default()
        }
    }
}

/// An open connection.
pub(super) struct Client {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    link: Link,
    nodes: VecDeque<Node>,
}

impl Client {
    async fn open(sim: &Simulator, keys: &mut Keys, payload: &ClientPayload) -> Self {
        let root: [u8; 32] = hex::decode(sim.root_key()).unwrap().try_into().unwrap();
        let mut ephemeral = [0; 32];
        keys.random.fill(&mut ephemeral);
        let link_keys = LinkKeys {
            noise: keys.noise.clone(),
            ephemeral: KeyPair::from_private(ephemeral),
            root: RootKey(PublicKey(root)),
            routing_info: None,
        };
        let (socket, _) = connect_async(sim.ws_url()).await.unwrap();
        let (link, first) = Link::start(link_keys, payload.encode_to_vec()).unwrap();
        let mut client = Self {
            socket,
            link,
            nodes: VecDeque::new(),
        };
        client.transmit(first).await;
        client
    }

    /// Connects as an unpaired device.
    pub(super) async fn register(sim: &Simulator, keys: &mut Keys) -> Self {
        let payload = keys.registration();
        Self::open(sim, keys, &payload).await
    }

    /// Connects as a paired device.
    pub(super) async fn log_in(sim: &Simulator, keys: &mut Keys, jid: &Jid) -> Self {
        let payload = ClientPayload {
            username: Some(jid.user.parse().unwrap()),
            device: Some(jid.device.into()),
            passive: Some(false),
            pull: Some(true),
            ..ClientPayload::default()
        };
        Self::open(sim, keys, &payload).await
    }

    async fn transmit(&mut self, bytes: Vec<u8>) {
        let message = Message::Binary(bytes.into());
        self.socket.send(message).await.unwrap();
    }

    pub(super) async fn send(&mut self, node: &Node) {
        let bytes = self.link.send(node).unwrap();
        self.transmit(bytes).await;
    }

    /// Returns the next stanza, or `None` if the connection has ended.
    pub(super) async fn next(&mut self) -> Option<Node> {
        let now_s = u64::try_from(SystemClock::start().unix_ms() / 1000).unwrap();
        loop {
            if let Some(node) = self.nodes.pop_front() {
                return Some(node);
            }
            let message = timeout(PATIENCE, self.socket.next()).await.unwrap();
            let Some(Ok(Message::Binary(bytes))) = message else {
                return None;
            };
            let received = self.link.receive(&bytes, now_s).unwrap();
            self.nodes.extend(received.nodes);
            if let Some(reply) = received.reply {
                self.transmit(reply).await;
            }
        }
    }

    /// Returns the next stanza with that tag. Drops all stanzas before it.
    pub(super) async fn until(&mut self, tag: &str) -> Node {
        loop {
            let node = self.next().await.expect("the connection is open");
            if node.tag == tag {
                return node;
            }
        }
    }

    /// Sends a query and waits for its response.
    pub(super) async fn ask(&mut self, xmlns: &str, kind: &str, child: Node) -> Node {
        let query = Node::new("iq")
            .attr("id", "q1")
            .attr("to", Jid::server())
            .attr("xmlns", xmlns)
            .attr("type", kind)
            .with_child(child);
        self.send(&query).await;
        self.until("iq").await
    }
}

/// Returns the text of the QR code that a client with these keys shows.
pub(super) fn qr_text(reference: &str, keys: &Keys) -> String {
    let parts = [
        reference.to_owned(),
        BASE64.encode(keys.noise.public.as_bytes()),
        BASE64.encode(keys.identity.public.as_bytes()),
        BASE64.encode(keys.adv_secret),
    ];
    parts.join(",")
}

/// Returns the client's response to `pair-success`.
pub(super) fn signed_answer(success: &Node, keys: &mut Keys) -> Node {
    let identity = success.child("pair-success").unwrap();
    let identity = identity.child("device-identity").unwrap();
    let outer = AdvSignedDeviceIdentityHmac::decode(identity.content_bytes().unwrap()).unwrap();
    let mut inner = AdvSignedDeviceIdentity::decode(outer.details().to_vec().as_slice()).unwrap();
    let account_key = inner.account_signature_key.take().unwrap();
    let own = *keys.identity.public.as_bytes();
    let details = inner.details().to_vec();
    let signature = keys.sign(&[&[6, 1], &details, &own, &account_key]);
    inner.device_signature = Some(signature);
    let index = wmctl_proto::adv::AdvDeviceIdentity::decode(details.as_slice()).unwrap();
    let identity = Node::new("device-identity")
        .attr("key-index", index.key_index())
        .bytes(inner.encode_to_vec());
    Node::new("iq")
        .attr("to", Jid::server())
        .attr("type", "result")
        .attr("id", success.attr_text("id").unwrap())
        .with_child(Node::new("pair-device-sign").with_child(identity))
}

/// Pairs a new device with the account of that number and logs in.
pub(super) async fn paired(sim: &Simulator, number: &str, seed: u64) -> (Client, Keys, Jid) {
    sim.add_account(number, "Somebody").await.unwrap();
    let mut keys = Keys::new(seed);
    let mut client = Client::register(sim, &mut keys).await;
    let offer = client.until("iq").await;
    let first = &offer.child("pair-device").unwrap().children()[0];
    let text = qr_text(first.content_text().unwrap(), &keys);
    let jid = sim.scan(number, &text).await.unwrap();
    let success = client.until("iq").await;
    client.send(&signed_answer(&success, &mut keys)).await;
    assert!(client.until("stream:error").await.attr_is("code", "515"));
    let mut client = Client::log_in(sim, &mut keys, &jid).await;
    client.until("success").await;
    (client, keys, jid)
}
