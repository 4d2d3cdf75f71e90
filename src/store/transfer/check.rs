//! Checks rows before they are written, so that a damaged row is reported by name. This also finds
//! damage that the database itself would accept.

use crate::store::account::column_lengths::LENGTHS;
use crate::store::db::Val;
use crate::store::transfer::shape::Shape;

/// Pre-key ids have three bytes.
const PRE_KEY_IDS: i64 = 1 << 24;

/// Returns what is wrong with a row; `None` if it is valid.
pub(super) fn damage(shape: &Shape, row: &[Val]) -> Option<&'static str> {
    let table = shape.table.as_str();
    let named = shape.columns.iter().zip(row);
    for (column, value) in named {
        if column.required && is_absent(value) {
            return Some("a value is missing");
        }
        let length = LENGTHS
            .iter()
            .find(|(of, name, _)| *of == table && *name == column.name);
        if let (Some((_, _, length)), Val::Bytes(Some(bytes))) = (length, value)
            && i64::try_from(bytes.len()) != Ok(*length)
        {
            return Some("a key, hash or signature has the wrong length");
        }
        match (table, column.name.as_str(), value) {
            ("whatsmeow_pre_keys", "key_id", Val::Int(Some(id)))
                if !(0..PRE_KEY_IDS).contains(id) =>
            {
                return Some("the id of a pre-key is out of range");
            }
            _ => (),
        }
    }
    None
}

fn is_absent(value: &Val) -> bool {
    match value {
        Val::Int(value) => value.is_none(),
        Val::Text(value) => value.is_none(),
        Val::Bytes(value) => value.is_none(),
        Val::Bool(value) => value.is_none(),
    }
}

/// Returns what identifies a row: the values of its first readable columns.
pub(super) fn name(shape: &Shape, row: &[Val]) -> String {
    const SHOWN: usize = 3;
    let readable = shape.columns.iter().zip(row).skip(shape.fixed);
    let readable = readable.filter_map(|(column, value)| match value {
        Val::Text(Some(text)) => Some(format!("{}={text}", column.name)),
        Val::Int(Some(number)) => Some(format!("{}={number}", column.name)),
        _ => None,
    });
    let shown: Vec<String> = readable.take(SHOWN).collect();
    match shown.is_empty() {
        true => String::from("a row"),
        false => shown.join(" "),
    }
}
