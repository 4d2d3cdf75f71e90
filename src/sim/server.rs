//! The handle of a running simulator, and the task that owns its world.

use crate::sim::error::SimError;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::serve::Listener;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::Surroundings;
use crate::crypto::curve::KeyPair;
use crate::ids::Jid;
use crate::noise::cert::{self, Issue};
use crate::sim::accounts::DeviceView;
use crate::sim::collections::CollectionView;
use crate::sim::connection::{self, ConnectionContext};
use crate::sim::faults::{ConnectionEnd, Fault};
use crate::sim::group::Addressing;
use crate::sim::history::HistorySpec;
use crate::sim::journal::{Breach, Entry, Login};
use crate::sim::phone::{Heard, Incoming};
use crate::sim::settings::Setting;
use crate::sim::tls::{Authority, TlsListener};
use crate::sim::unpaired::Linked;
use crate::sim::world::{Event, World};
use crate::wire::frame;
use crate::wire::node::Node;

/// Certificates are valid from this long before the start until this long after it (s).
const CERTIFICATE_SECONDS: u64 = 30 * 24 * 3600;
/// Serial number of the intermediate certificate; the leaf certificate has the next one.
const INTERMEDIATE_SERIAL: u32 = 3;

/// Configuration of a simulator.
#[derive(Clone, Debug)]
pub struct SimConfig {
    /// Port on 127.0.0.1; 0 selects a free one.
    pub port: u16,
    /// Whether clients connect over TLS. The certificate comes from the simulator's own authority.
    pub tls: bool,
    /// Delay before the first frame after a handshake. Some older clients lose a frame that arrives
    /// at once.
    pub first_frame_delay: Duration,
    /// Whether an upload of one-time keys takes the place of those that are left. What WhatsApp
    /// does is not known.
    pub uploads_replace: bool,
    /// Maximum number of stanzas that the journal keeps. Later ones are only checked.
    pub journal_max: usize,
    /// Clock and randomness.
    pub surroundings: Surroundings,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            port: 0,
            tls: false,
            first_frame_delay: Duration::ZERO,
            uploads_replace: false,
            journal_max: 200_000,
            surroundings: Surroundings::system(),
        }
    }
}

/// A running simulator. Dropping it stops everything without waiting; see [`Simulator::stop`].
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    root_key: String,
    /// Certificate authority (PEM), if TLS is used.
    authority: Option<String>,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

#[derive(Clone)]
struct Shared {
    gate: Arc<ConnectionContext>,
    links: Arc<AtomicU64>,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts a simulator on the loopback interface.
    pub async fn start(config: SimConfig) -> Result<Self, SimError> {
        let port = config.port;
        let listen = |source| SimError::Listen { port, source };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .await
            .map_err(listen)?;
        let address = listener.local_addr().map_err(listen)?;
        let (events, inbox) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let (gate, root_key) = gate(&config, events.clone(), stop.clone());
        let tasks = TaskTracker::new();
        let shared = Shared {
            gate: Arc::new(gate),
            links: Arc::default(),
            tasks: tasks.clone(),
        };
        let router = Router::new()
            .route("/mms/{*path}", get(download))
            .fallback(accept)
            .with_state(shared);
        let authority = config.tls.then(Authority::make).transpose()?;
        match &authority {
            None => tasks.spawn(serve(listener, router, stop.clone())),
            Some(authority) => {
                let acceptor = authority.acceptor.clone();
                let tcp = listener;
                tasks.spawn(serve(TlsListener { tcp, acceptor }, router, stop.clone()))
            }
        };
        let world = World::new(
            config.surroundings,
            config.journal_max,
            config.uploads_replace,
        );
        tasks.spawn(own(world, inbox, stop.clone()));
        Ok(Self {
            address,
            root_key,
            authority: authority.map(|authority| authority.pem),
            events,
            stop,
            tasks,
        })
    }

    /// Returns the WebSocket URL for clients.
    pub fn ws_url(&self) -> String {
        let scheme = if self.authority.is_some() {
            "wss"
        } else {
            "ws"
        };
        format!("{scheme}://{}/ws/chat", self.address)
    }

