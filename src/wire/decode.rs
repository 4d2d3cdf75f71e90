//! The decoder of binary XML. Peers are untrusted: every length, count and depth is bounded.

use std::io::Read;

use flate2::read::ZlibDecoder;

use crate::ids::{Jid, Server};
use crate::wire::node::{Content, Node, Value};
use crate::wire::{tag, token};

/// Maximum size of an inflated node, in bytes.
pub const NODE_BYTES_MAX: usize = 16 << 20;
/// Maximum nesting depth; real stanzas stay below ten.
pub const DEPTH_MAX: usize = 32;
/// Maximum number of nodes in one stanza over all levels. The largest real stanzas list some
/// thousands of keys, each with two children.
pub const NODES_MAX: usize = 200_000;
/// Maximum number of attributes of one node.
pub const ATTRS_MAX: usize = 128;

/// The flag bit for zlib compression.
const FLAG_ZLIB: u8 = 2;

/// Why bytes are not a node.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NodeError {
    /// The bytes end inside a value.
    #[error("node is cut short")]
    CutShort,
    /// There are bytes after the node.
    #[error("node is followed by {bytes} stray bytes")]
    Stray {
        /// Number of extra bytes.
        bytes: usize,
    },
    /// The byte is not a valid type byte here.
    #[error("unexpected byte {byte} in a node")]
    Unexpected {
        /// The byte.
        byte: u8,
    },
    /// The text is not UTF-8, or the packed digits are invalid.
    #[error("malformed text in a node")]
    Text,
    /// A limit is exceeded.
    #[error("node is over the limit of {limit}")]
    Limit {
        /// The name of the limit.
        limit: &'static str,
    },
    /// The compressed data is invalid.
    #[error("node does not inflate")]
    Inflate,
}

/// Decodes the whole plaintext of a frame: the flag byte and one node. After an error the link must
/// be closed, because the frame is lost.
pub fn decode(plain: &[u8]) -> Result<Node, NodeError> {
    let (flags, rest) = plain.split_first().ok_or(NodeError::CutShort)?;
    if NODE_BYTES_MAX < rest.len() {
        return Err(NodeError::Limit { limit: "bytes" });
    }
    if flags & FLAG_ZLIB == 0 {
        return decode_node(rest);
    }
    let mut inflated = Vec::new();
    let mut reader = ZlibDecoder::new(rest).take(NODE_BYTES_MAX as u64 + 1);
    reader
        .read_to_end(&mut inflated)
        .map_err(|_| NodeError::Inflate)?;
    if NODE_BYTES_MAX < inflated.len() {
        return Err(NodeError::Limit { limit: "bytes" });
    }
    decode_node(&inflated)
}

