//! Reads rows by key.
//!
//! Reads run outside any transaction. Only the holder of the lease writes these rows, and its
//! commit is fenced, so a decision based on stale rows cannot be committed.

use crate::ids::{Jid, MessageId, Server, TenantId};
use crate::secret::Secret;
use crate::session::rows::{
    AppStateKey, ChatSettings, Contact, Dedupe, DeviceList, GroupInfo, HistoryRow, PreKeyRow,
    RetryRow, Row, RowKey, SenderKeyShare, Unread,
};
use crate::store::db::encoding;
use crate::store::db::{Column, Row as Stored, Val, args};
use crate::store::error::StoreError;
use crate::store::{Owner, Store, outbox};

/// The maximum number of rows per round trip. It is enough for a group and limits the size of the
/// batch.
const READ_KEYS_MAX: usize = 500;

const RATCHET: &str = "
    SELECT session FROM whatsmeow_sessions
    WHERE business_id = $1 AND our_jid = $2 AND their_id = $3 AND session IS NOT NULL";
const IDENTITY: &str = "
    SELECT identity FROM whatsmeow_identity_keys
    WHERE business_id = $1 AND our_jid = $2 AND their_id = $3";
const SENDER_KEY: &str = "
    SELECT sender_key FROM whatsmeow_sender_keys
    WHERE business_id = $1 AND our_jid = $2 AND chat_id = $3 AND sender_id = $4";
const SENDER_KEY_SHARE: &str = "
    SELECT key_id, devices FROM wmctl_sender_key_share WHERE business_id = $1 AND chat = $2";
const PRE_KEY: &str = "
    SELECT key, uploaded FROM whatsmeow_pre_keys
    WHERE business_id = $1 AND jid = $2 AND key_id = $3";
const LID_OF: &str = "SELECT lid FROM whatsmeow_lid_map WHERE business_id = $1 AND pn = $2";
const PN_OF: &str = "SELECT pn FROM whatsmeow_lid_map WHERE business_id = $1 AND lid = $2";
const DEVICES: &str = "
    SELECT devices, fetched_ms FROM wmctl_device_list WHERE business_id = $1 AND their_jid = $2";
const GROUP: &str = "
    SELECT subject, addressing, participants, fetched_ms FROM wmctl_group
    WHERE business_id = $1 AND chat = $2";
const CONTACT: &str = "
    SELECT first_name, full_name, push_name, business_name, redacted_phone FROM whatsmeow_contacts
    WHERE business_id = $1 AND our_jid = $2 AND their_jid = $3";
const SEEN: &str = "SELECT seq FROM wmctl_event WHERE business_id = $1 AND dedupe = $2";
const RETRY: &str = "
    SELECT count, first_ms, chat, sender, message_id, asked FROM wmctl_retry
    WHERE business_id = $1 AND dedupe = $2";
const NEXT_UNREAD: &str = "
    SELECT dedupe FROM wmctl_retry WHERE business_id = $1 AND chat IS NOT NULL AND NOT asked
    ORDER BY first_ms, dedupe LIMIT 1";
const HISTORY: &str = "
    SELECT dedupe, at_ms, notification, done, failures FROM wmctl_history
    WHERE business_id = $1 AND our_jid = $2 AND dedupe = $3";
const NEXT_HISTORY: &str = "
    SELECT dedupe, at_ms, notification, done, failures FROM wmctl_history
    WHERE business_id = $1 AND our_jid = $2 ORDER BY failures, at_ms, dedupe LIMIT 1";
const MESSAGE_SECRET: &str = "
    SELECT key FROM whatsmeow_message_secrets WHERE business_id = $1 AND our_jid = $2
        AND chat_jid = $3 AND sender_jid = $4 AND message_id = $5";
const PRIVACY_TOKEN: &str = "
    SELECT token, timestamp FROM whatsmeow_privacy_tokens
    WHERE business_id = $1 AND our_jid = $2 AND their_jid = $3";
const CHAT_SETTINGS: &str = "
    SELECT muted_until, pinned, archived FROM whatsmeow_chat_settings
    WHERE business_id = $1 AND our_jid = $2 AND chat_jid = $3";
const APP_STATE_KEY: &str = "
    SELECT key_data, fingerprint, timestamp FROM whatsmeow_app_state_sync_keys
    WHERE business_id = $1 AND jid = $2 AND key_id = $3";
const APP_STATE_VERSION: &str = "
    SELECT version, hash FROM whatsmeow_app_state_version
    WHERE business_id = $1 AND jid = $2 AND name = $3";
