//! A history as it comes: compressed, and read piece by piece, so that neither its size nor what it
//! inflates to has to fit into memory.
//!
//! Nothing is filed here; what an entry means is in `history.rs`.

use std::fmt;
use std::io::{BufRead as _, BufReader, Cursor, Read as _};

use flate2::read::ZlibDecoder;
use prost::Message as _;
use wmctl_proto::history::{Conversation, PhoneNumberToLid, PushName, WebMessageInfo};

use crate::session::messages::protobuf;

/// Most that one history may inflate to: what a phone sends is split into parts far smaller.
const INFLATED_BYTES_MAX: u64 = 512 << 20;
/// Most chats of one history.
const CHATS_MAX: u64 = 100_000;
/// Most entries of one history: messages, names, pairs of addresses.
const ENTRIES_MAX: u64 = 2_000_000;
/// Largest entry that is read; a larger one is passed over.
const ENTRY_BYTES_MAX: u64 = 1 << 20;
/// Most entries of one piece: a transaction of some hundred statements.
const PIECE_ENTRIES_MAX: usize = 64;
/// After so many bytes a piece ends: some milliseconds of work, whatever the entries are.
const PIECE_BYTES_MAX: u64 = 1 << 20;

/// Wire types of protobuf.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

/// One entry of a history.
#[derive(Debug, PartialEq)]
pub(in crate::session) enum Entry {
    /// A message of the chat with that address; its content, byte for byte.
    Message {
        chat: String,
        head: Box<WebMessageInfo>,
        content: Vec<u8>,
    },
    /// What else is known of a chat; its messages are left out.
    Chat(Box<Conversation>),
    Name(PushName),
    Pair(PhoneNumberToLid),
}

/// Why a history cannot be read to its end: a stable word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct Spoilt(pub(in crate::session) &'static str);

const MALFORMED: Spoilt = Spoilt("malformed");
const TOO_LARGE: Spoilt = Spoilt("too_large");

/// Some entries in a row, and whether they are the last.
#[derive(Debug, Default)]
pub(in crate::session) struct Piece {
    pub(in crate::session) entries: Vec<Entry>,
    /// The end of the history, and whether it is a good one.
    pub(in crate::session) end: Option<Result<(), Spoilt>>,
}

/// A history that is being read.
pub(in crate::session) struct Past {
    input: BufReader<ZlibDecoder<Cursor<Vec<u8>>>>,
    /// Inflated bytes so far, and the most there may be.
    read: u64,
    read_max: u64,
    /// What is still to be passed over.
    skip: u64,
    chat: Option<Chat>,
    entries: u64,
    chats: u64,
    messages: u64,
}

/// A chat in the middle of which the reader is.
#[derive(Default)]
struct Chat {
    /// Where it ends.
    end: u64,
    head: Conversation,
}

