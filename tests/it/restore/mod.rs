//! A database that is restored from a copy while the world went on: no key encrypts twice, whoever
//! is written to can read, and readers of events are not told old numbers again.

mod files;
mod scene;
mod servers;
