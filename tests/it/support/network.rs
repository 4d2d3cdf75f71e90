//! Simulated machines: networks that can be cut, and clocks that can be set wrong.

use std::fs::{self, File};
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::postgres::is_root;

const IP: &str = "/usr/sbin/ip";
const LIBRARY: &str = "clock.so";

/// A network namespace with one link to this machine.
pub(crate) struct Network {
    name: String,
    /// This machine's end of the link.
    pub(crate) outside: IpAddr,
}

/// The direction in which packets are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    Both,
    /// Packets that the machine sends.
    Out,
    /// Packets to the machine.
    In,
}

impl Network {
    /// Creates the namespace and its link. `number` distinguishes those of one test.
    pub(crate) fn start(number: u32) -> Self {
        assert!(
            is_root(),
            "this test makes networks of its own: run it as root, with iproute2 and iptables \
             installed (./test installs them)"
        );
        // The range for network benchmarks (RFC 2544), which is not routed: four addresses for
        // each.
        let place = (std::process::id() % 8_192 * 4 + number) * 4;
        let base = u32::from(Ipv4Addr::new(198, 18, 0, 0)) + place;
        let [outside, inside] = [base + 1, base + 2].map(Ipv4Addr::from);
        let name = format!("wm{}n{number}", std::process::id());
        let (near, far) = (format!("{name}o"), format!("{name}i"));
        let network = Self {
            name: name.clone(),
            outside: outside.into(),
        };
        let ip = |line: &str| run(IP, line);
        ip(&format!("netns add {name}"));
        ip(&format!(
            "link add {near} type veth peer name {far} netns {name}"
        ));
        ip(&format!("addr add {outside}/30 dev {near}"));
        ip(&format!("link set {near} up"));
        ip(&format!("-n {name} addr add {inside}/30 dev {far}"));
        ip(&format!("-n {name} link set {far} up"));
        ip(&format!("-n {name} link set lo up"));
        network
    }

    /// Returns the command prefix that starts a program inside.
    pub(crate) fn inside(&self) -> [&str; 4] {
        [IP, "netns", "exec", &self.name]
    }

    /// Drops packets between the namespace and a port of this machine.
    pub(crate) fn lose(&self, port: u16, lost: Lost) {
        let rules = [
            (Lost::In, format!("-A INPUT -p tcp --sport {port} -j DROP")),
            (
                Lost::Out,
                format!("-A OUTPUT -p tcp --dport {port} -j DROP"),
            ),
        ];
        for (way, rule) in rules {
            if lost == Lost::Both || lost == way {
                self.iptables(&rule);
            }
        }
    }

    /// Removes all drop rules.
    pub(crate) fn heal(&self) {
        self.iptables("-F");
    }

    fn iptables(&self, line: &str) {
        let exec = format!("netns exec {} /usr/sbin/iptables -w {line}", self.name);
        run(IP, &exec);
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let gone = Command::new(IP).args(["netns", "del", &self.name]).status();
        drop(gone);
    }
}

fn run(program: &str, line: &str) {
    let output = Command::new(program).args(line.split(' ')).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; ./test installs it"));
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {line}: {words}");
}

/// A wall clock for some programs, which can be set wrong. Their other clocks stay right.
pub(crate) struct Clock {
    folder: PathBuf,
    name: &'static str,
}

impl Clock {
    /// Creates a clock that is right. The folder must be readable for all users.
    pub(crate) fn right(folder: &Path, name: &'static str) -> Self {
        let library = folder.join(LIBRARY);
        if !library.exists() {
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/support/clock.c");
            let built = Command::new("cc")
                .args(["-shared", "-fPIC", "-O2", "-o"])
                .args([&library, &source])
                .status()
                .expect("a C compiler is installed (apt-get install gcc libc6-dev), or run ./test");
            assert!(built.success(), "the clock cannot be built");
        }
        let clock = Self {
            folder: folder.to_owned(),
            name,
        };
        fs::write(clock.file(), 0_i64.to_ne_bytes()).unwrap();
        clock
    }

    /// Sets it wrong by this many seconds.
    pub(crate) fn set(&self, seconds: i64) {
        // Written in place, because programs have the file mapped.
        let mut file = File::options().write(true).open(self.file()).unwrap();
        file.write_all(&seconds.to_ne_bytes()).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.join(self.name)
    }

    /// Returns the environment variables that make a program use the clock.
    pub(crate) fn variables(&self) -> [(String, String); 2] {
        let library = self.folder.join(LIBRARY);
        [
            ("LD_PRELOAD".into(), library.display().to_string()),
            ("WMCTL_TEST_CLOCK".into(), self.file().display().to_string()),
        ]
    }
}

/// Returns an address that no other connection of this machine uses by chance: those use 127.0.0.1.
pub(crate) fn own_address(number: u32) -> SocketAddr {
    let place = 0x80_0000 + std::process::id() % 0x8_0000 * 16 + number;
    let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 0)) + place);
    let listener = TcpListener::bind((ip, 0)).unwrap();
    listener.local_addr().unwrap()
}