impl fmt::Debug for Past {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past")
            .field("read", &self.read)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl Past {
    /// Begins to read; `packed` is what zlib made of a `HistorySync`.
    pub(in crate::session) fn new(packed: Vec<u8>) -> Self {
        Self::within(packed, INFLATED_BYTES_MAX)
    }

    /// The same with another bound.
    pub(in crate::session) fn within(packed: Vec<u8>, read_max: u64) -> Self {
        Self {
            read_max,
            input: BufReader::new(ZlibDecoder::new(Cursor::new(packed))),
            read: 0,
            skip: 0,
            chat: None,
            entries: 0,
            chats: 0,
            messages: 0,
        }
    }

    /// Chats and messages so far, those of former processes included.
    pub(in crate::session) fn counts(&self) -> (u64, u64) {
        (self.chats, self.messages)
    }

    /// The next piece; without those of the first `done` entries, which were taken in before.
    pub(in crate::session) fn piece(&mut self, done: u64) -> Piece {
        let begun = self.read;
        let mut piece = Piece::default();
        while piece.entries.len() < PIECE_ENTRIES_MAX && self.read - begun < PIECE_BYTES_MAX {
            match self.step() {
                Ok(Step::Entry(entry)) => {
                    self.entries += 1;
                    if ENTRIES_MAX < self.entries {
                        piece.end = Some(Err(TOO_LARGE));
                        break;
                    }
                    if done < self.entries {
                        piece.entries.push(entry);
                    }
                }
                Ok(Step::On) => (),
                Ok(Step::End) => {
                    piece.end = Some(Ok(()));
                    break;
                }
                Err(spoilt) => {
                    piece.end = Some(Err(spoilt));
                    break;
                }
            }
        }
        piece
    }

    /// Reads one field, or passes over a part of one.
    fn step(&mut self) -> Result<Step, Spoilt> {
        if self.read_max < self.read {
            return Err(TOO_LARGE);
        }
        if 0 < self.skip {
            let part = self.skip.min(PIECE_BYTES_MAX);
            self.pass(part)?;
            self.skip -= part;
            return Ok(Step::On);
        }
        match &self.chat {
            Some(chat) if chat.end <= self.read => {
                let chat = self.chat.take().unwrap_or_default();
                match chat.end == self.read {
                    true => Ok(Step::Entry(Entry::Chat(Box::new(chat.head)))),
                    false => Err(MALFORMED),
                }
            }
            Some(_) => self.field_of_chat(),
            None => self.field(),
        }
    }

    fn field(&mut self) -> Result<Step, Spoilt> {
        let buffered = self.input.fill_buf().map_err(|_| MALFORMED)?;
        if buffered.is_empty() {
            return Ok(Step::End);
        }
        let (number, length) = self.key()?;
        match (number, length) {
            (2, Some(length)) => {
                self.chats += 1;
                if CHATS_MAX < self.chats {
                    return Err(TOO_LARGE);
                }
                self.chat = Some(Chat {
                    end: self.read.checked_add(length).ok_or(MALFORMED)?,
                    ..Chat::default()
                });
                Ok(Step::On)
            }
            (7, Some(length)) => self.entry(length, |bytes| {
                PushName::decode(bytes).ok().map(Entry::Name)
            }),
            (15, Some(length)) => self.entry(length, |bytes| {
                PhoneNumberToLid::decode(bytes).ok().map(Entry::Pair)
            }),
            (_, length) => {
                self.skip = length.unwrap_or(0);
                Ok(Step::On)
            }
        }
    }

    fn field_of_chat(&mut self) -> Result<Step, Spoilt> {
        let (number, length) = self.key()?;
        let end = self.chat.as_ref().map_or(0, |chat| chat.end);
        let Some(length) = length else {
            return Ok(Step::On);
        };
        if end < self.read.saturating_add(length) {
            return Err(MALFORMED);
        }
        match number {
            2 => {
                self.messages += 1;
                let chat = self.chat.as_ref().and_then(|chat| chat.head.id.clone());
                self.entry(length, move |bytes| message(chat?, bytes))
            }
            1 | 21 | 39 | 42 => {
                let bytes = self.bytes(length)?;
                if let Some(chat) = &mut self.chat {
                    // The field alone is a chat with nothing else; the rest of it stays.
                    let mut alone = Vec::new();
                    protobuf::put(&mut alone, number, &bytes);
                    chat.head.merge(&alone[..]).map_err(|_| MALFORMED)?;
                }
                Ok(Step::On)
            }
            _ => {
                self.skip = length;
                Ok(Step::On)
            }
        }
    }

    /// An entry of that length, if it is of a bearable one and makes sense.
    fn entry(
        &mut self,
        length: u64,
        decode: impl FnOnce(&[u8]) -> Option<Entry>,
    ) -> Result<Step, Spoilt> {
        if ENTRY_BYTES_MAX < length {
            self.skip = length;
            return Ok(Step::On);
        }
        let bytes = self.bytes(length)?;
        Ok(decode(&bytes).map_or(Step::On, Step::Entry))
    }

    /// A field's number, and its length where it has one; a number is read with it.
    fn key(&mut self) -> Result<(u32, Option<u64>), Spoilt> {
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| MALFORMED)?;
        match key & 7 {
            VARINT => {
                let value = self.varint()?;
                if let (22, Some(chat)) = (number, &mut self.chat) {
                    chat.head.tc_token_timestamp = Some(value);
                }
                Ok((number, None))
            }
            FIXED_64 => self.pass(8).map(|()| (number, None)),
            FIXED_32 => self.pass(4).map(|()| (number, None)),
            LENGTH_DELIMITED => Ok((number, Some(self.varint()?))),
            _ => Err(MALFORMED),
        }
    }

    fn varint(&mut self) -> Result<u64, Spoilt> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let mut byte = [0];
            self.input.read_exact(&mut byte).map_err(|_| MALFORMED)?;
            self.read += 1;
            value |= u64::from(byte[0] & 0x7F) << shift;
            if byte[0] & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(MALFORMED)
    }

    /// Bytes of one entry, which are never more than [`ENTRY_BYTES_MAX`].
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, Spoilt> {
        if ENTRY_BYTES_MAX < length {
            return Err(TOO_LARGE);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| TOO_LARGE)?];
        self.input.read_exact(&mut bytes).map_err(|_| MALFORMED)?;
        self.read += length;
        Ok(bytes)
    }

    fn pass(&mut self, length: u64) -> Result<(), Spoilt> {
        let mut part = self.input.by_ref().take(length);
        let passed = std::io::copy(&mut part, &mut std::io::sink());
        self.read += length;
        match passed {
            Ok(passed) if passed == length => Ok(()),
            _ => Err(MALFORMED),
        }
    }
}

enum Step {
    Entry(Entry),
    /// Nothing to file here.
    On,
    End,
}

/// A `HistorySyncMsg` of that chat. Only what is used is decoded: lists of nothing would take a
/// hundred times the memory of their bytes.
fn message(chat: String, bytes: &[u8]) -> Option<Entry> {
    const KEPT: [u32; 4] = [1, 5, 19, 49];
    let info = protobuf::bytes(bytes, 1)?;
    let mut kept = Vec::new();
    for number in KEPT {
        if let Some(content) = protobuf::bytes(info, number) {
            protobuf::put(&mut kept, number, content);
        }
    }
    let mut head = WebMessageInfo::decode(&kept[..]).ok()?;
    head.message_timestamp = protobuf::varint_of(info, 3);
    Some(Entry::Message {
        chat,
        content: protobuf::bytes(info, 2).unwrap_or_default().to_vec(),
        head: Box::new(head),
    })
}
