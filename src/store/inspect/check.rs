//! Checks the rows: finds rows without an owner, keys of a wrong length, and records that cannot be
//! decoded.
//!
//! It reads every row, one page at a time, outside any transaction. A row that changes during the
//! check is seen as it was before or after. Nothing is repaired here.

use std::collections::{BTreeMap, BTreeSet};

use prost::Message as _;

use crate::ids::{Jid, TenantId};
use crate::signal::ratchet::Ratchet;
use crate::signal::sender_key::SenderKey;
use crate::store::Store;
use crate::store::account;
use crate::store::account::column_lengths::LENGTHS;
use crate::store::db::encoding;
use crate::store::db::{Db, Row, Val, args};
use crate::store::error::StoreError;
use crate::store::inspect::{Table, only};
use crate::store::records::{Form, Kind};

/// How many rows are read at once.
const PAGE: i64 = 500;

const DEVICES: &str = "SELECT business_id, jid FROM whatsmeow_device";

const TENANTS: &str = "
    SELECT business_id FROM whatsmeow_device UNION SELECT business_id FROM wmctl_tenant
    UNION SELECT business_id FROM wmctl_account";

/// Tables whose rows may exist before their tenant, or outlive it.
const WITHOUT_TENANT: [&str; 4] = ["wmctl_lease", "wmctl_audit", "wmctl_pairing", "wmctl_role"];

const FILE: &str = "
    SELECT integrity_check FROM pragma_integrity_check WHERE integrity_check <> 'ok' LIMIT 5";

const SERVER: &str = "
    SELECT name || ' = ' || setting FROM pg_settings
    WHERE (name = 'server_encoding' AND setting <> 'UTF8')
        OR (name IN ('transaction_read_only', 'in_hot_standby') AND setting = 'on')
    ORDER BY name";

/// A kind of row whose values are decoded one by one.
struct Records {
    table: &'static str,
    /// The query: first the key columns, which are texts, then the value to decode.
    sql: &'static str,
    keys: usize,
    decode: fn(&Row, usize) -> bool,
    /// Returns what is wrong with a value that cannot be decoded; `undecodable` if no more is
    /// known.
    reason: fn(&Row, usize) -> &'static str,
}

const UNDECODABLE: &str = "undecodable";
/// A record in whatsmeow's form, which is only read when an account moves.
pub const OTHER_FORM: &str = "whatsmeow_record";

const RECORDS: [Records; 7] = [
    Records {
        table: "whatsmeow_sessions",
        sql: "SELECT business_id, our_jid, their_id, session FROM whatsmeow_sessions
            WHERE (business_id, our_jid, their_id) > ($1, $2, $3)
                AND ($4 = '' OR business_id = $4) AND session IS NOT NULL
            ORDER BY business_id, our_jid, their_id LIMIT $5",
        keys: 3,
        decode: |row, at| bytes(row, at).is_some_and(|record| Ratchet::decode(&record).is_ok()),
        reason: |row, at| form(Kind::Ratchet, row, at),
    },
    Records {
        table: "whatsmeow_sender_keys",
        sql: "SELECT business_id, our_jid, chat_id, sender_id, sender_key
            FROM whatsmeow_sender_keys
            WHERE (business_id, our_jid, chat_id, sender_id) > ($1, $2, $3, $4)
                AND ($5 = '' OR business_id = $5)
            ORDER BY business_id, our_jid, chat_id, sender_id LIMIT $6",
        keys: 4,
        decode: |row, at| bytes(row, at).is_some_and(|record| SenderKey::decode(&record).is_ok()),
        reason: |row, at| form(Kind::SenderKey, row, at),
    },
    Records {
        table: "whatsmeow_contacts",
        sql: "SELECT business_id, our_jid, their_jid, their_jid FROM whatsmeow_contacts
            WHERE (business_id, our_jid, their_jid) > ($1, $2, $3)
                AND ($4 = '' OR business_id = $4)
            ORDER BY business_id, our_jid, their_jid LIMIT $5",
        keys: 3,
        decode: is_jid,
        reason: |_, _| UNDECODABLE,
    },
    Records {
        table: "wmctl_device_list",
        sql: "SELECT business_id, their_jid, devices FROM wmctl_device_list
            WHERE (business_id, their_jid) > ($1, $2) AND ($3 = '' OR business_id = $3)
            ORDER BY business_id, their_jid LIMIT $4",
        keys: 2,
        decode: |row, at| {
            string(row, at).is_some_and(|list| encoding::parse_devices(&list).is_some())
        },
        reason: |_, _| UNDECODABLE,
    },
    Records {
        table: "wmctl_group",
        sql: "SELECT business_id, chat, participants FROM wmctl_group
            WHERE (business_id, chat) > ($1, $2) AND ($3 = '' OR business_id = $3)
            ORDER BY business_id, chat LIMIT $4",
        keys: 2,
        decode: |row, at| {
            string(row, at).is_some_and(|list| encoding::parse_participants(&list).is_some())
        },
        reason: |_, _| UNDECODABLE,
    },
    Records {
        table: "wmctl_sender_key_share",
        sql: "SELECT business_id, chat, devices FROM wmctl_sender_key_share
            WHERE (business_id, chat) > ($1, $2) AND ($3 = '' OR business_id = $3)
            ORDER BY business_id, chat LIMIT $4",
        keys: 2,
        decode: |row, at| {
            string(row, at).is_some_and(|list| encoding::parse_addresses(&list).is_some())
        },
        reason: |_, _| UNDECODABLE,
    },
    Records {
        table: "wmctl_outbox",
        sql: "SELECT business_id, message_id, recipient, state, body FROM wmctl_outbox
            WHERE (business_id, message_id) > ($1, $2) AND ($3 = '' OR business_id = $3)
            ORDER BY business_id, message_id LIMIT $4",
        keys: 2,
        decode: is_outgoing,
        reason: |_, _| UNDECODABLE,
    },
];

