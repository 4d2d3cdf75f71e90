//! Pairing: turns a link without an account into an account.
//!
//! The phone scans a QR code, or its owner types a code. Either way the phone signs our identity
//! key. The account is committed before our countersignature is sent, so no phone lists a device
//! whose keys are lost. The server then asks for a restart of the link.
//!
//! Source: whatsmeow 33cfac51 `pair.go`, `qrchan.go` (60 s for the first QR code, 20 s for others).

pub mod code;
pub mod device_identity;

use std::collections::VecDeque;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use prost::Message as _;
use wmctl_proto::adv::{AccountType, AdvDeviceIdentity, AdvSignedDeviceIdentityHmac};

use crate::crypto::curve::KeyPair;
use crate::crypto::random::{self, Random};
use crate::crypto::{mac, xeddsa};
use crate::ids::Jid;
use crate::secret::Secret;
use crate::session::account::Account;
use crate::session::changes::{AccountState, Change, Event, EventBody};
use crate::session::config::ClientConfig;
use crate::session::keys::addresses;
use crate::session::link::keepalive::{Due, KeepAlive};
use crate::session::link::requests;
use crate::session::link::stream_error;
use crate::session::messages::ack;
use crate::session::output::{Close, Notice, Output};
use crate::session::pairing::code::{Exchange, PrimaryHello};
use crate::session::rows::{Row, RowKey};
use crate::session::unit::Context;
use crate::signal::prekey::SignedPreKey;
use crate::wire::node::Node;

/// Validity of the first QR code, in ms.
const FIRST_QR_MS: u64 = 60_000;
/// Validity of each later QR code, in ms.
const NEXT_QR_MS: u64 = 20_000;
/// Maximum number of QR references accepted from the server; it sends six.
const REFS_MAX: usize = 16;
/// Maximum time in ms for the server's first stanza, and for the restart after success.
const PATIENCE_MS: u64 = 30_000;
/// Validity of a typed code in ms: about as long as that of all QR codes together.
const CODE_MS: u64 = 180_000;

/// The keys of a new companion device.
#[derive(Clone, Debug, PartialEq)]
pub struct DeviceKeys {
    /// The static Noise key.
    pub noise: KeyPair,
    /// The Signal identity key.
    pub identity: KeyPair,
    /// The first signed pre-key (id 1).
    pub signed_pre_key: SignedPreKey,
    pub registration_id: u32,
    /// The ADV secret of the QR code. Pairing by code replaces it.
    pub adv_secret: Secret<32>,
}

impl DeviceKeys {
    /// Generates the keys for one pairing.
    pub fn generate(rng: &mut dyn Random) -> Self {
        let identity = KeyPair::generate(rng);
        let pair = KeyPair::generate(rng);
        let signature = xeddsa::sign(
            &identity.private,
            &pair.public.to_signal(),
            &random::bytes(rng),
        );
        Self {
            noise: KeyPair::generate(rng),
            identity,
            signed_pre_key: SignedPreKey {
                id: 1,
                pair,
                signature,
            },
            // Registration ids have 14 bits and are never zero.
            registration_id: random::number(rng) % 16_380 + 1,
            adv_secret: random::secret(rng),
        }
    }
}

/// Inputs of the machine for an unpaired link.
#[derive(Clone, Debug, PartialEq)]
pub enum PairInput {
    /// The encrypted link is open.
    LinkUp,
    /// A stanza arrived.
    Node(Node),
    /// A deadline announced by [`Pairing::wake_at`] has passed.
    Tick,
    /// Pair by a code that is typed on the phone with this number.
    UsePhone(Jid),
    /// The result of the last [`Notice::DeriveCode`].
    Derived(Secret<32>),
    /// The link is gone.
    LinkDown,
}

/// One pairing attempt.
#[derive(Clone, Debug)]
pub struct Pairing {
    config: ClientConfig,
    keys: DeviceKeys,
    refs: VecDeque<String>,
    keepalive: KeepAlive,
    /// When the QR code expires, or the server's answer is overdue, in monotonic ms.
    deadline: Option<u64>,
    requests: u32,
    code: Code,
    /// The phone to pair with by code, used once the server is ready.
    phone: Option<Jid>,
    ready: bool,
    paired: bool,
}

