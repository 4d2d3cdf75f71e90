//! The wire format: frames, binary XML, and the token dictionaries.
//!
//! This module does not interpret stanzas and performs no input or output.
//!
//! Source: whatsmeow 33cfac51 `binary/`, `socket/framesocket.go`.

pub mod decode;
pub mod encode;
pub mod frame;
pub mod node;
mod render;
#[cfg(test)]
mod tests;
#[rustfmt::skip]
pub mod token;
mod word;

/// Type bytes of binary XML.
mod tag {
    pub(super) const LIST_EMPTY: u8 = 0;
    pub(super) const DICTIONARY_0: u8 = 236;
    pub(super) const DICTIONARY_3: u8 = 239;
    pub(super) const INTEROP_JID: u8 = 245;
    pub(super) const FB_JID: u8 = 246;
    pub(super) const AD_JID: u8 = 247;
    pub(super) const LIST_8: u8 = 248;
    pub(super) const LIST_16: u8 = 249;
    pub(super) const JID_PAIR: u8 = 250;
    pub(super) const HEX_8: u8 = 251;
    pub(super) const BINARY_8: u8 = 252;
    pub(super) const BINARY_20: u8 = 253;
    pub(super) const BINARY_32: u8 = 254;
    pub(super) const NIBBLE_8: u8 = 255;
}
