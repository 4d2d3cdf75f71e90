//! A fixed address in front of a service, which can be directed elsewhere. It plays the role of a
//! DNS name in production.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// The destination of connections.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Socket(PathBuf),
    Address(SocketAddr),
}

/// A relay of bytes.
pub(crate) struct Front {
    pub(crate) address: SocketAddr,
    target: Arc<Mutex<(Target, CancellationToken)>>,
    _relay: JoinSet<()>,
}

impl Front {
    pub(crate) async fn start(ip: IpAddr, target: Target) -> Self {
        let listener = TcpListener::bind((ip, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Arc::new(Mutex::new((target, CancellationToken::new())));
        let mut relay = JoinSet::new();
        let current = Arc::clone(&target);
        relay.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((client, _)) = listener.accept().await {
                let (target, cut) = current.lock().unwrap().clone();
                connections.spawn(async move {
                    tokio::select! {
                        () = cut.cancelled() => (),
                        () = pass_on(client, target) => (),
                    }
                });
                while connections.try_join_next().is_some() {}
            }
        });
        Self {
            address,
            target,
            _relay: relay,
        }
    }

    /// Directs new connections elsewhere. Open ones continue unless `cut` is set.
    pub(crate) fn lead_to(&self, target: Target, cut: bool) {
        let mut current = self.target.lock().unwrap();
        let token = match cut {
            true => CancellationToken::new(),
            false => current.1.clone(),
        };
        let old = std::mem::replace(&mut *current, (target, token));
        if cut {
            old.1.cancel();
        }
    }
}

async fn pass_on(client: TcpStream, target: Target) {
    client.set_nodelay(true).unwrap();
    match target {
        Target::Socket(path) => {
            if let Ok(server) = UnixStream::connect(path).await {
                both(client, server).await;
            }
        }
        Target::Address(address) => {
            if let Ok(server) = TcpStream::connect(address).await {
                server.set_nodelay(true).unwrap();
                both(client, server).await;
            }
        }
    }
}

async fn both(
    mut client: impl AsyncRead + AsyncWrite + Unpin,
    mut server: impl AsyncRead + AsyncWrite + Unpin,
) {
    // If one end fails, both are closed.
    drop(copy_bidirectional(&mut client, &mut server).await);
}
