//! Protobuf fields without a schema. Payloads are passed on byte for byte, so unknown fields
//! survive.

/// The wire type of strings, bytes and messages.
const LENGTH_DELIMITED: u64 = 2;

/// Returns the last length-delimited field with this number; protobuf gives the last one
/// precedence.
pub(in crate::session) fn bytes(message: &[u8], wanted: u32) -> Option<&[u8]> {
    match fields(message)
        .filter(|(number, _)| *number == wanted)
        .last()?
        .1
    {
        Content::Bytes(bytes) => Some(bytes),
        Content::Varint(_) | Content::Fixed => None,
    }
}

/// Returns the last varint field with this number.
pub(in crate::session) fn varint_of(message: &[u8], wanted: u32) -> Option<u64> {
    match fields(message)
        .filter(|(number, _)| *number == wanted)
        .last()?
        .1
    {
        Content::Varint(value) => Some(value),
        Content::Bytes(_) | Content::Fixed => None,
    }
}

/// Returns the numbers of all fields in order. Stops at the first malformed field.
pub(in crate::session) fn numbers(message: &[u8]) -> impl Iterator<Item = u32> {
    fields(message).map(|(number, _)| number)
}

/// Appends a length-delimited field.
pub(in crate::session) fn put(message: &mut Vec<u8>, number: u32, content: &[u8]) {
    put_varint(message, u64::from(number) << 3 | LENGTH_DELIMITED);
    put_varint(message, content.len() as u64);
    message.extend_from_slice(content);
}

/// The content of a field.
enum Content<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
    Fixed,
}

/// Returns the number and content of every field.
fn fields(mut rest: &[u8]) -> impl Iterator<Item = (u32, Content<'_>)> {
    std::iter::from_fn(move || {
        let key = varint(&mut rest)?;
        let number = u32::try_from(key >> 3).ok()?;
        let content = match key & 7 {
            0 => Content::Varint(varint(&mut rest)?),
            1 => split(&mut rest, 8).map(|_| Content::Fixed)?,
            LENGTH_DELIMITED => {
                let length = usize::try_from(varint(&mut rest)?).ok()?;
                Content::Bytes(split(&mut rest, length)?)
            }
            5 => split(&mut rest, 4).map(|_| Content::Fixed)?,
            // Groups (wire types 3 and 4) are obsolete and not used by this protocol.
            _ => return None,
        };
        Some((number, content))
    })
}

fn split<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = rest.split_at_checked(length)?;
    *rest = tail;
    Some(head)
}

fn varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, tail) = rest.split_first()?;
        *rest = tail;
        value |= u64::from(byte & 0x7F) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn put_varint(message: &mut Vec<u8>, mut value: u64) {
    while 0x80 <= value {
        message.push(value as u8 | 0x80);
        value >>= 7;
    }
    message.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_without_a_schema() {
        let mut message = vec![0x08, 0x96, 0x01];
        put(&mut message, 31, b"first");
        put(&mut message, 31, b"last");
        put(&mut message, 2_000, &[7; 300]);
        assert_eq!(bytes(&message, 31), Some(&b"last"[..]));
        assert_eq!(bytes(&message, 2_000).map(<[u8]>::len), Some(300));
        assert_eq!(
            (bytes(&message, 1), varint_of(&message, 1)),
            (None, Some(150))
        );
        assert_eq!(varint_of(&message, 31), None);
        assert_eq!(numbers(&message).collect::<Vec<_>>(), [1, 31, 31, 2_000]);
    }

    #[test]
    fn malformed_messages_end_early() {
        let check = |message: &[u8], expected: &[u32]| {
            assert_eq!(
                numbers(message).collect::<Vec<_>>(),
                expected,
                "{message:02x?}"
            );
        };
        check(&[], &[]);
        check(&[0x0A, 5, 1], &[]);
        check(&[0x80; 12], &[]);
        check(&[0x0B], &[]);
        check(
            &[
                0x08, 1, 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1,
            ],
            &[1],
        );
    }
}