/// The progress of pairing by code.
#[derive(Clone, Debug, PartialEq)]
enum Code {
    Unused,
    /// The key for our first message is being derived.
    Deriving(Exchange),
    /// Our first message is sent; `id` is that of the request.
    Asked {
        exchange: Exchange,
        id: String,
    },
    /// The code is shown; the phone has not answered.
    Shown {
        exchange: Exchange,
        reference: Vec<u8>,
    },
    /// The phone answered; the key for our last message is being derived.
    Finishing {
        exchange: Exchange,
        hello: Box<PrimaryHello>,
        notification: Box<Node>,
    },
    /// Our last message is sent.
    Finished,
}

impl Pairing {
    /// Creates an attempt with these keys.
    pub fn new(keys: DeviceKeys, config: ClientConfig) -> Self {
        Self {
            config,
            keys,
            refs: VecDeque::new(),
            keepalive: KeepAlive::default(),
            deadline: None,
            requests: 0,
            code: Code::Unused,
            phone: None,
            ready: false,
            paired: false,
        }
    }

    /// Returns the keys that the link must be opened with.
    pub fn keys(&self) -> &DeviceKeys {
        &self.keys
    }

    /// Returns when [`PairInput::Tick`] is due, in monotonic ms.
    pub fn wake_at(&self) -> Option<u64> {
        self.deadline
            .into_iter()
            .chain(self.keepalive.wake_at())
            .min()
    }

    /// Handles one input.
    pub fn handle(&mut self, cx: &mut Context<'_>, input: PairInput, out: &mut Output) {
        let now = cx.now.mono_ms;
        match input {
            PairInput::LinkUp => {
                self.keepalive.alive(now, cx.rng);
                self.deadline = Some(now + PATIENCE_MS);
            }
            PairInput::Node(node) => {
                self.keepalive.alive(now, cx.rng);
                self.receive(cx, &node, out);
            }
            PairInput::Tick => self.tick(now, out),
            PairInput::UsePhone(phone) => {
                self.phone = Some(phone);
                self.ask_for_code(cx, out);
            }
            PairInput::Derived(key) => self.derived(cx, &key, out),
            PairInput::LinkDown => {
                self.keepalive.stop();
                self.deadline = None;
            }
        }
    }

    fn tick(&mut self, now: u64, out: &mut Output) {
        match self.keepalive.due(now) {
            Due::Nothing => (),
            Due::Ping => {
                let id = self.next_id();
                out.transmit.push(ping(&id));
            }
            Due::Dead => {
                return close(
                    out,
                    Close::Retry {
                        reason: "keep_alive",
                    },
                );
            }
        }
        if self.deadline.is_some_and(|deadline| deadline <= now) {
            self.deadline = None;
            if self.paired {
                // The account exists; only the server's restart request is missing.
                close(out, Close::Restart);
            } else if !self.ready {
                close(
                    out,
                    Close::Retry {
                        reason: "pairing_unanswered",
                    },
                );
            } else {
                self.show_next(now, NEXT_QR_MS, out);
            }
        }
    }

    fn receive(&mut self, cx: &mut Context<'_>, node: &Node, out: &mut Output) {
        match node.tag.as_str() {
            "iq" => self.receive_iq(cx, node, out),
            "notification" => self.receive_notification(node, out),
            "stream:error" | "failure" | "xmlstreamend" => {
                let restart = self.paired && node.tag != "failure";
                let close_as = if restart {
                    Close::Restart
                } else {
                    stream_error::disposition(node, cx.now.unix_ms)
                };
                close(out, close_as);
            }
            _ => (),
        }
    }

    fn receive_iq(&mut self, cx: &mut Context<'_>, node: &Node, out: &mut Output) {
        if node.child("pair-device").is_some() {
            self.pair_device(cx, node, out);
        } else if node.child("pair-success").is_some() {
            self.pair_success(cx, node, out);
        } else if matches!(node.attr_text("type").as_deref(), Some("get" | "set")) {
            out.transmit.extend(requests::result(node));
        } else {
            self.code_answered(node, cx.now.mono_ms, out);
        }
    }

