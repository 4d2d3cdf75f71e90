use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::*;

fn guard(allow: &[&str]) -> AddressPolicy {
    AddressPolicy::new(allow.iter().map(|text| text.parse().unwrap()).collect())
}

#[test]
fn only_public_addresses_with_tls_are_allowed() {
    for (address, expected) in [
        ("93.184.216.34", Ok(())),
        ("2606:2800:220:1::1", Ok(())),
        ("::ffff:93.184.216.34", Ok(())),
        ("0.0.0.0", Err(PostError::Refused)),
        ("0.1.2.3", Err(PostError::Refused)),
        ("127.0.0.1", Err(PostError::Refused)),
        ("127.255.255.254", Err(PostError::Refused)),
        ("10.0.0.1", Err(PostError::Refused)),
        ("172.16.0.1", Err(PostError::Refused)),
        ("172.31.255.255", Err(PostError::Refused)),
        ("192.168.0.1", Err(PostError::Refused)),
        ("100.64.0.1", Err(PostError::Refused)),
        ("169.254.169.254", Err(PostError::Refused)),
        ("192.0.0.192", Err(PostError::Refused)),
        ("198.18.0.1", Err(PostError::Refused)),
        ("224.0.0.1", Err(PostError::Refused)),
        ("240.0.0.1", Err(PostError::Refused)),
        ("255.255.255.255", Err(PostError::Refused)),
        ("::", Err(PostError::Refused)),
        ("::1", Err(PostError::Refused)),
        ("::127.0.0.1", Err(PostError::Refused)),
        ("::ffff:127.0.0.1", Err(PostError::Refused)),
        ("::ffff:10.0.0.1", Err(PostError::Refused)),
        ("::ffff:169.254.169.254", Err(PostError::Refused)),
        ("64:ff9b::7f00:1", Err(PostError::Refused)),
        ("64:ff9b::a9fe:a9fe", Err(PostError::Refused)),
        ("2002:7f00:1::", Err(PostError::Refused)),
        ("2001:0:7f00:1::", Err(PostError::Refused)),
        ("fe80::1", Err(PostError::Refused)),
        ("fec0::1", Err(PostError::Refused)),
        ("fc00::1", Err(PostError::Refused)),
        ("fd00:ec2::254", Err(PostError::Refused)),
        ("ff02::1", Err(PostError::Refused)),
    ] {
        let ip = address.parse().unwrap();
        assert_eq!(
            AddressPolicy::default().check(ip, true),
            expected,
            "{address}"
        );
        let plain = expected.and(Err(PostError::Plain));
        assert_eq!(
            AddressPolicy::default().check(ip, false),
            plain,
            "{address}"
        );
    }
    let some = guard(&["10.1.0.0/16", "fd00::/8"]);
    for (address, expected) in [
        ("10.1.2.3", Ok(())),
        ("::ffff:10.1.2.3", Ok(())),
        ("fd00::7", Ok(())),
        ("10.2.0.1", Err(PostError::Refused)),
        ("127.0.0.1", Err(PostError::Refused)),
    ] {
        let ip = address.parse().unwrap();
        assert_eq!(some.check(ip, false), expected, "{address}");
    }
}

/// A resolver that returns the next list each time.
struct Rebinding {
    asked: AtomicUsize,
    answers: Vec<Vec<SocketAddr>>,
}

impl Resolve for Rebinding {
    fn resolve(&self, _: &str, _: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let at = self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = self.answers[at.min(self.answers.len() - 1)].clone();
        async move { Ok(answer) }.boxed()
    }
}

fn post() -> Post {
    Post {
        headers: vec![("wmctl-tenant", "acme".into())],
        body: Bytes::from_static(b"{}"),
    }
}

#[tokio::test]
async fn a_name_that_moves_leads_nowhere_else() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap();
    // The first answer is allowed but refuses connections; the second one leads to this machine.
    let elsewhere: SocketAddr = "192.0.2.1:9".parse().unwrap();
    let closed: SocketAddr = "127.0.0.2:9".parse().unwrap();
    let names = Arc::new(Rebinding {
        asked: AtomicUsize::new(0),
        answers: vec![vec![closed], vec![here], vec![elsewhere, here]],
    });
    let poster = WebhookClient::new(guard(&["127.0.0.2"]), Duration::from_secs(5), None).unwrap();
    let poster = poster.with_names(names.clone());
    let url: HookUrl = "http://rebinding.example/".parse().unwrap();
    let mut held = None;
    let first = poster.post(&mut held, &url, &post()).await;
    assert!(matches!(first, Err(PostError::Connect(_))), "{first:?}");
    for _ in 0..2 {
        let refused = poster.post(&mut held, &url, &post()).await;
        assert_eq!(refused, Err(PostError::Refused));
    }
    assert_eq!(
        names.asked.load(Ordering::SeqCst),
        3,
        "one look for each connection"
    );
    let nobody = listener.accept().now_or_never();
    assert!(
        nobody.is_none(),
        "somebody came although the address is refused"
    );
}

