//! A stamp on stored records: the number of the account's log in which the record was written.
//!
//! After a database restore, nothing may be encrypted with the keys of an older record. The stamp
//! shows which records are older. It is a protobuf field that no client knows, so every client
//! still reads the record. A record without a stamp belongs to log 0.

/// Far above the field numbers that the protocol may use.
const FIELD: u32 = 1_900;
const VARINT: u64 = 0;
const FIXED_64: u64 = 1;
const BYTES: u64 = 2;
const FIXED_32: u64 = 5;

/// One top-level field of a record.
pub(super) struct Field {
    pub(super) number: u32,
    /// The value of a varint field.
    value: u64,
    /// The length of any other field, in bytes.
    pub(super) bytes: usize,
}

/// Returns the number of the log that a record was written in.
pub fn of(record: &[u8]) -> u64 {
    let stamps = fields(record).filter(|field| field.number == FIELD);
    stamps.last().map_or(0, |field| field.value)
}

/// Adds the log number to a record that has none.
pub fn put(record: &mut Vec<u8>, number: u64) {
    if number == 0 {
        return;
    }
    for mut rest in [u64::from(FIELD) << 3 | VARINT, number] {
        while 0x80 <= rest {
            record.push(rest.to_le_bytes()[0] | 0x80);
            rest >>= 7;
        }
        record.push(rest.to_le_bytes()[0]);
    }
}

/// Returns the top-level fields of a protobuf, up to the first malformed one.
pub(super) fn fields(mut record: &[u8]) -> impl Iterator<Item = Field> {
    std::iter::from_fn(move || {
        let key = varint(&mut record)?;
        let number = u32::try_from(key >> 3).ok()?;
        let (value, bytes) = match key & 7 {
            VARINT => (varint(&mut record)?, 0),
            FIXED_64 => (0, 8),
            FIXED_32 => (0, 4),
            BYTES => (0, usize::try_from(varint(&mut record)?).ok()?),
            _ => return None,
        };
        record = record.get(bytes..)?;
        Some(Field {
            number,
            value,
            bytes,
        })
    })
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7F) << shift;
        if *first < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_tells_its_log() {
        for number in [0, 1, 127, 128, 70_000, u64::MAX] {
            let mut record = vec![0x0A, 2, 0x08, 3];
            put(&mut record, number);
            assert_eq!(of(&record), number);
            assert_eq!(fields(&record).next().map(|field| field.number), Some(1));
        }
        for bad in [&b""[..], &[0x80], &[0x0A, 5, 1], &[0xFF; 12], &[0x0B]] {
            assert_eq!(of(bad), 0, "{bad:?}");
        }
    }
}
