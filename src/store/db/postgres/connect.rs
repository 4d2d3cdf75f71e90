//! Connects to the first suitable server and logs in.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::{ChannelBinding, SslMode, SslNegotiation};

use crate::config::postgres::{Binding, WantedServer};
use crate::store::db::postgres::address::Address;
use crate::store::db::postgres::answer::{ServerError, fault};
use crate::store::db::postgres::dial::{Secured, dial};
use crate::store::db::postgres::link::Link;
use crate::store::db::postgres::target::{Target, options};
use crate::store::error::StoreError;

/// How long one server may take if there are others.
const ONE_OF_SEVERAL: Duration = Duration::from_millis(800);
const IS_OPEN: &str = "
    SELECT pg_is_in_recovery(), current_setting('transaction_read_only') = 'on'";

impl Target {
    /// Opens a new connection. If the login is refused, reads it again from its file and retries
    /// once.
    pub(in crate::store) async fn connect(&self) -> Result<Link, StoreError> {
        match Box::pin(self.connect_to_any()).await {
            Err(StoreError::Login { .. }) if self.login.renew() => self.connect_to_any().await,
            other => other,
        }
    }

    /// Tries all servers, starting with the one that was suitable last.
    async fn connect_to_any(&self) -> Result<Link, StoreError> {
        let count = self.servers.len();
        let last = self.last.load(Ordering::Relaxed);
        let mut failure = StoreError::late();
        for at in (0..count).map(|at| (last + at) % count) {
            let Some(server) = self.servers.get(at) else {
                continue;
            };
            let connect = self.connect_to(server);
            let connected = match count {
                1 => connect.await,
                // A silent server must not use up the time of the others.
                _ => timeout(ONE_OF_SEVERAL, connect)
                    .await
                    .unwrap_or_else(|_| Err(StoreError::late())),
            };
            match connected {
                Ok(link) => {
                    self.last.store(at, Ordering::Relaxed);
                    return Ok(link);
                }
                // A standby is reported only if no other server has an error.
                Err(StoreError::Standby) if 0 < at => (),
                Err(error) => failure = error,
            }
        }
        Err(failure)
    }

    async fn connect_to(&self, server: &Address) -> Result<Link, StoreError> {
        let socket = dial(self, server).await?;
        let (user, password) = self.login.now(server, self.database.as_deref());
        let mut config = tokio_postgres::Config::new();
        config
            .user(user.as_str())
            .dbname(self.database.as_deref().unwrap_or(&user))
            .application_name(self.application.as_str())
            .channel_binding(match self.binding {
                Binding::Disable => ChannelBinding::Disable,
                Binding::Prefer => ChannelBinding::Prefer,
                Binding::Require => ChannelBinding::Require,
            });
        let has_password = password.is_some();
        if let Some(password) = password {
            config.password(password.as_bytes());
        }
        if !self.settings.is_empty() {
            config.options(options(&self.settings));
        }
        // TLS is already negotiated on the socket.
        match socket.is_encrypted() {
            true => config
                .ssl_mode(SslMode::Require)
                .ssl_negotiation(SslNegotiation::Direct),
            false => config.ssl_mode(SslMode::Disable),
        };
        let connected = config.connect_raw(socket, Secured).await;
        let (client, wire) = connected.map_err(|error| refusal(error, has_password))?;
        let mut link = Link::new(client, wire, self.statements);
        self.suits(&mut link).await?;
        Ok(link)
    }

    /// Returns an error if the server is not of the wanted kind. Not checked if there is only one
    /// server and any primary will do.
    async fn suits(&self, link: &mut Link) -> Result<(), StoreError> {
        if self.servers.len() == 1 && self.wanted == WantedServer::Primary {
            return Ok(());
        }
        let row = link.row(IS_OPEN, Vec::new()).await?;
        let row = row.ok_or_else(StoreError::late)?;
        let (copy, read_only): (bool, bool) =
            (row.column("pg_settings", 0)?, row.column("pg_settings", 1)?);
        match self.wanted {
            _ if copy => Err(StoreError::Standby),
            WantedServer::Writable if read_only => Err(StoreError::ReadOnly),
            _ => Ok(()),
        }
    }
}

/// Converts the error of a failed login.
fn refusal(error: tokio_postgres::Error, has_password: bool) -> StoreError {
    let source = std::error::Error::source(&error);
    let broke = source.is_some_and(|source| source.is::<std::io::Error>());
    match error.as_db_error() {
        Some(answer) => ServerError::from(answer).into(),
        None if broke || error.is_closed() => fault(error),
        None if !has_password => StoreError::Login {
            listed: true,
            source: "the server wants a password, and there is none".into(),
        },
        // The server did not prove that it knows the password, or did not prove its identity.
        None => StoreError::Untrusted(Box::new(error)),
    }
}
