//! Accounts that move between databases with `wmctl migrate import` and `export`, and go on there.

mod baileys;
mod chat;
mod kills;
mod whatsmeow;