const APP_STATE_MAC: &str = "
    SELECT version, value_mac FROM whatsmeow_app_state_mutation_macs
    WHERE business_id = $1 AND jid = $2 AND name = $3 AND index_mac = $4
    ORDER BY version DESC LIMIT 1";

/// The rows found under some keys.
#[derive(Debug, Default)]
pub struct Read {
    /// In the order of the keys. `None` for a row that does not exist or cannot be decoded.
    pub rows: Vec<(RowKey, Option<Row>)>,
    /// The tables of rows that could not be decoded. Such a row counts as absent: it is fetched,
    /// learned or created again, and the new row replaces the unreadable one.
    pub unreadable: Vec<&'static str>,
}

impl Store {
    /// Returns the rows of the given keys, in order; `None` for rows that do not exist.
    pub async fn read(
        &self,
        owner: &Owner,
        keys: &[RowKey],
    ) -> Result<Vec<(RowKey, Option<Row>)>, StoreError> {
        Ok(self.look_up(owner, keys).await?.rows)
    }

    /// Returns the rows of the given keys, and the tables of those that cannot be decoded.
    pub async fn look_up(&self, owner: &Owner, keys: &[RowKey]) -> Result<Read, StoreError> {
        let mut found = Read::default();
        for keys in keys.chunks(READ_KEYS_MAX) {
            let queries = keys.iter().map(|key| select(owner, key)).collect();
            let rows = self.db.first_rows(queries).await?;
            for (key, row) in keys.iter().zip(rows) {
                let Some(row) = row else {
                    found.rows.push((key.clone(), None));
                    continue;
                };
                let row = match decode(key, &row) {
                    Err(StoreError::Corrupt { table, .. }) if may_be_absent(key) => {
                        found.unreadable.push(table);
                        undecodable(key, &row)
                    }
                    row => Some(row?),
                };
                found.rows.push((key.clone(), row));
            }
        }
        Ok(found)
    }

    /// Returns the other address of a person: the phone number of a LID, or the LID of a phone
    /// number. `None` if it is not known.
    pub async fn other_name(
        &self,
        tenant: &TenantId,
        jid: &Jid,
    ) -> Result<Option<Jid>, StoreError> {
        let (sql, named): (_, fn(String) -> Jid) = match jid.server {
            Server::Lid | Server::HostedLid => (PN_OF, |user| Jid::user(user)),
            Server::User | Server::Legacy | Server::Hosted => (LID_OF, |user| Jid::lid(user)),
            _ => return Ok(None),
        };
        let row = self.db.row(sql, args![tenant.as_str(), jid.user.as_str()]);
        let user = row.await?.map(|row| row.column("whatsmeow_lid_map", 0));
        Ok(user.transpose()?.map(named))
    }

    /// Returns one message of the outbox; `None` if the id is unknown.
    pub async fn outbox_row(
        &self,
        tenant: &TenantId,
        id: &MessageId,
    ) -> Result<Option<crate::session::rows::OutboxRow>, StoreError> {
        let row = self
            .db
            .row(outbox::ROW, args![tenant.as_str(), id.as_str()])
            .await?;
        row.map(|row| outbox::decode(&row)).transpose()
    }
}

/// Returns whether an undecodable row may count as absent. An outbox row may not, because an
/// application asked for that message.
fn may_be_absent(key: &RowKey) -> bool {
    !matches!(key, RowKey::Outbox(_))
}

/// Returns what identifies an undecodable row that is the next of a queue. If it counted as absent,
/// it would block the rows behind it forever.
fn undecodable(key: &RowKey, row: &Stored) -> Option<Row> {
    match key {
        RowKey::NextHistory => {
            let dedupe = row.column("wmctl_history", 0).ok()?;
            Some(Row::SpoiltHistory(Dedupe(dedupe)))
        }
        _ => None,
    }
}

