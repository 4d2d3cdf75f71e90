//! Frames: the length-prefixed records of a connection.
//!
//! This file performs no input or output: it splits bytes into whole frames.
//!
//! Source: whatsmeow 33cfac51 `socket/constants.go`; routing header: Baileys 7.0.0-rc13
//! `src/Utils/noise-handler.ts`.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use crate::wire::token::DICTIONARY_VERSION;

/// The header that a client sends once before its first frame: "WA", the protocol number 6, and the
/// dictionary version.
pub const HEADER: [u8; 4] = [b'W', b'A', 6, DICTIONARY_VERSION];
/// The header of the routing hint, which is sent before [`HEADER`].
const ROUTING_HEADER: [u8; 4] = [b'E', b'D', 0, 1];
/// Maximum payload in bytes, well below the 16 MiB that the length field allows.
pub const FRAME_BYTES_MAX: usize = 8 << 20;
/// Maximum length of a routing hint in bytes; real ones have some dozens of bytes.
pub const ROUTING_BYTES_MAX: usize = 4 << 10;

const LENGTH_BYTES: usize = 3;

/// Why bytes are not frames.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The peer announced a frame that exceeds the limit.
    #[error("frame of {length} bytes is over the limit of {FRAME_BYTES_MAX}")]
    TooLong {
        /// The announced length in bytes.
        length: usize,
    },
    /// The connection does not start with the header.
    #[error("the connection does not begin with the protocol's header")]
    Header,
}

/// Removes the next whole frame from `buffer`; `None` if more bytes are needed. Fails if the peer
/// announces more than [`FRAME_BYTES_MAX`] bytes; the connection must then be closed.
pub fn split_frame(buffer: &mut BytesMut) -> Result<Option<Bytes>, FrameError> {
    let [high, middle, low, ..] = buffer[..] else {
        return Ok(None);
    };
    let length = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
    if FRAME_BYTES_MAX < length {
        return Err(FrameError::TooLong { length });
    }
    if buffer.len() < LENGTH_BYTES + length {
        return Ok(None);
    }
    buffer.advance(LENGTH_BYTES);
    Ok(Some(buffer.split_to(length).freeze()))
}

/// Appends one frame. Fails, and appends nothing, if `payload` exceeds [`FRAME_BYTES_MAX`] bytes.
pub fn put_frame(payload: &[u8], buffer: &mut BytesMut) -> Result<(), FrameError> {
    let length = payload.len();
    if FRAME_BYTES_MAX < length {
        return Err(FrameError::TooLong { length });
    }
    buffer.reserve(LENGTH_BYTES + length);
    buffer.put_uint(length as u64, LENGTH_BYTES);
    buffer.put_slice(payload);
    Ok(())
}

/// Appends the bytes that a client sends before its first frame. A routing hint over the limit is
/// omitted, because it is optional.
pub fn put_intro(routing_info: Option<&[u8]>, buffer: &mut BytesMut) {
    if let Some(info) = routing_info.filter(|info| info.len() <= ROUTING_BYTES_MAX) {
        buffer.put_slice(&ROUTING_HEADER);
        buffer.put_uint(info.len() as u64, LENGTH_BYTES);
        buffer.put_slice(info);
    }
    buffer.put_slice(&HEADER);
}

/// Removes the bytes that a client sends before its first frame; `None` if more bytes are needed.
/// Fails if they are not the header, or if the routing hint is too long.
pub fn split_intro(buffer: &mut BytesMut) -> Result<Option<()>, FrameError> {
    let mut start = 0;
    if buffer.starts_with(&ROUTING_HEADER) {
        let Some([high, middle, low]) = buffer.get(4..7) else {
            return Ok(None);
        };
        let length = usize::from(*high) << 16 | usize::from(*middle) << 8 | usize::from(*low);
        if ROUTING_BYTES_MAX < length {
            return Err(FrameError::Header);
        }
        start = ROUTING_HEADER.len() + LENGTH_BYTES + length;
    }
    let Some(rest) = buffer.get(start..) else {
        return Ok(None);
    };
    let seen = rest.len().min(HEADER.len());
    let routed = start == 0 && ROUTING_HEADER.starts_with(&rest[..seen]);
    if rest[..seen] != HEADER[..seen] && !routed {
        return Err(FrameError::Header);
    }
    if seen < HEADER.len() {
        return Ok(None);
    }
    buffer.advance(start + HEADER.len());
    Ok(Some(()))
}
