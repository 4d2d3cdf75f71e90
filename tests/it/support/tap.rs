//! A proxy between wmctl and a PostgreSQL server that counts round trips and cuts connections at a
//! COMMIT.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// First size of the buffer for one piece from a client, in bytes.
const PIECE: usize = 1 << 16;

/// When a connection is cut, relative to the COMMIT that passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// The server never receives the COMMIT.
    Before,
    /// The server has carried out the COMMIT; its answer is lost.
    After,
    /// The client is cut off; the server receives the COMMIT this much later.
    Late(Duration),
}

#[derive(Debug, Default)]
struct Shared {
    /// Round trips on behalf of messages.
    trips: AtomicU64,
    /// Cuts of the next COMMITs.
    cuts: Mutex<Vec<Cut>>,
    cut: AtomicU32,
}

/// A running proxy; it ends on drop.
pub(crate) struct Tap {
    shared: Arc<Shared>,
    port: u16,
    /// Whether connections are accepted.
    open: watch::Sender<bool>,
    _tasks: JoinSet<()>,
}

impl Tap {
    /// Starts a proxy on this machine to a server's socket.
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

    /// Returns the URL of a database behind the proxy.
    pub(crate) fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://wm@127.0.0.1:{port}/{database}?sslmode=disable")
    }

    /// Returns the round trips on behalf of messages since the last call.
    pub(crate) fn trips(&self) -> u64 {
        self.shared.trips.swap(0, Ordering::Relaxed)
    }

    /// Cuts the next COMMITs of units of work, each as given.
    pub(crate) fn cut(&self, cuts: impl IntoIterator<Item = Cut>) {
        self.shared.cuts.lock().unwrap().extend(cuts);
    }

    /// Returns how many COMMITs were cut so far.
    pub(crate) fn cuts(&self) -> u32 {
        self.shared.cut.load(Ordering::Relaxed)
    }

    /// Ends all connections and refuses new ones, or accepts them again.
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
    let waits = Arc::new(AtomicU32::new(0));
    let forward = async {
        let (mut started, mut asks) = (false, Asks::default());
        while let Some((messages, bytes)) = frontend(&mut from_client, started).await {
            started = true;
            let asked = asks.read(&messages);
            // A request that is sent while answers are awaited adds no round trip.
            let alone = waits.fetch_add(asked.answers, Ordering::AcqRel) == 0;
            if alone && asked.of_a_message {
                shared.trips.fetch_add(1, Ordering::Relaxed);
            }
            let cut = if asked.commits_a_unit {
                shared.cuts.lock().unwrap().pop()
            } else {
                None
            };
            let held = matches!(cut, Some(Cut::Before | Cut::Late(_)));
            if !held && to_server.write_all(&bytes).await.is_err() {
                return None;
            }
            if let Some(cut) = cut {
                shared.cut.fetch_add(1, Ordering::Relaxed);
                return Some((cut, bytes, asked.answers));
            }
        }
        None
    };
    let back = async {
        // The driver ends the copy when either side does.
        while let Some((kind, message)) = typed(&mut from_server).await {
            if kind == b'Z' {
                let less = |waits: u32| Some(waits.saturating_sub(1));
                let _ = waits.fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
            }
            if to_client.write_all(&message).await.is_err() {
                break;
            }
        }
    };
    let cut = tokio::select! {
        cut = forward => cut,
        () = back => None,
        _ = opened.wait_for(|open| !open) => None,
    };
    drop((from_client, to_client));
    match cut {
        None | Some((Cut::Before, ..)) => (),
        Some((Cut::After, _, answers)) => answered(&mut from_server, answers).await,
        Some((Cut::Late(wait), bytes, answers)) => {
            // The delay of the COMMIT is the fault.
            tokio::time::sleep(wait).await;
            if to_server.write_all(&bytes).await.is_ok() {
                answered(&mut from_server, answers).await;
            }
        }
    }
}

/// The protocol state of one connection.
#[derive(Default)]
struct Asks {
    /// Prepared statements by name.
    prepared: HashMap<Vec<u8>, String>,
}

/// The contents of one piece from the client.
#[derive(Default)]
struct Asked {
    /// Number of answers that end with ReadyForQuery.
    answers: u32,
    of_a_message: bool,
    /// The piece writes, and ends with a COMMIT.
    commits_a_unit: bool,
}

