//! What a process on this machine has used and done, as the system and its metrics tell.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// What the kernel counts processor time in, a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Numbers of a process by name and labels.
pub(super) type Counts = BTreeMap<String, f64>;

/// The metrics of a process.
pub(super) async fn scrape(address: SocketAddr) -> Option<Counts> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let ask = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n");
    stream.write_all(ask.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let lines = answer.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.filter_map(|line| {
        let (key, value) = line.rsplit_once(' ')?;
        Some((key.to_owned(), value.parse().ok()?))
    });
    Some(pairs.collect())
}

/// Processor time so far (seconds); unknown where the system does not tell.
pub(super) fn cpu_s(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name before may hold blanks; user and system time are 12 and 13 behind it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let time = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((time(11)? + time(12)?) / TICKS_PER_SECOND)
}

/// Memory (kilobytes), of what is shared with others only its share.
pub(super) fn memory_kb(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}
