//! Durations of takeovers, printed as a table at the end of a test.

use std::fmt::Write;
use std::time::Duration;

/// Factor by which a takeover may exceed its target on a machine that is busy with other tests.
const SLACK: u32 = 4;
/// Additional time for each target.
const BUSY: Duration = Duration::from_secs(1);

/// A fault of a leader, and the target time for its replacement on an idle machine.
pub(super) struct Fault {
    pub(super) name: &'static str,
    target: Duration,
}

impl Fault {
    pub(super) const fn new(name: &'static str, target_ms: u64) -> Self {
        let target = Duration::from_millis(target_ms);
        Self { name, target }
    }
}

/// Durations of one kind.
struct Row {
    name: String,
    target: Option<Duration>,
    took: Vec<Duration>,
}

/// The measurements of one test.
#[derive(Default)]
pub(super) struct Figures {
    rows: Vec<Row>,
}

impl Figures {
    /// Records the time until a takeover. Fails if it is far above the target.
    pub(super) fn took(&mut self, fault: &Fault, took: Duration) {
        let most = fault.target * SLACK + BUSY;
        let (name, target) = (fault.name, fault.target);
        assert!(took < most, "{name}: it took {took:?}, target {target:?}");
        self.add(name.to_owned(), Some(target), took);
    }

    /// Records the time until the new leader was logged in. It has no target, because WhatsApp
    /// takes part.
    pub(super) fn connected(&mut self, fault: &Fault, took: Duration) {
        self.add(format!("{}, login", fault.name), None, took);
    }

    fn add(&mut self, name: String, target: Option<Duration>, took: Duration) {
        match self.rows.iter_mut().find(|row| row.name == name) {
            Some(row) => row.took.push(took),
            None => self.rows.push(Row {
                name,
                target,
                took: vec![took],
            }),
        }
    }

    pub(super) fn print(&mut self, what: &str) {
        let mut table = format!(
            "{what}\n{:<48} {:>6} {:>8} {:>8} {:>8} {:>8}\n",
            "seconds", "rounds", "p50", "p99", "max", "target"
        );
        for row in &mut self.rows {
            row.took.sort();
            let [p50, p99, max] = [50, 99, 100].map(|percent| seconds(at(&row.took, percent)));
            let target = row.target.map_or_else(String::new, seconds);
            let (name, rounds) = (&row.name, row.took.len());
            writeln!(
                table,
                "{name:<48} {rounds:>6} {p50:>8} {p99:>8} {max:>8} {target:>8}"
            )
            .unwrap();
        }
        #[expect(clippy::print_stderr, reason = "the figures of a soak")]
        let () = eprint!("{table}");
    }
}

/// Returns the percentile of sorted durations.
fn at(sorted: &[Duration], percent: usize) -> Duration {
    sorted[(sorted.len() * percent).div_ceil(100).max(1) - 1]
}

fn seconds(duration: Duration) -> String {
    format!("{:.3}", duration.as_secs_f64())
}
