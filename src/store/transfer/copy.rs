//! Copies the rows of one account in one table from one database to another.

use futures_util::StreamExt;
use sqlx::AssertSqlSafe;

use crate::store::db::batch::{Batch, Sql};
use crate::store::db::{Row, Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::records::{self, Form};
use crate::store::transfer::catalog::{self, Kind};
use crate::store::transfer::check;
use crate::store::transfer::report::{Damage, Moved, Progress, TransferError, Watcher};
use crate::store::transfer::shape::{Shape, Task, Written};

/// How many rows are sent per round trip.
const ROWS_PER_BATCH: usize = 200;
/// The MACs of a collection without a version are meaningless. A file without foreign keys may
/// contain some.
const MACS: &str = "whatsmeow_app_state_mutation_macs";

/// Two databases, each in a transaction.
pub(super) struct Mover<'a> {
    pub(super) source: Tx,
    pub(super) target: Tx,
    /// The form in which ratchets and sender keys are written. Both forms are read.
    pub(super) form: Form,
    /// Skips damaged rows instead of refusing the move.
    pub(super) skip_damaged: bool,
    pub(super) damaged: Vec<Damage>,
    pub(super) done: u64,
    pub(super) total: u64,
    pub(super) watcher: Watcher<'a>,
}

impl Mover<'_> {
    /// Returns how many rows of the source a task covers.
    pub(super) async fn count(&mut self, task: &Task) -> Result<u64, TransferError> {
        if !catalog::exists(&mut self.source, &task.table).await? {
            return Ok(0);
        }
        let (condition, values) = condition(&task.table, &task.filter);
        count(&mut self.source, &task.table, &condition, values).await
    }

    /// Copies the rows, and then counts them in the target.
    pub(super) async fn copy(&mut self, task: &Task) -> Result<Moved, TransferError> {
        let Some(shape) = self.shape(task).await? else {
            return Ok(self.nothing(task));
        };
        let listed: Vec<String> = shape.columns[shape.fixed..].iter().map(selected).collect();
        let (condition, values) = condition(&task.table, &task.filter);
        let (listed, table) = (listed.join(", "), &task.table);
        let sql = AssertSqlSafe(format!("SELECT {listed} FROM {table}{condition}"));
        let mut rows = self.source.stream(sql, values).await?;
        let (mut read, mut kept, mut chunk) = (0, 0, Vec::new());
        while let Some(row) = rows.next().await.transpose()? {
            read += 1;
            match values_of(&shape, task, &row, self.form) {
                Ok(Some(values)) => chunk.push(values),
                Ok(None) => (),
                Err(damage) if self.skip_damaged => self.damaged.push(damage),
                Err(damage) => return Err(TransferError::Damaged(damage)),
            }
            if chunk.len() == ROWS_PER_BATCH {
                kept += insert(&mut self.target, &shape, &mut chunk).await?;
                (self.watcher)(Progress {
                    table: shape.table.clone(),
                    done: self.done + read,
                    total: self.total,
                });
            }
        }
        drop(rows);
        kept += insert(&mut self.target, &shape, &mut chunk).await?;
        self.done += read;
        (self.watcher)(Progress {
            table: shape.table.clone(),
            done: self.done,
            total: self.total,
        });
        self.counted(task, read, kept).await
    }

    fn nothing(&self, task: &Task) -> Moved {
        Moved {
            table: task.table.clone(),
            read: 0,
            written: 0,
        }
    }

    /// Counts the rows in the target afterwards.
    async fn counted(
        &mut self,
        task: &Task,
        read: u64,
        written: u64,
    ) -> Result<Moved, TransferError> {
        let (condition, values) = condition("", &task.fixed);
        let found = count(&mut self.target, &task.table, &condition, values).await?;
        if found != written {
            return Err(TransferError::Counts {
                table: task.table.clone(),
                written,
                found,
            });
        }
        Ok(Moved {
            table: task.table.clone(),
            read,
            written,
        })
    }

    /// Returns the columns that both databases have; other columns of the target keep their
    /// defaults. `None` if one database does not have the table.
    async fn shape(&mut self, task: &Task) -> Result<Option<Shape>, TransferError> {
        let there = catalog::columns(&mut self.source, &task.table).await?;
        let here = catalog::columns(&mut self.target, &task.table).await?;
        let is_fixed = |name: &str| task.fixed.iter().any(|(fixed, _)| *fixed == name);
        let comes = |name: &str| there.iter().any(|column| column.name == name);
        let (mut columns, mut read) = (Vec::new(), Vec::new());
        for column in here {
            let written = Written {
                kind: column.kind.ok_or_else(|| TransferError::Type {
                    table: task.table.clone(),
                    column: column.name.clone(),
                })?,
                name: column.name,
                required: column.required,
            };
            match is_fixed(&written.name) {
                true => columns.push(written),
                false if comes(&written.name) => read.push(written),
                false => (),
            }
        }
        if read.is_empty() {
            return Ok(None);
        }
        // In the order of their values.
        columns.sort_by_key(|column| {
            let at = task.fixed.iter().position(|(name, _)| *name == column.name);
            at.unwrap_or(usize::MAX)
        });
        let fixed = columns.len();
        columns.extend(read);
        Ok(Some(Shape {
            table: task.table.clone(),
            columns,
            fixed,
        }))
    }
}

