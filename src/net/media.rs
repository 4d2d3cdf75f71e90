//! Downloads from the media server, which is told by the server that we are connected to: nothing
//! that a peer sends can name a host.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{HOST, ORIGIN};
use hyper::{Method, Request};
use tokio::time::timeout;

use crate::net::dial::{Dialer, ORIGIN_WHATSAPP};
use crate::net::http::{self, HttpError};

/// The server's own name, and where media of its accounts lie.
const WHATSAPP: &str = "web.whatsapp.com";
const WHATSAPP_MEDIA: &str = "mmg.whatsapp.net";
/// Largest blob that is taken: a long history.
const BLOB_BYTES_MAX: usize = 64 << 20;
/// How long one download may take.
const TIME_MAX: std::time::Duration = std::time::Duration::from_secs(60);

impl Dialer {
    /// Downloads what lies under a path, through the proxy if there is one; TLS wherever the
    /// connection itself has it. Redirects are not followed.
    pub async fn download(&self, path: &str) -> Result<Bytes, HttpError> {
        let media = match self.host.as_str() {
            WHATSAPP => self.at(WHATSAPP_MEDIA),
            // Any other server has its media behind the same door.
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