    /// Handles `pair-device`: stores the QR references and shows the first one, or starts with a
    /// code.
    fn pair_device(&mut self, cx: &mut Context<'_>, node: &Node, out: &mut Output) {
        out.transmit.extend(requests::result(node));
        let refs = node
            .child("pair-device")
            .into_iter()
            .flat_map(|list| list.children_named("ref"));
        let texts = refs.filter_map(|reference| reference.content_text());
        self.refs = texts.map(str::to_owned).take(REFS_MAX).collect();
        self.ready = true;
        if self.phone.is_some() {
            self.ask_for_code(cx, out);
        } else {
            self.show_next(cx.now.mono_ms, FIRST_QR_MS, out);
        }
    }

    /// Shows the next QR code, or ends pairing if there is none left.
    fn show_next(&mut self, now: u64, valid_ms: u64, out: &mut Output) {
        let Some(reference) = self.refs.pop_front() else {
            out.notices.push(Notice::PairingFailed("expired"));
            return close(out, Close::Asked);
        };
        let text = self.qr_text(&reference);
        out.notices.push(Notice::Qr {
            text,
            valid_ms,
            last: self.refs.is_empty(),
        });
        self.deadline = Some(now + valid_ms);
    }

    fn qr_text(&self, reference: &str) -> String {
        let keys = &self.keys;
        format!(
            "https://wa.me/settings/linked_devices#{reference},{},{},{},{}",
            BASE64.encode(keys.noise.public.0),
            BASE64.encode(keys.identity.public.0),
            BASE64.encode(keys.adv_secret.expose()),
            self.config.browser.pairing_id(),
        )
    }

    fn next_id(&mut self) -> String {
        self.requests += 1;
        format!("pair-{}", self.requests)
    }

    /// Starts pairing by code once the server is ready and a phone number is known.
    fn ask_for_code(&mut self, cx: &mut Context<'_>, out: &mut Output) {
        if self.ready
            && self.code == Code::Unused
            && let Some(phone) = self.phone.clone()
        {
            let exchange = Exchange::new(phone, cx.rng);
            out.notices.push(Notice::DeriveCode(exchange.hello_work()));
            self.code = Code::Deriving(exchange);
            self.deadline = Some(cx.now.mono_ms + CODE_MS);
            self.refs.clear();
        }
    }

    /// Continues pairing by code with a derived key.
    fn derived(&mut self, cx: &mut Context<'_>, key: &Secret<32>, out: &mut Output) {
        match std::mem::replace(&mut self.code, Code::Unused) {
            Code::Deriving(exchange) => {
                let id = self.next_id();
                let hello = Node::new("link_code_companion_reg")
                    .attr("jid", exchange.phone.clone())
                    .attr("stage", "companion_hello")
                    .attr("should_show_push_notification", "true")
                    .with_child(
                        Node::new("link_code_pairing_wrapped_companion_ephemeral_pub")
                            .bytes(exchange.wrapped(key)),
                    )
                    .with_child(
                        Node::new("companion_server_auth_key_pub")
                            .bytes(self.keys.noise.public.0.to_vec()),
                    )
                    .with_child(text(
                        "companion_platform_id",
                        self.config.browser.pairing_id(),
                    ))
                    .with_child(text(
                        "companion_platform_display",
                        self.config.browser.display(),
                    ))
                    .with_child(text("link_code_pairing_nonce", "0"));
                out.transmit.push(md_set(&id, hello));
                self.code = Code::Asked { exchange, id };
            }
            Code::Finishing {
                exchange,
                hello,
                notification,
            } => {
                self.finish_code(cx, key, &exchange, &hello, out);
                out.transmit.extend(ack::ack(&notification, None));
            }
            other => self.code = other,
        }
    }

