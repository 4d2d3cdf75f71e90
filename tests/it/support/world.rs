//! A simulator with foreign clients.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;
use wmctl::sim::{SimConfig, Simulator};

use super::baileys::{Baileys, Me, Options, Version};
use super::program::PATIENCE;

/// Baileys 6 loses a frame that arrives while it derives its keys; this delay is long enough.
const FIRST_FRAME_DELAY: Duration = Duration::from_millis(300);

/// Polling interval for progress.
const LOOK: Duration = Duration::from_millis(25);

/// A simulator, and a folder for its clients' files.
pub(crate) struct World {
    pub(crate) sim: Simulator,
    folder: TempDir,
}

/// A foreign client that is paired and logged in.
pub(crate) struct Stranger {
    pub(crate) client: Baileys,
    pub(crate) me: Me,
    pub(crate) number: String,
    options: Options,
}

impl World {
    pub(crate) async fn start() -> Self {
        let config = SimConfig {
            first_frame_delay: FIRST_FRAME_DELAY,
            ..SimConfig::default()
        };
        let sim = Simulator::start(config).await.expect("loopback has ports");
        Self {
            sim,
            folder: tempfile::tempdir().expect("a folder can be made"),
        }
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn options(&self, version: Version, phone: Option<String>) -> Options {
        Options {
            version,
            url: self.sim.ws_url(),
            root_key: self.sim.root_key().into(),
            phone,
        }
    }

    /// Starts a client of a new account with this number, paired by QR code.
    pub(crate) async fn stranger(&self, version: Version, number: &str) -> Stranger {
        self.sim
            .add_account(number, &format!("Owner of {number}"))
            .await
            .expect("it runs");
        let options = self.options(version, None);
        let mut client = Baileys::start(number, &options, self.folder());
        let code = client.qr().await;
        self.sim
            .scan(number, &code)
            .await
            .expect("the code is sound");
        let me = client.open().await;
        Stranger {
            client,
            me,
            number: number.into(),
            options,
        }
    }

    /// Starts a client of a new account with this number, paired by code.
    pub(crate) async fn stranger_by_code(&self, version: Version, number: &str) -> Stranger {
        self.sim
            .add_account(number, &format!("Owner of {number}"))
            .await
            .expect("it runs");
        let options = self.options(version, Some(number.to_owned()));
        let mut client = Baileys::start(number, &options, self.folder());
        let code = client.pairing_code().await;
        self.sim
            .type_code(number, &code)
            .await
            .expect("the client waits for it");
        let me = client.open().await;
        Stranger {
            client,
            me,
            number: number.into(),
            options,
        }
    }

    /// Waits until the simulated phone of an account has received a text.
    pub(crate) async fn read_by(&self, number: &str, text: &str) {
        let read = async {
            loop {
                let inbox = self.sim.phone_inbox(number).await.expect("it runs");
                if inbox.iter().any(|got| got.text.as_deref() == Some(text)) {
                    break;
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .unwrap_or_else(|_| panic!("{number} reads {text:?}"));
    }

    /// Deletes the keys of a foreign client that has ended.
    pub(crate) fn forget(&self, stranger: &Stranger) {
        let keys = self.folder().join(format!("{}.auth", stranger.number));
        std::fs::remove_dir_all(keys).expect("a folder can be removed");
    }

    /// Starts a foreign client again with its stored keys.
    pub(crate) async fn again(&self, stranger: &Asleep) -> Stranger {
        let Asleep { number, options } = stranger;
        let mut client = Baileys::start(number, options, self.folder());
        let me = client.open().await;
        Stranger {
            client,
            me,
            number: number.clone(),
            options: options.clone(),
        }
    }
}

/// A foreign client that does not run.
pub(crate) struct Asleep {
    number: String,
    options: Options,
}

impl Asleep {
    pub(crate) fn jid(&self) -> String {
        format!("{}@s.whatsapp.net", self.number)
    }
}

impl Stranger {
    /// Returns the address that others write to.
    pub(crate) fn jid(&self) -> String {
        format!("{}@s.whatsapp.net", self.number)
    }

    /// Stops the client; its keys stay.
    pub(crate) async fn sleep(self) -> Asleep {
        self.client.quit().await;
        Asleep {
            number: self.number,
            options: self.options,
        }
    }
}