/// A problem, with the number of rows that have it and one of them as an example.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// `file`, `server`, `tenant_name`, `orphan`, `key_length`, `undecodable` or
    /// `whatsmeow_record`.
    pub check: &'static str,
    pub table: String,
    /// The name as it is stored, which may not be a valid tenant name.
    pub tenant: String,
    pub rows: i64,
    /// Identifies one of the rows. Never contains a key or a message.
    pub example: String,
}

/// What was checked, and what was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    pub tables: usize,
    /// The number of counted rows, and of decoded records.
    pub rows: i64,
    pub records: i64,
    pub findings: Vec<Finding>,
}

impl Store {
    /// Checks every row, or the rows of one tenant.
    pub async fn check(&self, tenant: Option<&TenantId>) -> Result<Checked, StoreError> {
        let mut checked = Checked::default();
        match self.db {
            Db::Sqlite { .. } => self.check_file(&mut checked).await?,
            Db::Postgres(_) => self.check_server(&mut checked).await?,
        }
        self.check_owners(tenant, &mut checked).await?;
        for (table, column, length) in LENGTHS {
            self.check_length(table, column, length, tenant, &mut checked)
                .await?;
        }
        self.check_devices(tenant, &mut checked).await?;
        for records in &RECORDS {
            self.check_records(records, tenant, &mut checked).await?;
        }
        Ok(checked)
    }

    async fn check_file(&self, checked: &mut Checked) -> Result<(), StoreError> {
        for row in self.db.rows(FILE, args![]).await? {
            checked.findings.push(Finding {
                check: "file",
                table: String::from("sqlite_master"),
                tenant: String::new(),
                rows: 1,
                example: row.column("sqlite_master", 0)?,
            });
        }
        Ok(())
    }

    /// Checks server settings that would break a running account, whatever its rows are.
    async fn check_server(&self, checked: &mut Checked) -> Result<(), StoreError> {
        for row in self.db.rows(SERVER, args![]).await? {
            checked.findings.push(Finding {
                check: "server",
                table: String::from("pg_settings"),
                tenant: String::new(),
                rows: 1,
                example: row.column("pg_settings", 0)?,
            });
        }
        Ok(())
    }

    /// Checks that every row belongs to a tenant with a valid name, and most rows to a device.
    async fn check_owners(
        &self,
        tenant: Option<&TenantId>,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        let mut devices = BTreeSet::new();
        for row in self.db.rows(DEVICES, args![]).await? {
            let (tenant, jid): (String, String) = (
                row.column("whatsmeow_device", 0)?,
                row.column("whatsmeow_device", 1)?,
            );
            devices.insert((tenant, jid));
        }
        let mut tenants = BTreeSet::new();
        for row in self.db.rows(TENANTS, args![]).await? {
            let tenant: String = row.column("wmctl_tenant", 0)?;
            tenants.insert(tenant);
        }
        for table in self.catalogue().await? {
            if !table.has_tenants() {
                continue;
            }
            checked.tables += 1;
            let device = table.device();
            let rows = self.catalogue_rows(count_owners(&table), args![only(tenant)]);
            for row in rows.await? {
                let owner: String = row.column("whatsmeow_device", 0)?;
                let jid: String = row.column("whatsmeow_device", 1)?;
                let rows: i64 = row.column("whatsmeow_device", 2)?;
                checked.rows += rows;
                let named = owner.parse::<TenantId>().is_ok() || owner == "*";
                let known = match device {
                    Some(_) => devices.contains(&(owner.clone(), jid.clone())),
                    None => tenants.contains(&owner),
                };
                let check = match (named, known) {
                    (false, _) => "tenant_name",
                    (true, false) if !WITHOUT_TENANT.contains(&table.name.as_str()) => "orphan",
                    _ => continue,
                };
                checked.findings.push(Finding {
                    check,
                    table: table.name.clone(),
                    tenant: owner,
                    rows,
                    example: jid,
                });
            }
        }
        Ok(())
    }

