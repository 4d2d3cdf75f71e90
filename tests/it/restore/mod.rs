//! A database restored from a copy, while contacts and server went on. No key may encrypt twice,
//! all recipients must be able to decrypt, and readers of events must not see old numbers again.

mod files;
mod hosts;
mod keys;
mod scene;
mod servers;
