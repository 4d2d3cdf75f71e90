//! Downloads from the media server. The host follows from the server that we are connected to, so
//! nothing that a peer sends can choose it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, ORIGIN};
use hyper::{Method, Request};
use tokio::time::timeout;

use crate::net::dial::{Dialer, ORIGIN_WHATSAPP};
use crate::net::http::{self, HttpError};

/// The chat server's host name, and the host name of its media server.
///
/// Source: Baileys 7.0.0-rc13 `src/Utils/messages-media.ts` (`DEF_MEDIA_HOST`).
const WHATSAPP: &str = "web.whatsapp.com";
const WHATSAPP_MEDIA: &str = "mmg.whatsapp.net";
/// Largest blob in bytes, enough for a long history.
const BLOB_BYTES_MAX: usize = 64 << 20;
/// Longest time of one download.
const TIME_MAX: std::time::Duration = std::time::Duration::from_secs(60);

impl Dialer {
    /// Downloads the blob at `path`, through the proxy if there is one. TLS is used if the chat
    /// connection uses it. Redirects are not followed.
    pub async fn download(&self, path: &str) -> Result<Bytes, HttpError> {
        let media = match self.host.as_str() {
            WHATSAPP => self.at(WHATSAPP_MEDIA),
            // Any other server, such as a simulator, serves media at its own address.
            _ => self.clone(),
        };
        let got = timeout(TIME_MAX, media.get(path));
        got.await.map_err(|_| HttpError::TimedOut)?
    }

    async fn get(&self, path: &str) -> Result<Bytes, HttpError> {
        let stream = self.secured().await?;
        let request = Request::builder()
            .method(Method::GET)
            .uri(path)
            .header(HOST, self.authority())
            .header(ORIGIN, ORIGIN_WHATSAPP)
            .body(Full::new(Bytes::new()))
            .map_err(|_| HttpError::Url)?;
        match http::round_trip(stream, request, BLOB_BYTES_MAX).await? {
            (200, body) => Ok(body),
            (status, _) => Err(HttpError::Status(status)),
        }
    }
}
