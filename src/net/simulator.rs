//! Requests to the control interface of a simulator, on this machine only.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONTENT_TYPE, HOST};
use hyper::{Method, Request};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// Longest time of one request.
const TIME_MAX: Duration = Duration::from_secs(10);
/// Largest answer in bytes.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// The reason why a simulator did not carry out a request.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// The URL is not a simulator's URL.
    #[error("a simulator's control URL is http://127.0.0.1:PORT")]
    Url,
    /// There is no answer at this address, or it is not HTTP.
    #[error("no simulator answers at {address}: {reason}")]
    Unreachable {
        /// The address of the request.
        address: SocketAddr,
        /// The cause.
        reason: String,
    },
    /// The simulator answered with an error.
    #[error("the simulator refuses: {0}")]
    Refused(String),
}

/// The address of a simulator's control interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ControlUrl(SocketAddr);

impl std::str::FromStr for ControlUrl {
    type Err = ControlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let rest = text.strip_prefix("http://").ok_or(ControlError::Url)?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let authority = match authority.strip_prefix("localhost:") {
            Some(port) => format!("127.0.0.1:{port}"),
            None => authority.to_owned(),
        };
        let address: SocketAddr = authority.parse().map_err(|_| ControlError::Url)?;
        let local = match address.ip() {
            IpAddr::V4(ip) => ip.is_loopback(),
            IpAddr::V6(ip) => ip.is_loopback(),
        };
        local.then_some(Self(address)).ok_or(ControlError::Url)
    }
}

impl ControlUrl {
    /// Sends a GET request.
    pub async fn get(&self, path: &str) -> Result<Value, ControlError> {
        self.ask(Method::GET, path, Bytes::new()).await
    }

    /// Sends a POST request.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, ControlError> {
        self.ask(Method::POST, path, Bytes::from(body.to_string()))
            .await
    }

    async fn ask(&self, method: Method, path: &str, body: Bytes) -> Result<Value, ControlError> {
        let unreachable = |reason: String| ControlError::Unreachable {
            address: self.0,
            reason,
        };
        let asked = tokio::time::timeout(TIME_MAX, self.exchange(method, path, body));
        let (ok, answer) = match asked.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(unreachable(error.to_string())),
            Err(_) => return Err(unreachable(String::from("no answer in time"))),
        };
        let value: Value = serde_json::from_slice(&answer)
            .map_err(|_| unreachable(String::from("the answer is no JSON")))?;
        match ok {
            true => Ok(value),
            false => {
                let message = value["error"]["message"].as_str().unwrap_or("no reason");
                Err(ControlError::Refused(message.to_owned()))
            }
        }
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Bytes,
    ) -> Result<(bool, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(self.0).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, self.0.to_string())
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(body))?;
        let answer = async {
            let response = sender.send_request(request).await?;
            let ok = response.status().is_success();
            let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX);
            Ok((ok, body.collect().await?.to_bytes()))
        };
        // The connection future must be polled while the answer arrives.
        tokio::pin!(connection, answer);
        tokio::select! {
            answer = &mut answer => answer,
            ended = &mut connection => {
                ended?;
                answer.await
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked() {
        for good in [
            "http://127.0.0.1:9444",
            "http://localhost:1/",
            "http://[::1]:80",
        ] {
            assert!(good.parse::<ControlUrl>().is_ok(), "{good}");
        }
        for bad in [
            "http://10.0.0.1:80",
            "https://127.0.0.1:80",
            "http://127.0.0.1",
            "http://127.0.0.1:80/v1",
            "127.0.0.1:80",
            "http://localhost.example:80",
        ] {
            assert!(bad.parse::<ControlUrl>().is_err(), "{bad}");
        }
    }
}