    /// Returns the certificate authority that clients must trust (PEM), if TLS is used.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Returns the root key that clients must trust (64 hexadecimal digits).
    pub fn root_key(&self) -> &str {
        &self.root_key
    }

    /// Creates an account with a phone. `number` has digits only; `name` is visible to others.
    /// Leaves an existing account unchanged. Returns the LID.
    pub async fn add_account(&self, number: &str, name: &str) -> Result<Jid, SimError> {
        let (number, name) = (number.to_owned(), name.to_owned());
        self.call(move |world| world.add_account(&number, &name))
            .await
    }

    /// Scans the text of a QR code with the phone of that number. Returns the JID of the new
    /// device; the client must still answer.
    pub async fn scan(&self, number: &str, qr_text: &str) -> Result<Jid, SimError> {
        let (number, text) = (number.to_owned(), qr_text.to_owned());
        self.call(move |world| world.scan(&number, &text)).await?
    }

    /// Returns the lowest phone number. Its phone scans if no number is given.
    pub async fn first_number(&self) -> Result<String, SimError> {
        let first = self.call(|world| world.accounts.first().map(str::to_owned));
        first.await?.ok_or(SimError::UnknownAccount)
    }

    /// Types the code that a client shows. A wrong code is detected only when the client continues.
    pub async fn type_code(&self, number: &str, code: &str) -> Result<(), SimError> {
        let (number, code) = (number.to_owned(), code.to_owned());
        self.call(move |world| world.type_code(&number, &code))
            .await?
    }

    /// Requests a fault.
    pub async fn add_fault(&self, fault: Fault) -> Result<(), SimError> {
        let room = self.call(move |world| world.faults.add(fault)).await?;
        room.then_some(()).ok_or(SimError::Faults)
    }

    /// Removes all pending faults.
    pub async fn clear_faults(&self) -> Result<(), SimError> {
        self.call(|world| world.faults.clear()).await
    }

    /// Closes the connections of an account's companions. Returns their number.
    pub async fn end(&self, number: &str, ending: ConnectionEnd) -> Result<usize, SimError> {
        let number = number.to_owned();
        self.call(move |world| world.end_links(&number, ending))
            .await
    }

    /// Mutes the account's open connections and its next `logins` connections after their login.
    /// Muted connections only answer pings. Returns the number of open connections.
    pub async fn mute(&self, number: &str, logins: u32) -> Result<usize, SimError> {
        let number = number.to_owned();
        self.call(move |world| world.mute(&number, logins)).await
    }

    /// Lets a banned or refused account log in again.
    pub async fn lift(&self, number: &str) -> Result<(), SimError> {
        let number = number.to_owned();
        self.call(move |world| world.lift(&number)).await
    }

    /// Returns at most `limit` stanzas, starting at index `skip`.
    pub async fn journal_page(&self, skip: usize, limit: usize) -> Result<Vec<Entry>, SimError> {
        self.call(move |world| world.journal.page(skip, limit))
            .await
    }

    /// Adds a companion that was linked before. It may log in with its existing keys.
    pub async fn adopt(&self, linked: Linked) -> Result<(), SimError> {
        self.call(move |world| world.adopt(linked)).await?
    }

    /// Removes a companion, as the phone would. The client is logged out.
    pub async fn remove_device(&self, device: &Jid) -> Result<(), SimError> {
        let device = device.clone();
        self.call(move |world| world.remove_device(&device)).await?
    }