/// Statements that no message causes: heartbeats, polls of the outbox and of webhooks, and events
/// that listeners read back.
const BESIDE: [&str; 5] = [
    "wmctl_host",
    "SUM(outbox_seq)",
    "SUM(version)",
    "DISTINCT",
    "seq >= $2",
];
/// Statements that identify the primary, set up a new connection, or read the process's own row.
const OF_CONNECTIONS: [&str; 5] = [
    "system_identifier",
    "pg_is_in_recovery",
    "pg_postmaster_start_time",
    "set_config",
    "FROM wmctl_host WHERE inc",
];

impl Asks {
    fn read(&mut self, messages: &[(u8, Vec<u8>)]) -> Asked {
        let (mut asked, mut bound) = (Asked::default(), None);
        let mut writes = false;
        for (kind, message) in messages {
            let body = message.get(5..).unwrap_or_default();
            let mut texts = body.split(|byte| *byte == 0).map(<[u8]>::to_vec);
            let mut next = || texts.next().unwrap_or_default();
            let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
            let sql = match kind {
                b'P' => {
                    let name = next();
                    self.prepared.insert(name, text(next()));
                    continue;
                }
                b'B' => {
                    // The portal's name comes first.
                    next();
                    bound = self.prepared.get(&next()).cloned();
                    continue;
                }
                // Without a bound statement, the client only prepares one beside its requests.
                b'S' => bound.take(),
                b'Q' => Some(text(next())),
                _ => continue,
            };
            asked.answers += 1;
            let Some(sql) = sql else { continue };
            let sets = ["BEGIN", "COMMIT", "ROLLBACK", "SET ", "LISTEN"];
            // These check whether a connection works.
            let sets = ["", "SELECT 1"].contains(&sql.as_str())
                || sets.iter().any(|word| sql.starts_with(word));
            let of_others = OF_CONNECTIONS.iter().chain(&BESIDE);
            let of_a_message = !sets && !of_others.into_iter().any(|other| sql.contains(other));
            asked.of_a_message |= of_a_message;
            writes |= of_a_message;
            asked.commits_a_unit = writes && sql == "COMMIT";
        }
        asked
    }
}

/// Reads until the server has sent `answers` ReadyForQuery messages.
async fn answered(server: &mut (impl AsyncRead + Unpin), mut answers: u32) {
    while 0 < answers
        && let Some((kind, _)) = typed(server).await
    {
        answers -= u32::from(kind == b'Z');
    }
}

/// Reads one piece from a client, as messages and as bytes; the start-up message has no type.
async fn frontend(
    client: &mut (impl AsyncRead + Unpin),
    started: bool,
) -> Option<(Vec<(u8, Vec<u8>)>, Vec<u8>)> {
    if !started {
        let mut message = vec![0; 4];
        client.read_exact(&mut message).await.ok()?;
        let length = u32::from_be_bytes(message[..4].try_into().unwrap()) as usize;
        message.resize(length, 0);
        client.read_exact(&mut message[4..]).await.ok()?;
        return Some((Vec::new(), message));
    }
    let (mut bytes, mut messages, mut read) = (vec![0; PIECE], Vec::new(), 0);
    // Reads one piece, and the rest of an incomplete message at its end.
    loop {
        let more = client.read(&mut bytes[read..]).await.ok()?;
        if more == 0 {
            return None;
        }
        read += more;
        let mut at = 0;
        messages.clear();
        while let Some(head) = bytes[at..read].first_chunk::<5>() {
            let length = u32::from_be_bytes([head[1], head[2], head[3], head[4]]) as usize;
            if read < at + 1 + length {
                break;
            }
            messages.push((head[0], bytes[at..at + 1 + length].to_vec()));
            at += 1 + length;
        }
        if at == read {
            bytes.truncate(read);
            return Some((messages, bytes));
        }
        if read == bytes.len() {
            bytes.resize(read * 2, 0);
        }
    }
}

async fn typed(stream: &mut (impl AsyncRead + Unpin)) -> Option<(u8, Vec<u8>)> {
    let mut message = vec![0; 5];
    stream.read_exact(&mut message).await.ok()?;
    let length = u32::from_be_bytes(message[1..5].try_into().unwrap()) as usize;
    message.resize(1 + length, 0);
    stream.read_exact(&mut message[5..]).await.ok()?;
    Some((message[0], message))
}
