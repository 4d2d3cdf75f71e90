//! Resource usage and metrics of a process on this machine.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Clock ticks per second in which the kernel reports processor time.
const TICKS_PER_SECOND: f64 = 100.0;

/// Metrics of a process, by name and labels.
pub(super) type Counts = BTreeMap<String, f64>;

/// Fetches the metrics of a process.
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

/// Returns the processor time used so far (s); `None` if the system does not report it.
pub(super) fn cpu_s(pid: u32) -> Option<f64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The process name may contain spaces. `utime` and `stime` are fields 12 and 13 after it.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let time = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((time(11)? + time(12)?) / TICKS_PER_SECOND)
}

/// Returns the memory (kB); shared pages count in proportion (PSS).
pub(super) fn memory_kb(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_whitespace().next()?.parse().ok()
}