    /// Sends our last message of pairing by code.
    fn finish_code(
        &mut self,
        cx: &mut Context<'_>,
        key: &Secret<32>,
        exchange: &Exchange,
        hello: &PrimaryHello,
        out: &mut Output,
    ) {
        let Some(finish) = exchange.finish(&self.keys.identity, hello, key, cx.rng) else {
            return fail(out, "code_exchange");
        };
        self.keys.adv_secret = finish.adv_secret;
        let identity = self.keys.identity.public.0.to_vec();
        let id = self.next_id();
        let last = Node::new("link_code_companion_reg")
            .attr("jid", exchange.phone.clone())
            .attr("stage", "companion_finish")
            .with_child(
                Node::new("link_code_pairing_wrapped_key_bundle").bytes(finish.wrapped_bundle),
            )
            .with_child(Node::new("companion_identity_public").bytes(identity))
            .with_child(Node::new("link_code_pairing_ref").bytes(hello.reference.clone()));
        out.transmit.push(md_set(&id, last));
        self.code = Code::Finished;
    }

    /// Handles the server's answer to our first message: shows the code.
    fn code_answered(&mut self, node: &Node, now: u64, out: &mut Output) {
        let Code::Asked { exchange, id } = &self.code else {
            return;
        };
        if node.attr_text("id").as_deref() != Some(id) {
            return;
        }
        let reference = node
            .child("link_code_companion_reg")
            .and_then(|answer| answer.child("link_code_pairing_ref"))
            .and_then(Node::content_bytes);
        let Some(reference) = reference.filter(|_| requests::refusal(node).is_none()) else {
            return fail(out, "code_refused");
        };
        out.notices.push(Notice::PairingCode(exchange.code()));
        self.code = Code::Shown {
            exchange: exchange.clone(),
            reference: reference.to_vec(),
        };
        self.deadline = Some(now + CODE_MS);
    }

    /// Handles the phone's message of pairing by code. Acks any other notification.
    fn receive_notification(&mut self, node: &Node, out: &mut Output) {
        let hello = node.child("link_code_companion_reg");
        let Some((hello, (exchange, reference))) = hello.zip(self.shown()) else {
            out.transmit.extend(ack::ack(node, None));
            return;
        };
        let part = |name| {
            hello
                .child(name)
                .and_then(Node::content_bytes)
                .unwrap_or_default()
        };
        let read = PrimaryHello::new(
            part("link_code_pairing_ref"),
            part("primary_identity_pub"),
            part("link_code_pairing_wrapped_primary_ephemeral_pub"),
        );
        let Some(hello) = read.filter(|hello| hello.reference == reference) else {
            out.transmit.extend(ack::ack(node, None));
            return;
        };
        out.notices
            .push(Notice::DeriveCode(exchange.finish_work(&hello)));
        self.code = Code::Finishing {
            exchange,
            hello: Box::new(hello),
            notification: Box::new(node.clone()),
        };
    }

    fn shown(&self) -> Option<(Exchange, Vec<u8>)> {
        match &self.code {
            Code::Shown {
                exchange,
                reference,
            } => Some((exchange.clone(), reference.clone())),
            _ => None,
        }
    }

    /// Handles `pair-success`: commits the account and countersigns, or refuses.
    fn pair_success(&mut self, cx: &mut Context<'_>, node: &Node, out: &mut Output) {
        match self.accept(node, cx.rng) {
            Ok((account, answer)) => {
                self.paired = true;
                self.deadline = Some(cx.now.mono_ms + PATIENCE_MS);
                commit(account, cx.now.unix_ms, out);
                out.transmit.push(answer);
                out.notices.push(Notice::Paired);
            }
            Err(refusal) => {
                out.transmit
                    .extend(requests::error(node, refusal.code(), refusal.text()));
                fail(out, refusal.text());
            }
        }
    }