    /// Simulates a reinstallation of the account's app: new keys and no companions. Notifies the
    /// contacts.
    pub async fn reinstall(&self, number: &str) -> Result<(), SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.reinstall(&account)).await?
    }

    /// Strangers ask for the keys of a device, so many times, and never write to it.
    pub async fn hand_out_keys(&self, device: &Jid, times: usize) -> Result<(), SimError> {
        let device = device.clone();
        self.call(move |world| world.hand_out_keys(&device, times))
            .await
    }

    /// Returns the devices of an account, the phone (device 0) first.
    pub async fn devices(&self, number: &str) -> Result<Vec<DeviceView>, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.devices(&account)).await?
    }

    /// Returns the messages that an account's phone received, oldest first.
    pub async fn phone_inbox(&self, number: &str) -> Result<Vec<Incoming>, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.phone_inbox(&account)).await?
    }

    /// Sends a text from one account's phone to the companions of another account, or to all
    /// devices of a group. `to` is a phone number or a group's JID. Returns the message id.
    pub async fn phone_sends(&self, from: &str, to: &str, text: &str) -> Result<String, SimError> {
        let (from, to, text) = (Jid::user(from), chat(to), text.to_owned());
        self.call(move |world| world.phone_sends(&from, &to, &text))
            .await?
    }

    /// Starts sending `count` texts from a phone to an account or a group, one per `every`. The
    /// texts are `message N`, with N counting down to 1. Returns without waiting for them.
    pub async fn phone_chats(
        &self,
        from: &str,
        to: &str,
        count: u32,
        every: Duration,
    ) -> Result<(), SimError> {
        let (from, to) = (Jid::user(from), chat(to));
        self.call(move |world| world.phone_chats(from, to, count, every))
            .await
    }

    /// Returns the receipts for an account's sent messages, oldest first.
    pub async fn phone_heard(&self, number: &str) -> Result<Vec<Heard>, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.phone_heard(&account)).await?
    }

    /// Returns the ids and texts that an account's phone sent.
    pub async fn phone_sent(&self, number: &str) -> Result<Vec<(String, String)>, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.phone_sent(&account)).await?
    }

    /// Returns the number of messages that an account's phone received.
    pub async fn phone_inbox_len(&self, number: &str) -> Result<usize, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.phone_inbox_len(&account))
            .await?
    }

    /// Creates a group of accounts (by phone number). Returns its JID.
    pub async fn create_group(
        &self,
        subject: &str,
        numbers: &[&str],
        addressing: Addressing,
    ) -> Result<Jid, SimError> {
        let members: Vec<Jid> = numbers.iter().map(|number| Jid::user(*number)).collect();
        let subject = subject.to_owned();
        self.call(move |world| {
            let group = world.create_group(&subject, &members, addressing)?;
            world.tell_members(&group, &Jid::server());
            Ok(group)
        })
        .await?
    }

    /// Sets the addressing of groups that clients create from now on.
    pub async fn address_new_groups(&self, addressing: Addressing) -> Result<(), SimError> {
        self.call(move |world| world.new_groups = addressing).await
    }

    /// Changes a setting on an account's phone. Returns the new version of the collection.
    pub async fn set(&self, number: &str, setting: Setting) -> Result<u64, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.set(&account, &setting))
            .await?
    }

    /// Sends the phone's history to its companions. Returns their number.
    pub async fn hand_over_past(&self, number: &str, past: HistorySpec) -> Result<usize, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.hand_over_past(&account, &past))
            .await?
    }

    /// Returns the settings that the phone and companions of an account have made.
    pub async fn settings(&self, number: &str) -> Result<Vec<CollectionView>, SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.settings(&account)).await?
    }

    /// Creates a new app state key. With `withhold`, companions receive it only on request.
    pub async fn rotate_key(&self, number: &str, withhold: bool) -> Result<(), SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.rotate_app_state_key(&account, withhold))
            .await?
    }

    /// Replaces the account's patches by snapshots.
    pub async fn compact(&self, number: &str) -> Result<(), SimError> {
        let account = Jid::user(number);
        self.call(move |world| world.compact(&account)).await?
    }

    /// Sends a raw stanza to a device. Fails with [`SimError::UnknownDevice`] if the device is not
    /// connected.
    pub async fn push(&self, device: &Jid, node: Node) -> Result<(), SimError> {
        let device = device.clone();
        self.call(move |world| world.push_raw(&device, node))
            .await?
    }

    /// Closes a device's connection after sending `last`. Without `last`, the connection breaks
    /// without a closing handshake. Fails with [`SimError::UnknownDevice`] if the device is not
    /// connected.
    pub async fn disconnect(&self, device: &Jid, last: Option<Node>) -> Result<(), SimError> {
        let device = device.clone();
        self.call(move |world| world.disconnect(&device, last))
            .await?
    }

    /// Returns all stanzas so far, oldest first.
    pub async fn journal(&self) -> Result<Vec<Entry>, SimError> {
        self.call(|world| world.journal.entries()).await
    }

    /// Returns all logins so far, oldest first.
    pub async fn logins(&self) -> Result<Vec<Login>, SimError> {
        self.call(|world| world.logins()).await
    }

    /// Returns the protocol violations of clients so far.
    pub async fn breaches(&self) -> Result<Vec<Breach>, SimError> {
        self.call(|world| world.journal.breaches()).await
    }

    /// Closes everything and waits until all tasks have ended.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Runs `work` in the task that owns the world.
    pub(super) async fn call<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut World) -> R + Send + 'static,
    ) -> Result<R, SimError> {
        let (reply, answer) = oneshot::channel();
        let call = Event::Call(Box::new(move |world| {
            // If the caller has gone, the work is done anyway.
            let _ = reply.send(work(world));
        }));
        self.events.send(call).map_err(|_| SimError::Stopped)?;
        answer.await.map_err(|_| SimError::Stopped)
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

/// Creates the server's keys and certificates.
fn gate(
    config: &SimConfig,
    events: mpsc::UnboundedSender<Event>,
    stop: CancellationToken,
) -> (ConnectionContext, String) {
    let mut random = config.surroundings.entropy.random();
    let (root, intermediate) = (
        KeyPair::generate(&mut *random),
        KeyPair::generate(&mut *random),
    );
    let pair = KeyPair::generate(&mut *random);
    let now_s = u64::try_from(config.surroundings.clock.unix_ms() / 1000).unwrap_or(0);
    let issue = Issue {
        root: &root.private,
        intermediate: &intermediate,
        server: pair.public,
        intermediate_serial: INTERMEDIATE_SERIAL,
        leaf_serial: INTERMEDIATE_SERIAL + 1,
        not_before_s: now_s.saturating_sub(CERTIFICATE_SECONDS),
        not_after_s: now_s + CERTIFICATE_SECONDS,
    };
    let gate = ConnectionContext {
        chain: cert::build(&issue, &mut *random),
        pair,
        surroundings: config.surroundings.clone(),
        events,
        stop,
        first_frame_delay: config.first_frame_delay,
    };
    (gate, hex::encode(root.public.as_bytes()))
}

async fn serve<L>(listener: L, router: Router, stop: CancellationToken)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
{
    let serve =
        axum::serve(listener, router).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = serve.await {
        tracing::error!(%error, "the listener failed");
    }
}

async fn accept(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    let link = shared.links.fetch_add(1, Ordering::Relaxed);
    let connection = shared.tasks.clone();
    upgrade
        .max_message_size(frame::FRAME_BYTES_MAX)
        .on_upgrade(move |socket| {
            connection.track_future(connection::run(socket, link, shared.gate))
        })
}

/// Serves a blob of the media server. It is encrypted, so only clients with its key can read it.
async fn download(State(shared): State<Shared>, uri: Uri) -> Response {
    let (reply, answer) = oneshot::channel();
    let path = uri.path().to_owned();
    let call = Event::Call(Box::new(move |world| {
        // The caller may have gone.
        let _ = reply.send(world.blob(&path));
    }));
    if shared.gate.events.send(call).is_err() {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    match answer.await {
        Ok(Some(blob)) => blob.into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn own(mut world: World, mut inbox: mpsc::UnboundedReceiver<Event>, stop: CancellationToken) {
    loop {
        let wait = world.wait();
        // All branches are cancel-safe.
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            event = inbox.recv() => match event {
                Some(event) => world.handle(event),
                None => return,
            },
            () = time::sleep(wait) => (),
        }
        world.run_due();
    }
}

/// Parses a group's JID, or a phone number as a JID.
fn chat(text: &str) -> Jid {
    let group = text.parse::<Jid>().ok().filter(Jid::is_group);
    group.unwrap_or_else(|| Jid::user(text))
}
