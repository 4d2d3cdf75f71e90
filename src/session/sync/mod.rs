//! Data that the devices of an account share: app state, and the history that the phone sends.

pub(super) mod actions;
pub(super) mod app_state;
pub(super) mod collections;
pub(super) mod history;
pub(super) mod history_progress;
pub(super) mod history_reader;
