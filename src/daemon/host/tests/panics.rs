//! A tenant whose actor panics repeatedly, beside another tenant of the same host.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::app::Stop;
use crate::app::{App, Schema, Settings};
use crate::config::WhatsAppServer;
use crate::daemon::host::{ServeNotice, ServeOptions, serve};
use crate::ids::TenantId;
use crate::rehearsal::stage;
use crate::sim::{SimConfig, Simulator};

const FRIEND: &str = "4915112345699";
/// Longer than all panics with the waits between them.
const PATIENCE: Duration = Duration::from_secs(60);
/// Polling interval for conditions.
const LOOK: Duration = Duration::from_millis(50);

/// A host with its tenants, in this process.
struct Host {
    sim: Simulator,
    /// Apps of the tenants with their phone numbers.
    apps: Vec<(App, String)>,
    root: App,
    _folder: tempfile::TempDir,
}

impl Host {
    async fn paired(tenants: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let sim = Simulator::start(SimConfig::default()).await.unwrap();
        sim.add_account(FRIEND, "Friend").await.unwrap();
        let mut root_key = [0; 32];
        hex::decode_to_slice(sim.root_key(), &mut root_key).unwrap();
        let file = folder.path().join("wmctl.db");
        let settings = Settings {
            database: format!("sqlite:{}", file.display()).parse().unwrap(),
            tenant: "tenant-0".parse().unwrap(),
            server: WhatsAppServer {
                url: sim.ws_url(),
                root_key: Some(root_key),
                ca_file: None,
                client_version: None,
                proxy: None,
            },
            device_name: String::from("test"),
        };
        let root = App::open(settings, Schema::Current).await.unwrap();
        let mut apps = Vec::new();
        for index in 0..tenants {
            let number = format!("491511234560{index}");
            sim.add_account(&number, "Somebody").await.unwrap();
            let tenant: TenantId = format!("tenant-{index}").parse().unwrap();
            let app = root.for_tenant(tenant);
            let stop = Stop::new();
            let paired = stage::pair(&app, &sim, &number, &stop, &mut |_| ()).await;
            paired.unwrap();
            apps.push((app, number));
        }
        Self {
            sim,
            apps,
            root,
            _folder: folder,
        }
    }

    async fn says(&self, index: usize, text: &str) {
        let said = self.sim.phone_sends(FRIEND, &self.apps[index].1, text);
        said.await.unwrap();
    }

    /// Returns the number of a tenant's events with this text.
    async fn count(&self, index: usize, text: &str) -> usize {
        let app = &self.apps[index].0;
        let events = app.store.events(&app.settings.tenant, 0, 1_000).await;
        let events = events.unwrap().into_iter();
        events
            .filter(|one| one.text.as_deref() == Some(text))
            .count()
    }

    async fn comes(&self, index: usize, text: &str) {
        let look = async {
            while self.count(index, text).await == 0 {
                tokio::time::sleep(LOOK).await;
            }
        };
        let came = timeout(PATIENCE, look).await;
        assert!(came.is_ok(), "{text} does not come");
    }
}

/// The last notices of each tenant.
struct Told {
    notices: mpsc::UnboundedReceiver<ServeNotice>,
    last: BTreeMap<String, (String, Option<String>)>,
    ended: BTreeMap<String, String>,
}

impl Told {
    async fn until(&mut self, what: &str, wanted: impl Fn(&Self) -> bool) {
        let look = async {
            while !wanted(self) {
                match self.notices.recv().await.unwrap() {
                    ServeNotice::Status {
                        business_id,
                        status,
                        ..
                    } => {
                        let said = (status.state.to_owned(), status.reason);
                        self.last.insert(business_id, said);
                    }
                    ServeNotice::Ended {
                        business_id,
                        reason,
                    } => {
                        self.ended.insert(business_id, reason);
                    }
                    _ => (),
                }
            }
        };
        let came = timeout(PATIENCE, look).await;
        assert!(came.is_ok(), "{what}: {:?}", self.last);
    }

    fn is(&self, tenant: &str, state: &str) -> bool {
        self.last.get(tenant).is_some_and(|(now, _)| now == state)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_one_ends_no_other() {
    let host = Host::paired(2).await;
    let options = ServeOptions {
        name: Some(String::from("a")),
        capacity: 100,
        connecting: 16,
        grace: Duration::from_secs(5),
        silence: Duration::from_secs(5),
        rebalance: Duration::from_secs(60),
    };
    let (send, notices) = mpsc::unbounded_channel();
    let mut told = Told {
        notices,
        last: BTreeMap::new(),
        ended: BTreeMap::new(),
    };
    let stop = Stop::new();
    let mut tell = |notice| drop(send.send(notice));
    let scene = async {
        let all = |told: &Told| {
            ["tenant-0", "tenant-1"]
                .iter()
                .all(|one| told.is(one, "connected"))
        };
        told.until("all are connected", all).await;
        host.says(0, "panic, please").await;
        let why = |told: &Told| {
            let (_, reason) = &told.last["tenant-0"];
            reason.as_deref() == Some("panicked")
        };
        told.until("it says why", why).await;
        for round in 0..5 {
            let text = format!("meanwhile {round}");
            host.says(1, &text).await;
            host.comes(1, &text).await;
        }
        let given_up = |told: &Told| {
            let ended = told.ended.get("tenant-0");
            ended.is_some_and(|why| why.contains("again and again"))
        };
        told.until("it is left alone for a while", given_up).await;
        assert!(told.is("tenant-1", "connected"), "{:?}", told.last);
        assert!(!told.ended.contains_key("tenant-1"));
        host.says(1, "after all").await;
        host.comes(1, "after all").await;
        assert_eq!(
            host.count(0, "panic, please").await,
            0,
            "nothing was committed"
        );
        stop.ask();
    };
    let (served, ()) = tokio::join!(serve(&host.root, &options, &stop, &mut tell), scene);
    served.unwrap();
    host.root.close().await;
}
