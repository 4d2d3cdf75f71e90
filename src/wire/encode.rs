//! The encoder of binary XML. It chooses the shortest form: dictionary word, packed digits or raw.

use crate::ids::{Jid, Server};
use crate::wire::node::{Content, Node, Value};
use crate::wire::{tag, word};

/// Maximum length of text that is packed two characters per byte.
pub(super) const PACKED_CHARS_MAX: usize = 127;

/// Initial buffer size in bytes, enough for most stanzas.
const STANZA_BYTES: usize = 512;

/// Encodes the whole plaintext of a frame: a flag byte (no compression) and the node.
pub fn encode(node: &Node) -> Vec<u8> {
    let mut out = Vec::with_capacity(STANZA_BYTES);
    out.push(0);
    put_node(node, &mut out);
    out
}

fn put_node(node: &Node, out: &mut Vec<u8>) {
    let attrs = node.attrs.iter().filter(|(_, value)| !is_empty(value));
    let content = usize::from(node.content != Content::None);
    put_list(1 + 2 * attrs.clone().count() + content, out);
    put_text(&node.tag, out);
    for (name, value) in attrs {
        put_text(name, out);
        match value {
            Value::Text(text) => put_text(text, out),
            Value::Jid(jid) => put_jid(jid, out),
        }
    }
    match &node.content {
        Content::None => (),
        Content::Bytes(bytes) => put_raw(bytes, out),
        Content::Text(text) => put_text(text, out),
        Content::Nodes(nodes) => {
            put_list(nodes.len(), out);
            for child in nodes {
                put_node(child, out);
            }
        }
    }
}

/// Attributes without a value are omitted, as in other clients.
fn is_empty(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.is_empty())
}

/// Writes the header of a list.
fn put_list(length: usize, out: &mut Vec<u8>) {
    match u8::try_from(length) {
        Ok(0) => out.push(tag::LIST_EMPTY),
        Ok(short) => out.extend([tag::LIST_8, short]),
        Err(_) => {
            // Stanzas are built in bounded batches, so no list is this long. Decoders reject far
            // shorter ones.
            let long = u16::try_from(length).unwrap_or(u16::MAX);
            out.push(tag::LIST_16);
            out.extend(long.to_be_bytes());
        }
    }
}

/// Writes text in its shortest form.
fn put_text(text: &str, out: &mut Vec<u8>) {
    if let Some((dictionary, index)) = word::find(text) {
        out.extend(dictionary.map(|number| tag::DICTIONARY_0 + number));
        out.push(index);
    } else if text.is_empty() || PACKED_CHARS_MAX < text.len() {
        put_raw(text.as_bytes(), out);
    } else if text.bytes().all(|byte| nibble(byte).is_some()) {
        put_packed(text, tag::NIBBLE_8, nibble, out);
    } else if text.bytes().all(|byte| hex(byte).is_some()) {
        put_packed(text, tag::HEX_8, hex, out);
    } else {
        put_raw(text.as_bytes(), out);
    }
}

fn nibble(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'-' => Some(10),
        b'.' => Some(11),
        _ => None,
    }
}

fn hex(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    }
}

fn put_packed(text: &str, kind: u8, digit: fn(u8) -> Option<u8>, out: &mut Vec<u8>) {
    /// Fills the last half byte if the number of characters is odd.
    const FILLER: u8 = 15;
    let odd = text.len() % 2;
    out.extend([kind, text.len().div_ceil(2) as u8 | (odd as u8) << 7]);
    for pair in text.as_bytes().chunks(2) {
        let low = pair.get(1).and_then(|byte| digit(*byte)).unwrap_or(FILLER);
        out.push(digit(pair[0]).unwrap_or(FILLER) << 4 | low);
    }
}

/// Writes bytes with a length prefix.
fn put_raw(bytes: &[u8], out: &mut Vec<u8>) {
    let length = bytes.len() as u32;
    let [_, high, middle, low] = length.to_be_bytes();
    match bytes.len() {
        0..0x100 => out.extend([tag::BINARY_8, low]),
        0x100..0x10_0000 => out.extend([tag::BINARY_20, high, middle, low]),
        _ => {
            out.push(tag::BINARY_32);
            out.extend(length.to_be_bytes());
        }
    }
    out.extend_from_slice(bytes);
}

/// Writes an address.
fn put_jid(jid: &Jid, out: &mut Vec<u8>) {
    let hosted = matches!(jid.server, Server::Hosted | Server::HostedLid);
    if let Some(domain) = jid.server.domain().filter(|_| jid.device != 0 || hosted) {
        out.extend([tag::AD_JID, domain, jid.device as u8]);
        return put_text(&jid.user, out);
    }
    match jid.server {
        Server::Messenger => {
            out.push(tag::FB_JID);
            put_text(&jid.user, out);
            out.extend(jid.device.to_be_bytes());
        }
        Server::Interop => {
            let (integrator, user) = jid.user.split_once('-').unwrap_or(("0", &jid.user));
            out.push(tag::INTEROP_JID);
            put_text(user, out);
            out.extend(jid.device.to_be_bytes());
            out.extend(integrator.parse::<u16>().unwrap_or(0).to_be_bytes());
        }
        _ => {
            out.push(tag::JID_PAIR);
            if jid.user.is_empty() {
                out.push(tag::LIST_EMPTY);
            } else {
                put_text(&jid.user, out);
            }
        }
    }
    put_text(jid.server.as_str(), out);
}
