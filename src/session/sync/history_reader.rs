//! A streaming reader for a compressed history. Neither the inflated history nor any large part of
//! it has to fit into memory.
//!
//! This file stores nothing. `history.rs` interprets the entries.
//!
//! Source: field numbers of whatsmeow 33cfac51
//! `proto/waHistorySync/WAWebProtobufsHistorySync.proto`.

use std::fmt;
use std::io::{BufRead as _, BufReader, Cursor, Read as _};

use flate2::read::ZlibDecoder;
use prost::Message as _;
use wmctl_proto::history::{Conversation, PhoneNumberToLid, PushName, WebMessageInfo};

use crate::session::messages::protobuf;

/// Maximum inflated size of one history, in bytes. Phones split histories into far smaller parts.
const INFLATED_BYTES_MAX: u64 = 512 << 20;
/// Maximum number of chats in one history.
const CHATS_MAX: u64 = 100_000;
/// Maximum number of entries in one history: messages, names and address pairs.
const ENTRIES_MAX: u64 = 2_000_000;
/// Maximum size of an entry in bytes. A larger one is skipped.
const ENTRY_BYTES_MAX: u64 = 1 << 20;
/// Maximum number of entries in one chunk: a transaction of some hundred statements.
const PIECE_ENTRIES_MAX: usize = 64;
/// A chunk ends after this number of bytes, which limits its work to some milliseconds.
const PIECE_BYTES_MAX: u64 = 1 << 20;

/// Protobuf wire types.
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const LENGTH_DELIMITED: u64 = 2;
const FIXED_32: u64 = 5;

/// One entry of a history.
#[derive(Debug, PartialEq)]
pub(in crate::session) enum Entry {
    /// A message of the chat with this address. `content` is its `Message` protobuf, byte for byte.
    Message {
        chat: String,
        head: Box<WebMessageInfo>,
        content: Vec<u8>,
    },
    /// Other data of a chat, without its messages.
    Chat(Box<Conversation>),
    Name(PushName),
    Pair(PhoneNumberToLid),
}

/// Why a history cannot be read to its end: a stable word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::session) struct HistoryError(pub(in crate::session) &'static str);

const MALFORMED: HistoryError = HistoryError("malformed");
const TOO_LARGE: HistoryError = HistoryError("too_large");

/// A chunk: consecutive entries, and whether they are the last.
#[derive(Debug, Default)]
pub(in crate::session) struct HistoryChunk {
    pub(in crate::session) entries: Vec<Entry>,
    /// The end of the history: `Ok` if it is complete, else the error.
    pub(in crate::session) end: Option<Result<(), HistoryError>>,
}

/// The state of the reader.
pub(in crate::session) struct HistoryReader {
    input: BufReader<ZlibDecoder<Cursor<Vec<u8>>>>,
    /// Number of inflated bytes so far, and its limit.
    read: u64,
    read_max: u64,
    /// Number of bytes still to be skipped.
    skip: u64,
    chat: Option<Chat>,
    entries: u64,
    chats: u64,
    messages: u64,
}

/// The chat that is being read.
#[derive(Default)]
struct Chat {
    /// The position where it ends.
    end: u64,
    head: Conversation,
}

impl fmt::Debug for HistoryReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Past")
            .field("read", &self.read)
            .field("entries", &self.entries)
            .finish_non_exhaustive()
    }
}

impl HistoryReader {
    /// Starts reading. `packed` is a zlib-compressed `HistorySync`.
    pub(in crate::session) fn new(packed: Vec<u8>) -> Self {
        Self::within(packed, INFLATED_BYTES_MAX)
    }

    /// Starts reading with a different limit on the inflated size.
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

    /// Returns the number of chats and messages so far, including those of earlier processes.
    pub(in crate::session) fn counts(&self) -> (u64, u64) {
        (self.chats, self.messages)
    }

    /// Returns the next chunk, without the first `done` entries of the history, which are already
    /// imported.
    pub(in crate::session) fn piece(&mut self, done: u64) -> HistoryChunk {
        let begun = self.read;
        let mut piece = HistoryChunk::default();
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

    /// Reads one field, or skips a part of one.
    fn step(&mut self) -> Result<Step, HistoryError> {
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

    /// Reads one top-level field.
    fn field(&mut self) -> Result<Step, HistoryError> {
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

    /// Reads one field of the current chat.
    fn field_of_chat(&mut self) -> Result<Step, HistoryError> {
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
                    // This field alone is a valid conversation; merging it keeps the earlier
                    // fields.
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

    /// Reads an entry of this length. Skips it if it is too long or malformed.
    fn entry(
        &mut self,
        length: u64,
        decode: impl FnOnce(&[u8]) -> Option<Entry>,
    ) -> Result<Step, HistoryError> {
        if ENTRY_BYTES_MAX < length {
            self.skip = length;
            return Ok(Step::On);
        }
        let bytes = self.bytes(length)?;
        Ok(decode(&bytes).map_or(Step::On, Step::Entry))
    }

    /// Reads a field's number, and its length if it is length-delimited. Skips any other value.
    fn key(&mut self) -> Result<(u32, Option<u64>), HistoryError> {
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

    fn varint(&mut self) -> Result<u64, HistoryError> {
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

    /// Reads a field of at most [`ENTRY_BYTES_MAX`] bytes.
    fn bytes(&mut self, length: u64) -> Result<Vec<u8>, HistoryError> {
        if ENTRY_BYTES_MAX < length {
            return Err(TOO_LARGE);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(|_| TOO_LARGE)?];
        self.input.read_exact(&mut bytes).map_err(|_| MALFORMED)?;
        self.read += length;
        Ok(bytes)
    }

    /// Skips this number of bytes.
    fn pass(&mut self, length: u64) -> Result<(), HistoryError> {
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
    /// Continue: no entry was completed.
    On,
    End,
}

/// Decodes a `HistorySyncMsg` of a chat. Only the needed fields are decoded: long lists of empty
/// elements would take a hundred times the memory of their bytes.
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
