//! A proxy in front of the database that can cut the traffic in one direction or in both.
//!
//! While it is cut, data in transit waits as in network buffers: connections stay open and silent.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::DatabaseUrl;

const CHUNK_BYTES: usize = 16 << 10;
/// PostgreSQL's default port.
const PORT: u16 = 5_432;

/// The directions that are cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cut {
    pub(crate) to_database: bool,
    pub(crate) from_database: bool,
}

/// The real address of the database.
#[derive(Clone, Debug)]
enum Target {
    Tcp(String, u16),
    Unix(PathBuf),
}

/// A listening proxy. It stops when it is dropped.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    cut: watch::Sender<Cut>,
    _tasks: JoinSet<()>,
}

impl Proxy {
    /// Listens on a free port. Returns `None` for SQLite.
    pub(crate) async fn start(database: &DatabaseUrl) -> std::io::Result<Option<Self>> {
        let DatabaseUrl::Postgres(url) = database else {
            return Ok(None);
        };
        let port = url.port.unwrap_or(PORT);
        let target = match url.host.as_deref() {
            Some(folder) if folder.starts_with('/') => {
                Target::Unix(PathBuf::from(format!("{folder}/.s.PGSQL.{port}")))
            }
            host => Target::Tcp(host.unwrap_or("localhost").to_owned(), port),
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (cut, cuts) = watch::channel(Cut::default());
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::new(target), cuts));
        Ok(Some(Self {
            address,
            cut,
            _tasks: tasks,
        }))
    }

    pub(crate) fn cut(&self, cut: Cut) {
        self.cut.send_replace(cut);
    }
}

async fn accept(listener: TcpListener, target: Arc<Target>, cuts: watch::Receiver<Cut>) {
    let mut links = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                if let Ok((client, _)) = accepted {
                    links.spawn(link(client, target.clone(), cuts.clone()));
                }
            }
            Some(_) = links.join_next(), if !links.is_empty() => (),
        }
    }
}

async fn link(client: TcpStream, target: Arc<Target>, mut cuts: watch::Receiver<Cut>) {
    // A cut also holds back new connections.
    if cuts.wait_for(|cut| *cut == Cut::default()).await.is_err() {
        return;
    }
    match &*target {
        Target::Tcp(host, port) => match TcpStream::connect((host.as_str(), *port)).await {
            Ok(server) => join(client.into_split(), server.into_split(), &cuts).await,
            Err(error) => tracing::warn!(%error, "the database does not answer"),
        },
        Target::Unix(path) => match UnixStream::connect(path).await {
            Ok(server) => join(client.into_split(), server.into_split(), &cuts).await,
            Err(error) => tracing::warn!(%error, "the database does not answer"),
        },
    }
}

async fn join<A, B, C, D>(client: (A, B), server: (C, D), cuts: &watch::Receiver<Cut>)
where
    A: AsyncRead + Unpin,
    B: AsyncWrite + Unpin,
    C: AsyncRead + Unpin,
    D: AsyncWrite + Unpin,
{
    let there = pump(client.0, server.1, cuts.clone(), |cut| cut.to_database);
    let back = pump(server.0, client.1, cuts.clone(), |cut| cut.from_database);
    // The end of one direction ends both.
    tokio::select! {
        () = there => (),
        () = back => (),
    }
}

async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut cuts: watch::Receiver<Cut>,
    is_cut: fn(&Cut) -> bool,
) {
    let mut bytes = vec![0; CHUNK_BYTES];
    loop {
        let Ok(length) = from.read(&mut bytes).await else {
            return;
        };
        if cuts.wait_for(|cut| !is_cut(cut)).await.is_err() || length == 0 {
            return;
        }
        if to.write_all(&bytes[..length]).await.is_err() {
            return;
        }
    }
}

/// Returns the URL with another address. Host settings in its query are removed.
pub(crate) fn at(url: &str, address: SocketAddr) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let user = authority
        .rsplit_once('@')
        .map_or(String::new(), |(user, _)| format!("{user}@"));
    let elsewhere = |pair: &&str| {
        let name = pair.split('=').next().unwrap_or_default();
        !pair.is_empty() && !matches!(name, "host" | "hostaddr" | "port")
    };
    let query: Vec<&str> = query.split('&').filter(elsewhere).collect();
    let mut moved = format!("{scheme}://{user}{address}/{path}");
    if !query.is_empty() {
        moved.push('?');
        moved.push_str(&query.join("&"));
    }
    Some(moved)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_moves_to_another_address() {
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        for (url, moved) in [
            ("postgres://db/wm", "postgres://127.0.0.1:9/wm"),
            (
                "postgres://u:p%40w@db:6432/wm?sslmode=require",
                "postgres://u:p%40w@127.0.0.1:9/wm?sslmode=require",
            ),
            (
                "postgresql:///wm?host=/run/pg&port=1&user=u",
                "postgresql://127.0.0.1:9/wm?user=u",
            ),
        ] {
            assert_eq!(at(url, address).as_deref(), Some(moved), "{url}");
        }
        assert_eq!(at("sqlite:/a", address), None);
    }
}