/// Builds a ` WHERE …` clause that compares the columns with the given values, and returns the
/// values.
fn condition(table: &str, filter: &[(&'static str, Val)]) -> (String, Vec<Val>) {
    let named = filter.iter().enumerate();
    let parts: Vec<String> = named
        .map(|(at, (name, _))| format!("{name} = ${}", at + 1))
        .collect();
    let values = filter.iter().map(|(_, value)| value.clone()).collect();
    if parts.is_empty() {
        return (String::new(), values);
    }
    let parts = parts.join(" AND ");
    let versions = "SELECT name FROM whatsmeow_app_state_version";
    let text = match table {
        MACS => format!(" WHERE {parts} AND name IN ({versions} WHERE {parts})"),
        _ => format!(" WHERE {parts}"),
    };
    (text, values)
}

async fn count(
    tx: &mut Tx,
    table: &str,
    condition: &str,
    values: Vec<Val>,
) -> Result<u64, TransferError> {
    let sql = AssertSqlSafe(format!("SELECT COUNT(*) FROM {table}{condition}"));
    let row = tx.built_row(sql, values).await?;
    let count: i64 = row.map_or(Ok(0), |row| row.column("counted", 0))?;
    Ok(u64::try_from(count).unwrap_or(0))
}

fn selected(column: &Written) -> String {
    let name = &column.name;
    match column.kind {
        Kind::Number => format!("CAST({name} AS BIGINT)"),
        Kind::Uuid => format!("CAST({name} AS TEXT)"),
        Kind::Text | Kind::Bytes | Kind::Flag => name.clone(),
    }
}

/// Returns the values of a row as they will be written, or what is wrong with it. `None` if the
/// target is better off without the row.
fn values_of(
    shape: &Shape,
    task: &Task,
    row: &Row,
    form: Form,
) -> Result<Option<Vec<Val>>, Damage> {
    let mut values: Vec<Val> = task.fixed.iter().map(|(_, value)| value.clone()).collect();
    let damaged = |values: &[Val], what| Damage {
        table: shape.table.clone(),
        row: check::name(shape, values),
        what,
    };
    for (at, column) in shape.columns[shape.fixed..].iter().enumerate() {
        let value = match value(row, at, column.kind) {
            Ok(value) => value,
            Err(_) => return Err(damaged(&values, "a value has another type than its column")),
        };
        let record = records::Kind::of(&shape.table, &column.name);
        match (record, value) {
            (Some(record), Val::Bytes(bytes)) => {
                match record.convert(bytes.unwrap_or_default(), form) {
                    Ok(Some(bytes)) => values.push(Val::from(bytes)),
                    Ok(None) => return Ok(None),
                    Err(what) => return Err(damaged(&values, what)),
                }
            }
            (_, value) => values.push(value),
        }
    }
    match check::damage(shape, &values) {
        Some(what) => Err(damaged(&values, what)),
        None => Ok(Some(values)),
    }
}

pub(super) fn value(row: &Row, at: usize, kind: Kind) -> Result<Val, StoreError> {
    const TABLE: &str = "source";
    Ok(match kind {
        Kind::Text | Kind::Uuid => Val::from(row.column::<Option<String>>(TABLE, at)?),
        Kind::Bytes => Val::from(row.column::<Option<Vec<u8>>>(TABLE, at)?),
        Kind::Number => Val::from(row.column::<Option<i64>>(TABLE, at)?),
        Kind::Flag => Val::from(row.column::<Option<bool>>(TABLE, at)?),
    })
}

/// Writes the rows, empties the chunk, and returns the number of rows.
async fn insert(
    tx: &mut Tx,
    shape: &Shape,
    chunk: &mut Vec<Vec<Val>>,
) -> Result<u64, TransferError> {
    let names: Vec<&str> = shape.columns.iter().map(|it| it.name.as_str()).collect();
    let is_server = matches!(tx, Tx::Postgres { .. });
    let place = |(at, column): (usize, &Written)| match column.kind {
        Kind::Uuid if is_server => format!("CAST(${} AS uuid)", at + 1),
        _ => format!("${}", at + 1),
    };
    let places: Vec<String> = shape.columns.iter().enumerate().map(place).collect();
    let (table, names, places) = (&shape.table, names.join(", "), places.join(", "));
    let sql = format!("INSERT INTO {table} ({names}) VALUES ({places})");
    let count = u64::try_from(chunk.len()).unwrap_or(u64::MAX);
    match tx {
        Tx::Sqlite(_) => {
            for values in chunk.drain(..) {
                tx.built_run(AssertSqlSafe(sql.clone()), values).await?;
            }
        }
        Tx::Postgres { .. } => {
            let mut batch = Batch::default();
            for values in chunk.drain(..) {
                batch.add(Sql::Built(sql.clone()), values, false);
            }
            tx.all(batch).await?;
        }
    }
    Ok(count)
}

/// Raises the idle timeout of the transaction to 60 s, because a move takes longer than a unit of
/// work. The timeout still ends a move whose process was stopped.
pub(super) async fn be_patient(tx: &mut Tx) -> Result<(), StoreError> {
    const PATIENCE: &str = "SET LOCAL idle_in_transaction_session_timeout = '60s'";
    if matches!(tx, Tx::Postgres { .. }) {
        tx.be_patient();
        tx.run(PATIENCE, args![]).await?;
    }
    Ok(())
}
