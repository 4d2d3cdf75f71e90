//! Values bound to statements and rows read back: one type for both drivers.

use std::error::Error;
use std::fmt;
use std::str::FromStr;

use bytes::BytesMut;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, Sqlite};
use tokio_postgres::types::{FromSqlOwned, IsNull, ToSql, Type};

use crate::store::error::StoreError;

/// A bound value. An absent value still has a type, because PostgreSQL needs one.
#[derive(Clone)]
pub(in crate::store) enum Val {
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Bool(Option<bool>),
}

impl Val {
    /// Returns the value's type in PostgreSQL.
    pub(in crate::store) fn kind(&self) -> Type {
        match self {
            Self::Int(_) => Type::INT8,
            Self::Text(_) => Type::TEXT,
            Self::Bytes(_) => Type::BYTEA,
            Self::Bool(_) => Type::BOOL,
        }
    }
}

/// Shows only the type, because drivers log the values that they bind.
impl fmt::Debug for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}>", self.kind())
    }
}

impl ToSql for Val {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Int(value) => value.to_sql(kind, out),
            Self::Text(value) => value.to_sql(kind, out),
            Self::Bytes(value) => value.to_sql(kind, out),
            Self::Bool(value) => value.to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        [Type::INT8, Type::TEXT, Type::BYTEA, Type::BOOL].contains(kind)
    }

    fn to_sql_checked(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self.kind() == *kind {
            true => self.to_sql(kind, out),
            false => Err("a value of another type than its statement was prepared for".into()),
        }
    }
}

impl From<i64> for Val {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<u32> for Val {
    fn from(value: u32) -> Self {
        Self::Int(Some(i64::from(value)))
    }
}

impl From<Option<i64>> for Val {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Self::Bool(Some(value))
    }
}

impl From<Option<bool>> for Val {
    fn from(value: Option<bool>) -> Self {
        Self::Bool(value)
    }
}

impl From<&str> for Val {
    fn from(value: &str) -> Self {
        Self::from(value.to_owned())
    }
}

impl From<String> for Val {
    fn from(value: String) -> Self {
        Self::Text(Some(storable(value)))
    }
}

impl From<Option<String>> for Val {
    fn from(value: Option<String>) -> Self {
        Self::Text(value.map(storable))
    }
}

impl From<&[u8]> for Val {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(Some(value.to_vec()))
    }
}

impl From<Vec<u8>> for Val {
    fn from(value: Vec<u8>) -> Self {
        Self::Bytes(Some(value))
    }
}

impl From<Option<Vec<u8>>> for Val {
    fn from(value: Option<Vec<u8>>) -> Self {
        Self::Bytes(value)
    }
}

/// Replaces NUL characters, which PostgreSQL's `text` cannot hold and peers may send. The raw
/// payload keeps them.
fn storable(text: String) -> String {
    match text.contains('\0') {
        true => text.replace('\0', "\u{fffd}"),
        false => text,
    }
}

/// Builds the arguments of one statement, starting with `$1`.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::store::db::value::Val::from($value)),*] };
}
pub(in crate::store) use args;

/// One row of an answer.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(tokio_postgres::Row),
}

/// A type that both drivers can decode.
pub(in crate::store) trait Column:
    for<'r> sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite> + FromSqlOwned
{
}

impl<T: FromSqlOwned + sqlx::Type<Sqlite>> Column for T where T: for<'r> sqlx::Decode<'r, Sqlite> {}

impl Row {
    /// Decodes the value of a column by its index, from 0. A value of another type is
    /// [`StoreError::Corrupt`].
    pub(in crate::store) fn column<T: Column>(
        &self,
        table: &'static str,
        at: usize,
    ) -> Result<T, StoreError> {
        let found = match self {
            Self::Sqlite(row) => row.try_get(at).ok(),
            Self::Postgres(row) => row.try_get(at).ok(),
        };
        found.ok_or(StoreError::Corrupt { table, column: at })
    }

    /// Decodes a text column and parses it, for example as a name or an address.
    pub(in crate::store) fn parsed<T: FromStr>(
        &self,
        table: &'static str,
        at: usize,
    ) -> Result<T, StoreError> {
        let text: String = self.column(table, at)?;
        let corrupt = |_| StoreError::Corrupt { table, column: at };
        text.parse().map_err(corrupt)
    }
}