    /// Verifies the phone's signature and countersigns it.
    fn accept(&self, node: &Node, rng: &mut dyn Random) -> Result<(Account, Node), Refusal> {
        let success = node.child("pair-success").ok_or(Refusal::Internal)?;
        let container = success
            .child("device-identity")
            .and_then(Node::content_bytes)
            .unwrap_or_default();
        let container =
            AdvSignedDeviceIdentityHmac::decode(container).map_err(|_| Refusal::Internal)?;
        let details = container.details.unwrap_or_default();
        let hosted = container.account_type == Some(AccountType::Hosted as i32);
        let prefix: &[u8] = if hosted { &[6, 5] } else { &[] };
        let expected = mac::hmac_sha256(self.keys.adv_secret.expose(), &[prefix, &details]);
        if !mac::verify(&expected, &container.hmac.unwrap_or_default()) {
            return Err(Refusal::Hmac);
        }
        let mut adv = device_identity::decode(&details, None).ok_or(Refusal::Internal)?;
        let inner = AdvDeviceIdentity::decode(&adv.details[..]).map_err(|_| Refusal::Internal)?;
        if !device_identity::account_signed(&adv, &self.keys.identity.public) {
            return Err(Refusal::Signature);
        }
        adv.device_signature = device_identity::countersign(&adv, &self.keys.identity, rng);

        let signed = Node::new("device-identity")
            .attr("key-index", inner.key_index.unwrap_or_default().to_string())
            .bytes(device_identity::encode(&adv, false));
        let answer = requests::result(node)
            .ok_or(Refusal::Internal)?
            .with_child(Node::new("pair-device-sign").with_child(signed));

        let device = success.child("device").ok_or(Refusal::Internal)?;
        let name = |tag| success.child(tag).and_then(|child| child.attr_text("name"));
        let name = |tag| name(tag).unwrap_or_default().into_owned();
        let account = Account {
            jid: device
                .attr_jid("jid")
                .filter(Jid::is_phone_number)
                .ok_or(Refusal::Internal)?,
            lid: device.attr_jid("lid").filter(Jid::is_lid),
            registration_id: self.keys.registration_id,
            noise: self.keys.noise.clone(),
            identity: self.keys.identity.clone(),
            signed_pre_key: self.keys.signed_pre_key.clone(),
            adv_secret: self.keys.adv_secret.clone(),
            adv,
            platform: name("platform"),
            business_name: name("biz"),
            push_name: String::new(),
            next_pre_key_id: 1,
            routing_info: None,
            ended: None,
        };
        Ok((account, answer))
    }
}

/// Why the phone's signature is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Hmac,
    Signature,
    Internal,
}

impl Refusal {
    fn code(self) -> &'static str {
        match self {
            Self::Hmac | Self::Signature => "401",
            Self::Internal => "500",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Hmac => "hmac-mismatch",
            Self::Signature => "signature-mismatch",
            Self::Internal => "internal-error",
        }
    }
}

/// Records the account, its LID mapping, and its phone's identity key.
fn commit(account: Account, at_ms: i64, out: &mut Output) {
    let mut rows = Vec::new();
    if let Some(lid) = &account.lid {
        let (pn, lid) = (account.jid.bare(), lid.bare());
        rows.push((RowKey::LidOf(pn.clone()), Row::User(lid.clone())));
        rows.push((RowKey::PnOf(lid), Row::User(pn)));
    }
    let phone = addresses::plain(account.lid.as_ref().unwrap_or(&account.jid));
    let key = account.adv.account_signature_key;
    rows.push((RowKey::Identity(phone.address()), Row::Identity(key)));
    let jid = account.jid.to_string();
    out.changes.push(Change::Paired(Box::new(account)));
    out.changes
        .extend(rows.into_iter().map(|(key, row)| Change::Put(key, row)));
    let body = EventBody::State {
        state: AccountState::Paired,
        detail: Some(jid),
        until_ms: None,
    };
    let event = Event {
        dedupe: None,
        at_ms,
        alt: None,
        body,
    };
    out.changes.push(Change::Event(Box::new(event)));
}

fn fail(out: &mut Output, reason: &'static str) {
    out.notices.push(Notice::PairingFailed(reason));
    close(out, Close::Asked);
}

fn close(out: &mut Output, close: Close) {
    out.close.get_or_insert(close);
}

fn text(tag: &str, text: &str) -> Node {
    Node::new(tag).bytes(text.as_bytes().to_vec())
}

fn md_set(id: &str, child: Node) -> Node {
    Node::new("iq")
        .attr("id", id)
        .attr("xmlns", "md")
        .attr("type", "set")
        .attr("to", Jid::server())
        .with_child(child)
}

/// Returns a keepalive ping.
pub(super) fn ping(id: &str) -> Node {
    Node::new("iq")
        .attr("id", id)
        .attr("xmlns", "w:p")
        .attr("type", "get")
        .attr("to", Jid::server())
        .with_child(Node::new("ping"))
}
