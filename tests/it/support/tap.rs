//! A proxy between wmctl and a server that counts round trips and cuts connections at a COMMIT.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Where a connection ends, seen from the COMMIT that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never gets it.
    Before,
    /// The server has carried it out; its answer is lost.
    After,
    /// The client is cut off; the server gets it this much later.
    Late(Duration),
}

#[derive(Debug, Default)]
struct Shared {
    /// Times that the client waited for an answer on behalf of a message.
    trips: AtomicU64,
    /// The next COMMITs that are cut.
    cuts: Mutex<Vec<Cut>>,
    cut: AtomicU32,
}

/// A running proxy; it ends with this.
pub(crate) struct Tap {
    shared: Arc<Shared>,
    port: u16,
    /// Whether connections are let through.
    open: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Tap {
    /// Listens on this machine and passes everything on to a server's socket.
    pub(crate) async fn before(socket: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared::default());
        let (open, opened) = watch::channel(true);
        let mut tasks = JoinSet::new();
        let (socket, of_tasks) = (socket.to_owned(), shared.clone());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                if *opened.borrow() {
                    let (socket, shared) = (socket.clone(), of_tasks.clone());
                    connections.spawn(pass(client, socket, shared, opened.clone()));
                }
            }
        });
        Self {
            shared,
            port,
            open,
            _tasks: tasks,
        }
    }

    /// Where wmctl finds the server behind the proxy.
    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://wm@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// How often a message made a client wait for an answer since this was asked last.
    pub(crate) fn trips(&self) -> u64 {
        self.shared.trips.swap(0, Ordering::Relaxed)
    }

    /// Cuts the next COMMITs of units of work, each in its way.
    pub(crate) fn cut(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.shared.cuts.lock().unwrap().extend(cuts);
    }

    /// How many were cut so far.
    pub(crate) fn cuts(&self) -> u32 {
        self.shared.cut.load(Ordering::Relaxed)
    }

    /// Ends every connection and refuses new ones, or lets them through again.
    pub(crate) fn set_open(&self, open: bool) {
        self.open.send_replace(open);
    }
}

async fn pass(
    client: TcpStream,
    socket: PathBuf,
    shared: Arc<Shared>,
    mut opened: watch::Receiver<bool>,
) {
    let Ok(server) = UnixStream::connect(socket).await else {
        return;
    };
    client.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let forward = async {
        let (mut started, mut asks) = (false, Asks::default());
        while let Some((kind, message)) = frontend(&mut from_client, started).await {
            started = true;
            if asks.of_a_message(kind, &message) {
                shared.trips.fetch_add(1, Ordering::Relaxed);
            }
            // A unit of work: the only text that ends with it and writes.
            let commits = kind == b'Q' && message.windows(8).any(|part| part == b"\nCOMMIT;");
            let cut = if commits {
                shared.cuts.lock().unwrap().pop()
            } else {
                None
            };
            if cut != Some(Cut::Before)
                && !matches!(cut, Some(Cut::Late(_)))
                && to_server.write_all(&message).await.is_err()
            {
                return None;
            }
            if let Some(cut) = cut {
                shared.cut.fetch_add(1, Ordering::Relaxed);
                return Some((cut, message));
            }
        }
        None
    };
    let back = async {
        // The driver ends the copy when either side does.
        let _ = tokio::io::copy(&mut from_server, &mut to_client).await;
    };
    let cut = tokio::select! {
        cut = forward => cut,
        () = back => None,
        _ = opened.wait_for(|open| !open) => None,
    };
    drop((from_client, to_client));
    match cut {
        None | Some((Cut::Before, _)) => (),
        Some((Cut::After, _)) => answered(&mut from_server).await,
        Some((Cut::Late(wait), message)) => {
            // The time that the text lies around is the fault.
            tokio::time::sleep(wait).await;
            if to_server.write_all(&message).await.is_ok() {
                answered(&mut from_server).await;
            }
        }
    }
}

/// What is asked on one connection.
#[derive(Default)]
struct Asks {
    /// Prepared statements by name.
    prepared: HashMap<Vec<u8>, String>,
    /// The statement that the next answer is for.
    bound: Option<String>,
}

/// What a process asks that no message makes it ask: heartbeats, looks at the outbox and at
/// webhooks, events that are read back by whoever listens.
const BESIDE: [&str; 5] = [
    "wmctl_host",
    "SUM(outbox_seq)",
    "SUM(version)",
    "DISTINCT",
    "seq >= $2",
];
/// What says which server the name leads to, sets a new connection up, and asks for our own row.
const OF_CONNECTIONS: [&str; 4] = [
    "system_identifier",
    "pg_is_in_recovery",
    "set_config",
    "FROM wmctl_host WHERE inc",
];

impl Asks {
    /// Whether the client waits for an answer from here on, on behalf of a message.
    fn of_a_message(&mut self, kind: u8, message: &[u8]) -> bool {
        let mut texts = message[5..].split(|byte| *byte == 0).map(<[u8]>::to_vec);
        let mut next = || texts.next().unwrap_or_default();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        match kind {
            b'P' => {
                let name = next();
                self.prepared.insert(name, text(next()));
                false
            }
            b'B' => {
                // The portal's name comes first.
                next();
                self.bound = self.prepared.get(&next()).cloned();
                false
            }
            // Alone it is the driver's check of a connection that is given back: nobody waits.
            b'S' => {
                let bound = self.bound.take();
                bound.is_some_and(|sql| !BESIDE.iter().any(|other| sql.contains(other)))
            }
            b'Q' => {
                let sql = text(next());
                // Alone they are a heartbeat's transaction.
                let beside = matches!(sql.as_str(), "BEGIN" | "COMMIT" | "ROLLBACK");
                !beside && !OF_CONNECTIONS.iter().any(|other| sql.contains(other))
            }
            _ => false,
        }
    }
}

/// Reads until the server is ready for the next query.
async fn answered(server: &mut (impl AsyncRead + Unpin)) {
    while let Some((kind, _)) = typed(server).await {
        if kind == b'Z' {
            break;
        }
    }
}

/// The next message of a client; the first has no kind.
async fn frontend(client: &mut (impl AsyncRead + Unpin), started: bool) -> Option<(u8, Vec<u8>)> {
    if started {
        return typed(client).await;
    }
    let mut message = vec![0; 4];
    client.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[..4].try_into().unwrap()) as usize;
    message.resize(length, 0);
    client.read_exact(&mut message[4..]).await.ok()?;
    Some((0, message))
}

async fn typed(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut message = vec![0; 5];
    stream.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize;
    message.resize(1 + length, 0);
    stream.read_exact(&mut message[5..]).await.ok()?;
    Some((message[0], message))
}
