//! Several statements in one round trip to a server.
//!
//! The driver sends one prepared statement at a time and waits for each; a text of several
//! statements goes at once, with its arguments written into it. Only this file does so.

use futures_util::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Either};

use crate::store::db::{Row, Val};

/// A text of statements, each ended by a semicolon.
#[derive(Debug, Default)]
pub(super) struct Batch {
    text: String,
    statements: usize,
}

impl Batch {
    /// Adds a statement; its place among the answers.
    pub(super) fn push(&mut self, sql: &str, args: &[Val]) -> usize {
        inline(&mut self.text, sql, args);
        self.text.push_str(";\n");
        self.statements += 1;
        self.statements - 1
    }

    /// Statements so far.
    pub(super) fn len(&self) -> usize {
        self.statements
    }

    /// Sends everything; the first row of each statement's answer.
    pub(super) async fn send(
        self,
        connection: &mut PgConnection,
    ) -> Result<Vec<Option<Row>>, sqlx::Error> {
        let mut answers = Vec::with_capacity(self.statements);
        let mut first = None;
        let mut parts = sqlx::raw_sql(AssertSqlSafe(self.text)).fetch_many(connection);
        while let Some(part) = parts.try_next().await? {
            match part {
                Either::Left(_) => answers.push(first.take()),
                Either::Right(row) => first = first.or(Some(Row::Postgres(row))),
            }
        }
        Ok(answers)
    }
}

/// The first row that one statement answers, sent as a text.
pub(super) async fn ask(
    connection: &mut PgConnection,
    sql: &str,
    args: Vec<Val>,
) -> Result<Option<Row>, sqlx::Error> {
    let mut batch = Batch::default();
    batch.push(sql, &args);
    Ok(batch.send(connection).await?.pop().flatten())
}

/// One statement with its arguments written into it.
pub(super) fn written(sql: &str, args: &[Val]) -> AssertSqlSafe<String> {
    let mut text = String::new();
    inline(&mut text, sql, args);
    AssertSqlSafe(text)
}

/// Writes a statement with each `$n` replaced by its argument. One without an argument stays, and
/// the server refuses it.
fn inline(text: &mut String, sql: &str, args: &[Val]) {
    let mut parts = sql.split('$');
    text.push_str(parts.next().unwrap_or_default());
    for part in parts {
        let digits = part
            .find(|char: char| !char.is_ascii_digit())
            .unwrap_or(part.len());
        let (number, rest) = part.split_at(digits);
        let arg = number
            .parse::<usize>()
            .ok()
            .and_then(|number| args.get(number.checked_sub(1)?));
        match arg {
            Some(arg) => literal(text, arg),
            None => {
                text.push('$');
                text.push_str(number);
            }
        }
        text.push_str(rest);
    }
}

/// A constant with its type. Backslashes stand only where they are marked as such: what they mean
/// elsewhere is a setting of the server.
fn literal(text: &mut String, value: &Val) {
    match value {
        Val::Int(Some(number)) => text.push_str(&format!("'{number}'::bigint")),
        Val::Int(None) => text.push_str("NULL::bigint"),
        Val::Bool(Some(value)) => text.push_str(if *value { "TRUE" } else { "FALSE" }),
        Val::Bool(None) => text.push_str("NULL::boolean"),
        Val::Text(None) => text.push_str("NULL::text"),
        Val::Bytes(None) => text.push_str("NULL::bytea"),
        Val::Text(Some(value)) => {
            if value.contains('\\') {
                text.push('E');
            }
            text.push('\'');
            text.push_str(&value.replace('\\', "\\\\").replace('\'', "''"));
            text.push_str("'::text");
        }
        Val::Bytes(Some(value)) => {
            text.reserve(value.len() * 2 + 16);
            text.push_str("E'\\\\x");
            for byte in value {
                for nibble in [byte >> 4, byte & 15] {
                    text.push(char::from_digit(nibble.into(), 16).unwrap_or('0'));
                }
            }
            text.push_str("'::bytea");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::db::args;

    #[test]
    fn arguments_become_constants() {
        check("SELECT $1", args![-5_i64], "SELECT '-5'::bigint");
        check("$2,$1,$2", args![true, "x"], "'x'::text,TRUE,'x'::text");
        check(
            "= $1)",
            args!["o'k\\'; DROP--$2"],
            "= E'o''k\\\\''; DROP--$2'::text)",
        );
        check("$1", args![&[0_u8, 0xaf][..]], "E'\\\\x00af'::bytea");
        check("$1", args![None::<Vec<u8>>], "NULL::bytea");
        check("$1 $3 $", args![1_i64], "'1'::bigint $3 $");
        let eleven: Vec<Val> = (1..=11_i64).map(Val::from).collect();
        check("$11", eleven, "'11'::bigint");
    }

    fn check(sql: &str, args: Vec<Val>, expected: &str) {
        let mut text = String::new();
        inline(&mut text, sql, &args);
        assert_eq!(text, expected, "{sql}");
    }
}