fn decode_node(bytes: &[u8]) -> Result<Node, NodeError> {
    let mut reader = Reader {
        rest: bytes,
        nodes: 0,
    };
    let node = reader.node(0)?;
    match reader.rest.len() {
        0 => Ok(node),
        bytes => Err(NodeError::Stray { bytes }),
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// Number of nodes read so far.
    nodes: usize,
}

/// A value that may be text or an address.
enum Word {
    Nothing,
    Text(String),
    Jid(Jid),
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], NodeError> {
        let (head, tail) = self
            .rest
            .split_at_checked(length)
            .ok_or(NodeError::CutShort)?;
        self.rest = tail;
        Ok(head)
    }

    fn byte(&mut self) -> Result<u8, NodeError> {
        Ok(self.take(1)?[0])
    }

    fn number(&mut self, bytes: usize) -> Result<usize, NodeError> {
        Ok(self
            .take(bytes)?
            .iter()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte)))
    }

    /// Reads one node at this depth.
    fn node(&mut self, depth: usize) -> Result<Node, NodeError> {
        self.nodes += 1;
        if DEPTH_MAX < depth {
            return Err(NodeError::Limit { limit: "depth" });
        }
        if NODES_MAX < self.nodes {
            return Err(NodeError::Limit { limit: "nodes" });
        }
        let first = self.byte()?;
        let length = self.list_length(first)?;
        if length == 0 {
            return Err(NodeError::Unexpected { byte: first });
        }
        let tag = self.text()?;
        let count = (length - 1) / 2;
        if ATTRS_MAX < count {
            return Err(NodeError::Limit {
                limit: "attributes",
            });
        }
        let mut attrs = Vec::with_capacity(count);
        for _ in 0..count {
            let name = self.text()?;
            let first = self.byte()?;
            match self.word(first)? {
                Word::Nothing => attrs.push((name, Value::Text(String::new()))),
                Word::Text(text) => attrs.push((name, Value::Text(text))),
                Word::Jid(jid) => attrs.push((name, Value::Jid(jid))),
            }
        }
        let content = if length % 2 == 0 {
            self.content(depth)?
        } else {
            Content::None
        };
        Ok(Node {
            tag,
            attrs,
            content,
        })
    }

    fn content(&mut self, depth: usize) -> Result<Content, NodeError> {
        let first = self.byte()?;
        match first {
            tag::LIST_EMPTY => Ok(Content::None),
            tag::LIST_8 | tag::LIST_16 => {
                let length = self.list_length(first)?;
                // A node takes at least three bytes, so a false count reserves little memory.
                let mut nodes = Vec::with_capacity(length.min(self.rest.len() / 3));
                for _ in 0..length {
                    nodes.push(self.node(depth + 1)?);
                }
                // An empty list equals no content.
                Ok(match nodes.is_empty() {
                    true => Content::None,
                    false => Content::Nodes(nodes),
                })
            }
            tag::BINARY_8 | tag::BINARY_20 | tag::BINARY_32 => {
                Ok(Content::Bytes(self.raw(first)?.to_vec()))
            }
            _ => Ok(match self.word(first)? {
                Word::Nothing => Content::None,
                Word::Text(text) => Content::Text(text),
                Word::Jid(jid) => Content::Text(jid.to_string()),
            }),
        }
    }

    fn list_length(&mut self, first: u8) -> Result<usize, NodeError> {
        match first {
            tag::LIST_EMPTY => Ok(0),
            tag::LIST_8 => self.number(1),
            tag::LIST_16 => self.number(2),
            byte => Err(NodeError::Unexpected { byte }),
        }
    }

    fn raw(&mut self, first: u8) -> Result<&'a [u8], NodeError> {
        let length = match first {
            tag::BINARY_8 => self.number(1)?,
            // Only 20 of the 24 bits are used.
            tag::BINARY_20 => self.number(3)? & 0xF_FFFF,
            _ => self.number(4)?,
        };
        self.take(length)
    }

    /// Reads a word that must be text: a tag, an attribute name, or a server.
    fn text(&mut self) -> Result<String, NodeError> {
        let first = self.byte()?;
        match self.flat_word(first)? {
            Word::Text(text) => Ok(text),
            Word::Nothing | Word::Jid(_) => Err(NodeError::Unexpected { byte: first }),
        }
    }

    /// Reads the user part of an address, which may be empty.
    fn user(&mut self) -> Result<String, NodeError> {
        let first = self.byte()?;
        match self.flat_word(first)? {
            Word::Text(text) => Ok(text),
            Word::Nothing => Ok(String::new()),
            Word::Jid(_) => Err(NodeError::Unexpected { byte: first }),
        }
    }

    /// Reads a word that is not an address. This bounds the recursion: nested addresses could
    /// otherwise overflow the stack.
    fn flat_word(&mut self, first: u8) -> Result<Word, NodeError> {
        match first {
            tag::JID_PAIR | tag::AD_JID | tag::FB_JID | tag::INTEROP_JID => {
                Err(NodeError::Unexpected { byte: first })
            }
            _ => self.word(first),
        }
    }

    fn word(&mut self, first: u8) -> Result<Word, NodeError> {
        match first {
            tag::LIST_EMPTY => Ok(Word::Nothing),
            tag::BINARY_8 | tag::BINARY_20 | tag::BINARY_32 => {
                let text = std::str::from_utf8(self.raw(first)?).map_err(|_| NodeError::Text)?;
                Ok(Word::Text(text.to_owned()))
            }
            tag::NIBBLE_8 | tag::HEX_8 => self.packed(first).map(Word::Text),
            tag::DICTIONARY_0..=tag::DICTIONARY_3 => {
                let dictionary: &[&str] = match first - tag::DICTIONARY_0 {
                    0 => &token::DOUBLE_0,
                    1 => &token::DOUBLE_1,
                    2 => &token::DOUBLE_2,
                    _ => &token::DOUBLE_3,
                };
                let byte = self.byte()?;
                let word = dictionary.get(usize::from(byte));
                Ok(Word::Text(
                    (*word.ok_or(NodeError::Unexpected { byte })?).to_owned(),
                ))
            }
            tag::JID_PAIR | tag::AD_JID | tag::FB_JID | tag::INTEROP_JID => self.address(first),
            byte => {
                let word = token::SINGLE.get(usize::from(byte));
                Ok(Word::Text(
                    (*word.ok_or(NodeError::Unexpected { byte })?).to_owned(),
                ))
            }
        }
    }

    /// Reads packed digits.
    fn packed(&mut self, kind: u8) -> Result<String, NodeError> {
        let start = self.byte()?;
        let digits = match kind {
            tag::HEX_8 => b"0123456789ABCDEF",
            _ => b"0123456789-.\0\0\0\0",
        };
        let bytes = self.take(usize::from(start & 0x7F))?;
        let mut text: Vec<u8> = bytes
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 15])
            .map(|digit| digits[usize::from(digit)])
            .collect();
        if start & 0x80 != 0 {
            text.pop();
        }
        if text.contains(&0) {
            return Err(NodeError::Text);
        }
        String::from_utf8(text).map_err(|_| NodeError::Text)
    }

    /// Reads an address of this kind.
    fn address(&mut self, kind: u8) -> Result<Word, NodeError> {
        if kind == tag::AD_JID {
            let (domain, device) = (self.byte()?, self.byte()?);
            let user = self.user()?;
            // Other values were formerly agents of phone-number accounts.
            let server = Server::from_domain(domain).unwrap_or(Server::User);
            return Ok(address_or_text(&user, server, u16::from(device)));
        }
        let mut user = self.user()?;
        let mut device = 0;
        if kind != tag::JID_PAIR {
            device = self.number(2)? as u16;
        }
        if kind == tag::INTEROP_JID {
            let integrator = self.number(2)?;
            user = format!("{integrator}-{user}");
        }
        let server = self.text()?;
        Ok(match Server::from_text(&server) {
            Some(server) => address_or_text(&user, server, device),
            None => Word::Text(format!("{user}@{server}")),
        })
    }
}

/// Returns an address, or text if it breaks our rules, so that the stanza is not lost.
fn address_or_text(user: &str, server: Server, device: u16) -> Word {
    match Jid::checked(user, server, device) {
        Ok(jid) => Word::Jid(jid),
        Err(_) => Word::Text(format!("{user}@{server}")),
    }
}