fn select(owner: &Owner, key: &RowKey) -> (&'static str, Vec<Val>) {
    let tenant = owner.tenant.as_str();
    let our = owner.jid.to_string();
    match key {
        RowKey::Ratchet(their) => (RATCHET, args![tenant, our, their.as_str()]),
        RowKey::Identity(their) => (IDENTITY, args![tenant, our, their.as_str()]),
        RowKey::SenderKey { chat, sender } => (
            SENDER_KEY,
            args![tenant, our, chat.to_string(), sender.as_str()],
        ),
        RowKey::SenderKeyShare(chat) => (SENDER_KEY_SHARE, args![tenant, chat.to_string()]),
        RowKey::PreKey(id) => (PRE_KEY, args![tenant, our, *id]),
        RowKey::LidOf(pn) => (LID_OF, args![tenant, pn.user.as_str()]),
        RowKey::PnOf(lid) => (PN_OF, args![tenant, lid.user.as_str()]),
        RowKey::Devices(their) => (DEVICES, args![tenant, their.to_string()]),
        RowKey::Group(chat) => (GROUP, args![tenant, chat.to_string()]),
        RowKey::Contact(their) => (CONTACT, args![tenant, our, their.to_string()]),
        RowKey::Seen(dedupe) => (SEEN, args![tenant, dedupe.0.as_str()]),
        RowKey::Retry(dedupe) => (RETRY, args![tenant, dedupe.0.as_str()]),
        RowKey::NextUnread => (NEXT_UNREAD, args![tenant]),
        RowKey::History(dedupe) | RowKey::HistoryDone(dedupe) => {
            (HISTORY, args![tenant, our, dedupe.0.as_str()])
        }
        RowKey::NextHistory => (NEXT_HISTORY, args![tenant, our]),
        RowKey::Outbox(id) => (outbox::ROW, args![tenant, id.as_str()]),
        RowKey::MessageSecret { chat, sender, id } => {
            let (chat, sender) = (chat.to_string(), sender.to_string());
            (
                MESSAGE_SECRET,
                args![tenant, our, chat, sender, id.as_str()],
            )
        }
        RowKey::PrivacyToken(their) => (PRIVACY_TOKEN, args![tenant, our, their.to_string()]),
        RowKey::ChatSettings(chat) => (CHAT_SETTINGS, args![tenant, our, chat.to_string()]),
        RowKey::AppStateKey(id) => (APP_STATE_KEY, args![tenant, our, id.as_slice()]),
        RowKey::AppStateVersion(name) => (APP_STATE_VERSION, args![tenant, our, name.name()]),
        RowKey::AppStateMac {
            collection,
            index_mac,
        } => (
            APP_STATE_MAC,
            args![tenant, our, collection.name(), &index_mac[..]],
        ),
    }
}

/// A row of an answer, with the name of its table for errors.
struct Found<'a>(&'static str, &'a Stored);

impl Found<'_> {
    fn at<T: Column>(&self, column: usize) -> Result<T, StoreError> {
        self.1.column(self.0, column)
    }

    fn corrupt(&self, column: usize) -> StoreError {
        StoreError::Corrupt {
            table: self.0,
            column,
        }
    }

    fn number<T: TryFrom<i64>>(&self, column: usize) -> Result<T, StoreError> {
        self.at::<i64>(column)?
            .try_into()
            .map_err(|_| self.corrupt(column))
    }

    fn array<const N: usize>(&self, column: usize) -> Result<[u8; N], StoreError> {
        self.at::<Vec<u8>>(column)?
            .try_into()
            .map_err(|_| self.corrupt(column))
    }

    fn parsed<T>(&self, column: usize, parse: fn(&str) -> Option<T>) -> Result<T, StoreError> {
        parse(&self.at::<String>(column)?).ok_or(self.corrupt(column))
    }
}

