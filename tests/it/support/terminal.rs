//! A terminal of a certain size, with a command in it.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::process::{Child, Command};
use tokio::sync::watch;
use tokio::time::timeout;

use super::program::PATIENCE;

/// A command whose standard output is a terminal; it is killed when this is dropped.
pub(crate) struct Terminal {
    child: Child,
    shown: watch::Receiver<String>,
}

impl Terminal {
    /// Starts a command. Standard error is the terminal too, unless it is `apart`: then nobody
    /// sees it.
    pub(crate) fn start(mut command: Command, columns: u16, rows: u16, apart: bool) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).expect("it is ours");
        unlockpt(&master).expect("it can be opened");
        let name = ptsname(&master, Vec::new()).expect("it has a name");
        let path = OsStr::from_bytes(name.to_bytes());
        let slave = File::options().read(true).write(true).open(path);
        let slave = slave.expect("its other end");
        let size = Winsize {
            ws_row: rows,
            ws_col: columns,
            ws_xpixel: 0,
            ws_ypixel: 0,
        };
        tcsetwinsize(&slave, size).expect("it has a size");
        let end = || Stdio::from(slave.try_clone().expect("a handle"));
        let errors = if apart { Stdio::null() } else { end() };
        command.stdin(end()).stdout(end()).stderr(errors);
        let child = command.kill_on_drop(true).spawn();
        let child = child.expect("the command starts");
        // The terminal ends with the last handle of its other end.
        drop((command, slave));
        let (sender, shown) = watch::channel(String::new());
        std::thread::spawn(move || {
            let (mut master, mut bytes) = (File::from(master), [0; 4_096]);
            let mut all = Vec::new();
            while let Ok(count @ 1..) = master.read(&mut bytes) {
                all.extend(&bytes[..count]);
                let text = String::from_utf8_lossy(&all).replace('\r', "");
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Self { child, shown }
    }

    /// What was shown, once that is as it should be.
    pub(crate) async fn until(&mut self, what: &str, wanted: impl Fn(&str) -> bool) -> String {
        let shown = timeout(PATIENCE, self.shown.wait_for(|text| wanted(text))).await;
        let shown = shown.ok().and_then(Result::ok).map(|text| text.clone());
        shown.unwrap_or_else(|| {
            panic!(
                "the terminal does not show {what}: {}",
                self.shown.borrow().as_str()
            )
        })
    }

    /// The exit code, and everything that was shown.
    pub(crate) async fn ended(mut self) -> (i32, String) {
        let ended = timeout(PATIENCE, self.child.wait()).await;
        let status = ended.expect("it ends").expect("a child can be waited for");
        // The sender goes when the terminal has no more.
        let rest = timeout(PATIENCE, async {
            while self.shown.changed().await.is_ok() {}
        });
        rest.await.expect("the terminal ends with its command");
        let text = self.shown.borrow().clone();
        (status.code().unwrap_or(-1), text)
    }
}
