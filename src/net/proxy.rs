//! Connects through a proxy by HTTP CONNECT or SOCKS5, and checks which addresses a proxy may have.
//!
//! A person who may change a tenant can name its proxy. The proxy must not reach services that only
//! this machine can reach. Therefore the check applies to the address that is connected to, not to
//! the name.

use std::io;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::config::proxy::{Proxy, ProxyKind};
use crate::net::special::is_public;

/// Largest answer in bytes of an HTTP proxy before the tunnel.
const ANSWER_BYTES_MAX: usize = 8 << 10;

/// The addresses that a proxy may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AddressScope {
    /// Only addresses that the whole internet can reach.
    #[default]
    Public,
    /// Also this machine and private networks.
    Private,
}

impl AddressScope {
    /// Returns true if a connection to `address` is allowed.
    pub fn allows(self, address: IpAddr) -> bool {
        self == Self::Private || is_public(address)
    }
}

/// Requests a tunnel from the proxy at the other end of `stream`. Not cancel-safe.
pub(super) async fn tunnel(
    stream: &mut TcpStream,
    proxy: &Proxy,
    host: &str,
    port: u16,
) -> io::Result<()> {
    match proxy.kind {
        ProxyKind::Http => connect(stream, proxy, host, port).await,
        ProxyKind::Socks5 => socks5(stream, proxy, host, port).await,
    }
}

fn refused(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionRefused, why)
}

async fn connect(stream: &mut TcpStream, proxy: &Proxy, host: &str, port: u16) -> io::Result<()> {
    let host = match host.contains(':') {
        true => format!("[{host}]"),
        false => host.to_owned(),
    };
    let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some((user, password)) = &proxy.credentials {
        let word = BASE64.encode(format!("{user}:{password}"));
        request.push_str(&format!("Proxy-Authorization: Basic {word}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await?;
    // Read byte by byte, because the bytes after the head belong to the tunnel.
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if ANSWER_BYTES_MAX <= head.len() {
            return Err(refused("the proxy's answer is too long"));
        }
        head.push(stream.read_u8().await?);
    }
    let status = head.split(|byte| *byte == b' ').nth(1);
    match (head.starts_with(b"HTTP/1."), status) {
        (true, Some([b'2', _, _])) => Ok(()),
        // Some proxies answer 401, as origin servers do, instead of 407.
        (true, Some(b"407" | b"401")) => Err(refused("the proxy wants other credentials")),
        _ => Err(refused("the proxy refuses the tunnel")),
    }
}

async fn socks5(stream: &mut TcpStream, proxy: &Proxy, host: &str, port: u16) -> io::Result<()> {
    let method = if proxy.credentials.is_some() { 2 } else { 0 };
    stream.write_all(&[5, 1, method]).await?;
    let mut chosen = [0; 2];
    stream.read_exact(&mut chosen).await?;
    if chosen != [5, method] {
        return Err(refused("the proxy wants another way to log in"));
    }
    let length = |text: &str| u8::try_from(text.len()).map_err(|_| refused("a name is too long"));
    if let Some((user, password)) = &proxy.credentials {
        let mut login = vec![1, length(user)?];
        login.extend(user.as_bytes());
        login.push(length(password)?);
        login.extend(password.as_bytes());
        stream.write_all(&login).await?;
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).await?;
        if answer[1] != 0 {
            return Err(refused("the proxy wants other credentials"));
        }
    }
    let mut request = vec![5, 1, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend(ip.octets());
        }
        Err(_) => {
            request.extend([3, length(host)?]);
            request.extend(host.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    stream.write_all(&request).await?;
    let mut answer = [0; 4];
    stream.read_exact(&mut answer).await?;
    if answer[..2] != [5, 0] {
        return Err(refused("the proxy refuses the tunnel"));
    }
    let rest = match answer[3] {
        1 => 4,
        4 => 16,
        3 => usize::from(stream.read_u8().await?),
        _ => return Err(refused("the proxy's answer makes no sense")),
    };
    let mut bound = [0; 257];
    stream.read_exact(&mut bound[..rest + 2]).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_are_reached() {
        for public in [
            "1.1.1.1",
            "198.17.0.1",
            "2606:4700::1111",
            "64:ff9b::101:101",
        ] {
            assert!(
                AddressScope::Public.allows(public.parse().unwrap()),
                "{public}"
            );
        }
        for inner in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.168.1.1",
            "192.0.0.8",
            "198.18.0.1",
            "192.0.2.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fd00::1",
            "ff02::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "2002:7f00:1::",
            "2001::1",
        ] {
            assert!(
                !AddressScope::Public.allows(inner.parse().unwrap()),
                "{inner}"
            );
            assert!(
                AddressScope::Private.allows(inner.parse().unwrap()),
                "{inner}"
            );
        }
    }
}
