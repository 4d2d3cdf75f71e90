//! A WhatsApp server for local tests and demonstrations.
//!
//! It speaks the real protocol (WebSocket, Noise, binary XML) and plays the phones of its accounts
//! itself. Its journal records the protocol violations of clients. It shares the codec with the
//! client but none of its decisions. It listens only on the loopback interface.

mod accounts;
mod appstate;
mod ask_again;
mod collections;
mod connection;
mod contact;
pub mod control;
mod error;
mod fault_injection;
mod faults;
mod group;
mod group_chat;
mod groups;
mod history;
mod journal;
mod link;
mod pair_code;
mod pairing;
mod phone;
mod published;
mod queries;
mod queue;
mod resend;
mod router;
pub mod server;
mod settings;
mod stanza;
mod tls;
mod unpaired;
mod world;

pub use accounts::DeviceView;
pub use collections::{CollectionView, ItemView};
pub use error::SimError;
pub use faults::{ConnectionEnd, Fault, FaultKind};
pub use group::Addressing;
pub use history::HistorySpec;
pub use journal::{Breach, Direction, Entry, Login};
pub use phone::{Heard, Incoming};
pub use published::DeviceLabel;
pub use server::{SimConfig, Simulator};
pub use settings::Setting;
pub use tls::TlsError;
pub use unpaired::{Linked, ScanError};