#[tokio::test]
async fn localhost_is_this_machine_by_any_name() {
    let poster =
        WebhookClient::new(AddressPolicy::default(), Duration::from_secs(5), None).unwrap();
    for host in [
        "localhost",
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "0",
    ] {
        for scheme in ["http", "https"] {
            let url: HookUrl = format!("{scheme}://{host}:9/").parse().unwrap();
            let refused = poster.post(&mut None, &url, &post()).await;
            // A resolver may also reject the form as a name.
            let wanted = [Err(PostError::Refused), Err(PostError::Lookup)];
            assert!(wanted.contains(&refused), "{scheme}://{host}: {refused:?}");
        }
    }
}

/// Accepts one connection and sends an answer in parts, with a pause after each.
async fn play(listener: &TcpListener, parts: &[&[u8]], pause: Duration) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut buffer = vec![0; 4_096];
    let read = stream.read(&mut buffer).await.unwrap();
    assert!(buffer[..read].starts_with(b"POST /hook HTTP/1.1\r\n"));
    for part in parts {
        if stream.write_all(part).await.is_err() {
            return;
        }
        tokio::time::sleep(pause).await;
    }
}

#[tokio::test]
async fn an_answer_is_its_status_in_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url: HookUrl = format!("http://127.0.0.1:{port}/hook").parse().unwrap();
    let poster =
        WebhookClient::new(guard(&["127.0.0.0/8"]), Duration::from_millis(700), None).unwrap();
    let check = async |what: &str, parts: &[&[u8]], pause_ms, expected, kept: bool| {
        let (mut held, body) = (None, post());
        let pause = Duration::from_millis(pause_ms);
        let sent = poster.post(&mut held, &url, &body);
        let (_, found) = tokio::join!(play(&listener, parts, pause), sent);
        assert_eq!(found, expected, "{what}");
        assert_eq!(held.is_some(), kept, "{what}");
    };
    let ok = |status, retry_after: Option<u64>| {
        let retry_after = retry_after.map(Duration::from_secs);
        Ok(WebhookAnswer {
            status,
            retry_after,
        })
    };
    let plain = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    check("plain", &[plain], 50, ok(200, None), true).await;
    let moved = b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n";
    check("redirect", &[moved], 50, ok(302, None), true).await;
    let later = b"HTTP/1.1 503 No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n";
    check("later", &[later], 50, ok(503, Some(7)), true).await;
    let many = vec![b'x'; 1 << 20];
    let huge = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n";
    check("huge body", &[huge, &many], 0, ok(200, None), false).await;
    let broken = Err(PostError::Broken);
    let head = b"HTTP/1.1 200 OK\r\nX: ";
    check("endless head", &[head, &many], 0, broken, false).await;
    check("no HTTP", &[b"hello\r\n\r\n"], 0, broken, false).await;
    check("closed", &[], 0, broken, false).await;
    let drip = [&head[..]].into_iter().chain([b"y".as_slice(); 99]);
    let drip: Vec<&[u8]> = drip.collect();
    check("dripping", &drip, 50, Err(PostError::TimedOut), false).await;
}

#[tokio::test]
async fn a_connection_serves_again_until_it_is_closed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let url: HookUrl = format!("http://127.0.0.1:{port}/hook").parse().unwrap();
    let poster = WebhookClient::new(guard(&["127.0.0.1"]), Duration::from_secs(5), None).unwrap();
    const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\n\r\n";
    let serve = async {
        let mut accepted = 0;
        // Two requests on the first connection, and one on each of the others.
        for requests in [2, 1, 1] {
            let (mut stream, _) = listener.accept().await.unwrap();
            accepted += 1;
            for _ in 0..requests {
                let mut buffer = vec![0; 4_096];
                assert!(0 < stream.read(&mut buffer).await.unwrap());
                stream.write_all(ANSWER).await.unwrap();
            }
        }
        accepted
    };
    let send = async {
        let mut held = None;
        for _ in 0..4 {
            let answer = poster.post(&mut held, &url, &post()).await;
            assert_eq!(answer.map(|answer| answer.status), Ok(204));
        }
    };
    let (accepted, ()) = tokio::join!(serve, send);
    assert_eq!(accepted, 3);
}
