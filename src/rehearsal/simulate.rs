//! Runs a simulated WhatsApp until it is stopped.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use crate::app::Stop;
use crate::clock::Surroundings;
use crate::sim::control::Control;
use crate::sim::{SimConfig, SimError, Simulator};

/// First phone number of an account. The range is reserved for fictional use.
const ACCOUNTS_FROM: u64 = 15_555_550_100;
/// First phone number of a contact.
const CONTACTS_FROM: u64 = 15_555_560_001;

/// Options for the simulator.
#[derive(Clone, Debug)]
pub struct SimulateOptions {
    /// Port of the WhatsApp server; 0 selects a free port.
    pub port: u16,
    /// Port of the control interface; 0 selects a free port.
    pub control_port: u16,
    /// Whether clients connect over TLS.
    pub tls: bool,
    /// File to which the TLS server's certificate authority is written (PEM).
    pub ca_file: Option<PathBuf>,
    /// Number of accounts whose phones can pair.
    pub accounts: u16,
    /// Number of contacts that write to them.
    pub contacts: u16,
    /// Messages per hour that each account receives.
    pub hourly: u32,
    /// Delay before the first frame after a handshake, for clients that lose an early one.
    pub first_frame_delay: Duration,
    /// Seed for the keys; the same seed gives the same keys.
    pub seed: Option<u64>,
}

/// The addresses of a running simulator.
#[derive(Clone, Debug, Serialize)]
pub struct Simulated {
    /// WebSocket URL for clients.
    pub ws_url: String,
    /// URL of the control interface, for `--simulator` and for scripts.
    pub control_url: String,
    /// Root key that clients must trust (64 hexadecimal digits).
    pub root_key: String,
    /// File with the certificate authority (PEM), if TLS is used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca_file: Option<PathBuf>,
    /// Phone numbers that can pair.
    pub accounts: Vec<String>,
    /// Phone numbers of the contacts.
    pub contacts: Vec<String>,
}

/// Why the simulator could not start.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The simulator could not start.
    #[error(transparent)]
    Simulator(#[from] SimError),
    /// The certificate authority's file cannot be written.
    #[error("write {}: {source}", path.display())]
    CaFile {
        path: PathBuf,
        source: std::io::Error,
    },
}

/// Runs a simulator until a stop. Calls `tell` once with its addresses.
pub async fn simulate(
    options: &SimulateOptions,
    stop: &Stop,
    tell: &mut (dyn FnMut(&Simulated) + Send),
) -> Result<(), SimulateError> {
    let config = SimConfig {
        port: options.port,
        tls: options.tls,
        first_frame_delay: options.first_frame_delay,
        surroundings: match options.seed {
            Some(seed) => Surroundings::seeded(seed),
            None => Surroundings::system(),
        },
        ..SimConfig::default()
    };
    let sim = Arc::new(Simulator::start(config).await?);
    let control = Control::bind(options.control_port).await?;
    if let (Some(pem), Some(path)) = (sim.authority(), &options.ca_file) {
        std::fs::write(path, pem).map_err(|source| SimulateError::CaFile {
            path: path.clone(),
            source,
        })?;
    }
    let simulated = people(options, &sim, &control).await?;
    tell(&simulated);
    let end = CancellationToken::new();
    let ca_file = simulated.ca_file.clone();
    let serve = control.serve(Arc::clone(&sim), ca_file, end.clone());
    tokio::pin!(serve);
    tokio::select! {
        () = &mut serve => (),
        () = stop.asked() => {
            end.cancel();
            serve.await;
        }
    }
    if let Some(sim) = Arc::into_inner(sim) {
        sim.stop().await;
    }
    Ok(())
}

async fn people(
    options: &SimulateOptions,
    sim: &Simulator,
    control: &Control,
) -> Result<Simulated, SimError> {
    let numbers = |first: u64, count: u16| -> Vec<String> {
        (first..first + u64::from(count))
            .map(|n| n.to_string())
            .collect()
    };
    let accounts = numbers(ACCOUNTS_FROM, options.accounts);
    let contacts = numbers(CONTACTS_FROM, options.contacts);
    for (index, number) in accounts.iter().enumerate() {
        sim.add_account(number, &format!("Account {}", index + 1))
            .await?;
    }
    for (index, number) in contacts.iter().enumerate() {
        sim.add_account(number, &format!("Contact {}", index + 1))
            .await?;
    }
    if 0 < options.hourly && !contacts.is_empty() {
        let every = Duration::from_secs(3_600) * u32::from(options.contacts) / options.hourly;
        for account in &accounts {
            for contact in &contacts {
                sim.phone_chats(contact, account, u32::MAX, every).await?;
            }
        }
    }
    Ok(Simulated {
        ws_url: sim.ws_url(),
        control_url: control.url(),
        root_key: sim.root_key().to_owned(),
        ca_file: options.ca_file.clone().filter(|_| options.tls),
        accounts,
        contacts,
    })
}