fn decode(key: &RowKey, row: &Stored) -> Result<Row, StoreError> {
    Ok(match key {
        RowKey::Ratchet(_) => Row::Record(Found("whatsmeow_sessions", row).at(0)?),
        RowKey::SenderKey { .. } => Row::Record(Found("whatsmeow_sender_keys", row).at(0)?),
        RowKey::Identity(_) => Row::Identity(Found("whatsmeow_identity_keys", row).array(0)?),
        RowKey::PreKey(_) => {
            let row = Found("whatsmeow_pre_keys", row);
            let private = Secret::new(row.array(0)?);
            Row::PreKey(PreKeyRow {
                private,
                uploaded: row.at(1)?,
            })
        }
        RowKey::LidOf(_) => Row::User(Jid::lid(Found("whatsmeow_lid_map", row).at::<String>(0)?)),
        RowKey::PnOf(_) => Row::User(Jid::user(Found("whatsmeow_lid_map", row).at::<String>(0)?)),
        RowKey::Contact(_) => Row::Contact(contact(&Found("whatsmeow_contacts", row))?),
        // Only its existence matters.
        RowKey::Seen(_) => Row::Seen(Found("wmctl_event", row).at(0).unwrap_or_default()),
        RowKey::Outbox(_) => Row::Outbox(outbox::decode(row)?),
        RowKey::MessageSecret { .. } => {
            Row::MessageSecret(Found("whatsmeow_message_secrets", row).at(0)?)
        }
        RowKey::PrivacyToken(_) => {
            let row = Found("whatsmeow_privacy_tokens", row);
            Row::PrivacyToken {
                token: row.at(0)?,
                timestamp_s: row.at(1)?,
            }
        }
        RowKey::ChatSettings(_) => {
            let row = Found("whatsmeow_chat_settings", row);
            let (muted_until_s, pinned, archived) = (row.at(0)?, row.at(1)?, row.at(2)?);
            Row::ChatSettings(ChatSettings {
                muted_until_s,
                pinned,
                archived,
            })
        }
        RowKey::Retry(_) => Row::Retry(retry(&Found("wmctl_retry", row))?),
        RowKey::NextUnread => Row::Unread(Dedupe(Found("wmctl_retry", row).at(0)?)),
        RowKey::History(_) | RowKey::HistoryDone(_) | RowKey::NextHistory => {
            let row = Found("wmctl_history", row);
            Row::History(HistoryRow {
                dedupe: Dedupe(row.at(0)?),
                at_ms: row.at(1)?,
                notification: row.at(2)?,
                done: row.number(3)?,
                failures: row.number(4)?,
            })
        }
        RowKey::SenderKeyShare(_) | RowKey::Devices(_) | RowKey::Group(_) => cached(key, row)?,
        RowKey::AppStateKey(_) | RowKey::AppStateVersion(_) | RowKey::AppStateMac { .. } => {
            app_state(key, row)?
        }
    })
}

fn contact(row: &Found<'_>) -> Result<Contact, StoreError> {
    Ok(Contact {
        first_name: row.at(0)?,
        full_name: row.at(1)?,
        push_name: row.at(2)?,
        business_name: row.at(3)?,
        redacted_phone: row.at(4)?,
    })
}

fn retry(row: &Found<'_>) -> Result<RetryRow, StoreError> {
    let (chat, asked): (Option<String>, bool) = (row.at(2)?, row.at(5)?);
    let unread = match chat {
        None => None,
        Some(_) => Some(Unread {
            chat: row.parsed(2, |text| text.parse().ok())?,
            sender: row.parsed(3, |text| text.parse().ok())?,
            id: row.parsed(4, |text| text.parse().ok())?,
            asked,
        }),
    };
    Ok(RetryRow {
        count: row.number(0)?,
        first_ms: row.at(1)?,
        unread,
    })
}

/// Decodes data cached from the server, which is stored as JSON lists.
fn cached(key: &RowKey, row: &Stored) -> Result<Row, StoreError> {
    Ok(match key {
        RowKey::SenderKeyShare(_) => {
            let row = Found("wmctl_sender_key_share", row);
            let devices = row.parsed(1, encoding::parse_addresses)?;
            Row::SenderKeyShare(SenderKeyShare {
                key_id: row.number(0)?,
                devices,
            })
        }
        RowKey::Devices(_) => {
            let row = Found("wmctl_device_list", row);
            let devices = row.parsed(0, encoding::parse_devices)?;
            Row::Devices(DeviceList {
                devices,
                fetched_ms: row.at(1)?,
            })
        }
        _ => {
            let row = Found("wmctl_group", row);
            Row::Group(GroupInfo {
                subject: row.at(0)?,
                addressing: row.parsed(1, encoding::parse_addressing)?,
                participants: row.parsed(2, encoding::parse_participants)?,
                fetched_ms: row.at(3)?,
            })
        }
    })
}

fn app_state(key: &RowKey, row: &Stored) -> Result<Row, StoreError> {
    Ok(match key {
        RowKey::AppStateKey(_) => {
            let row = Found("whatsmeow_app_state_sync_keys", row);
            let (data, fingerprint, timestamp) = (row.at(0)?, row.at(1)?, row.at(2)?);
            Row::AppStateKey(AppStateKey {
                data,
                fingerprint,
                timestamp,
            })
        }
        RowKey::AppStateVersion(_) => {
            let row = Found("whatsmeow_app_state_version", row);
            Row::AppStateVersion {
                version: row.number(0)?,
                hash: row.at(1)?,
            }
        }
        _ => {
            let row = Found("whatsmeow_app_state_mutation_macs", row);
            Row::AppStateMac {
                version: row.number(0)?,
                value_mac: row.array(1)?,
            }
        }
    })
}
