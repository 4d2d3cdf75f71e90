//! What several tests need: other programs as children, spoken to in lines of JSON.

#![allow(dead_code, reason = "the scenarios that use the rest follow")]

pub(crate) mod baileys;
pub(crate) mod ours;
pub(crate) mod postgres;
pub(crate) mod program;
pub(crate) mod wmctl;
pub(crate) mod world;
