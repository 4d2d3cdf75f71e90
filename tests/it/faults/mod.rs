//! PostgreSQL under `wmctl run` with traffic: every version, outages, slow and full disks, and
//! commits with an unknown outcome. The same faults on an SQLite file. Also counts the round trips
//! per message.
//!
//! `WMCTL_FAULTS_MESSAGES` (each way) turns it into a soak test.

mod commits;
mod copies;
mod disks;
mod files;
mod leaks;
mod majors;
mod outages;
mod refused;
mod settings;
mod trips;

use wmctl::rehearsal::audit::Violations;
use wmctl::sim::{Direction, Entry};

use crate::support::number;
use crate::support::postgres::Postgres;
use crate::support::program::Program;
use crate::support::stage::Stage;

/// Messages per second, each way.
const RATE: u32 = 60;

/// A running account on a server, with traffic both ways.
struct Traffic {
    stage: Stage,
    run: Program,
    messages: u32,
}

impl Traffic {
    /// Pairs and runs the account. No messages are sent yet.
    async fn connect(url: &str, messages: u32) -> Self {
        let stage = Stage::set_on(Some(url)).await;
        let run = stage.wmctl.start(&["run"]);
        Self::of(stage, run, messages).await
    }

    /// Uses an account that was just started.
    async fn of(stage: Stage, mut run: Program, messages: u32) -> Self {
        run.expect("the connected state", state("connected")).await;
        Self {
            stage,
            run,
            messages: number("WMCTL_FAULTS_MESSAGES", messages),
        }
    }

    /// Makes the contacts start to write.
    async fn chats(&self) {
        self.stage.start_chats(self.messages, RATE).await;
    }

    /// Enqueues messages until `percent` of all messages are enqueued.
    async fn put_in(&mut self, percent: u32) {
        while self.stage.put() < self.messages * percent / 100 {
            self.stage.put_in().await;
        }
    }

    async fn logins(&self) -> usize {
        let login = |entry: &&Entry| entry.tag == "success" && entry.direction == Direction::Out;
        let journal = self.stage.sim.journal().await.unwrap();
        journal.iter().filter(login).count()
    }

    /// Waits until every message has arrived once, checks that nothing else happened, and stops the
    /// process in an orderly way.
    async fn settled(mut self) {
        self.put_in(100).await;
        let violations = self.stage.settled(self.messages).await;
        assert_eq!(violations, Violations::default());
        self.run.terminate().await;
        assert!(self.run.ended().await.success());
    }
}

fn state(wanted: &'static str) -> impl Fn(&serde_json::Value) -> bool {
    move |line| line["type"] == "status" && line["state"] == wanted
}

fn server() -> Postgres {
    let server = Postgres::start();
    server.create("wm");
    server
}
