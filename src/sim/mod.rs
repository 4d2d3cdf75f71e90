//! A WhatsApp server for one machine: what tests and demonstrations connect to.
//!
//! It speaks the real protocol (WebSocket, Noise, binary XML) with accounts whose phones it plays
//! itself, and it keeps a journal of what clients did wrong. It shares the codec with the clients
//! and none of their decisions. It listens on the loopback interface only.

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
pub use faults::{Ending, Fault, FaultKind};
pub use group::Addressing;
pub use history::Past;
pub use journal::{Breach, Direction, Entry, Login};
pub use phone::{Heard, Incoming};
pub use published::Looks;
pub use server::{SimConfig, Simulator};
pub use settings::Setting;
pub use tls::TlsError;
pub use unpaired::{Linked, ScanError};