    async fn check_length(
        &self,
        table: &'static str,
        column: &'static str,
        length: i64,
        tenant: Option<&TenantId>,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        let sql = format!(
            "SELECT business_id, COUNT(*) FROM {table}
             WHERE OCTET_LENGTH({column}) <> $2 AND ($1 = '' OR business_id = $1)
             GROUP BY business_id"
        );
        for row in self
            .catalogue_rows(sql, args![only(tenant), length])
            .await?
        {
            checked.findings.push(Finding {
                check: "key_length",
                table: table.to_owned(),
                tenant: row.column(table, 0)?,
                rows: row.column(table, 1)?,
                example: format!("{column} is not {length} bytes"),
            });
        }
        Ok(())
    }

    /// Checks that each device can be loaded as a session would load it.
    async fn check_devices(
        &self,
        tenant: Option<&TenantId>,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        for device in self.devices(tenant).await? {
            checked.records += 1;
            let Ok(tenant) = device.tenant.parse::<TenantId>() else {
                continue;
            };
            let problem = match self.account(&tenant).await {
                Ok(Some(account)) if account::fits(&account) => continue,
                Ok(Some(_)) => "its keys do not fit together",
                Ok(None) => continue,
                Err(StoreError::Corrupt { .. }) => "it cannot be loaded",
                Err(error) => return Err(error),
            };
            checked.findings.push(Finding {
                check: UNDECODABLE,
                table: String::from("whatsmeow_device"),
                tenant: device.tenant,
                rows: 1,
                example: format!("{}: {problem}", device.jid),
            });
        }
        Ok(())
    }

    async fn check_records(
        &self,
        records: &Records,
        tenant: Option<&TenantId>,
        checked: &mut Checked,
    ) -> Result<(), StoreError> {
        let mut behind = vec![String::new(); records.keys];
        let mut broken: BTreeMap<(String, &str), (i64, String)> = BTreeMap::new();
        loop {
            let mut values: Vec<Val> = behind.iter().map(|key| Val::from(key.as_str())).collect();
            values.extend(args![only(tenant), PAGE]);
            let rows = self.db.rows(records.sql, values).await?;
            for row in &rows {
                let key = (0..records.keys).map(|at| row.column(records.table, at));
                behind = key.collect::<Result<_, _>>()?;
                checked.records += 1;
                if !(records.decode)(row, records.keys) {
                    let key = (behind[0].clone(), (records.reason)(row, records.keys));
                    let found = broken.entry(key).or_insert((0, behind[1..].join(" ")));
                    found.0 += 1;
                }
            }
            if i64::try_from(rows.len()).unwrap_or(PAGE) < PAGE {
                break;
            }
        }
        for ((tenant, check), (rows, example)) in broken {
            checked.findings.push(Finding {
                check,
                table: records.table.to_owned(),
                tenant,
                rows,
                example,
            });
        }
        Ok(())
    }
}

/// Returns the query that counts the rows of one table by tenant and device.
fn count_owners(table: &Table) -> String {
    let name = table.quoted();
    let device = match table.device() {
        Some(column) => format!("COALESCE(CAST(t.{column} AS TEXT), '')"),
        None => String::from("CAST('' AS TEXT)"),
    };
    format!(
        "SELECT CAST(t.business_id AS TEXT), {device}, COUNT(*) FROM {name} t
         WHERE t.business_id IS NOT NULL AND ($1 = '' OR t.business_id = $1) GROUP BY 1, 2"
    )
}

/// Returns why a record cannot be decoded. A complete record in whatsmeow's form is not damaged.
fn form(kind: Kind, row: &Row, at: usize) -> &'static str {
    let record = bytes(row, at).filter(|record| Form::of(record) == Form::Json);
    match record.map(|record| kind.convert(record, Form::Protobuf)) {
        Some(Ok(_)) => OTHER_FORM,
        _ => UNDECODABLE,
    }
}

fn bytes(row: &Row, at: usize) -> Option<Vec<u8>> {
    row.column("bytes", at).ok()
}

fn string(row: &Row, at: usize) -> Option<String> {
    row.column("text", at).ok()
}

fn is_jid(row: &Row, at: usize) -> bool {
    string(row, at).is_some_and(|jid| jid.parse::<Jid>().is_ok())
}

fn is_outgoing(row: &Row, at: usize) -> bool {
    let state = string(row, at + 1).and_then(|state| encoding::parse_outbox_state(&state));
    let body = bytes(row, at + 2);
    let body = body.and_then(|body| wmctl_proto::message::Message::decode(&body[..]).ok());
    is_jid(row, at) && state.is_some() && body.is_some()
}
