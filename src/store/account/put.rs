//! Writes and deletes rows by key, inside a unit of work.

use crate::ids::Address;
use crate::session::rows::{Contact, Row, RowKey};
use crate::store::db::encoding;
use crate::store::db::unit::FencedTransaction;
use crate::store::db::{Val, args};
use crate::store::error::StoreError;
use crate::store::{Owner, outbox};

const RATCHET: &str = "
    INSERT INTO whatsmeow_sessions (business_id, our_jid, their_id, session)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, our_jid, their_id) DO UPDATE SET session = excluded.session";
const IDENTITY: &str = "
    INSERT INTO whatsmeow_identity_keys (business_id, our_jid, their_id, identity)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, our_jid, their_id) DO UPDATE SET identity = excluded.identity";
const SENDER_KEY: &str = "
    INSERT INTO whatsmeow_sender_keys (business_id, our_jid, chat_id, sender_id, sender_key)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (business_id, our_jid, chat_id, sender_id)
    DO UPDATE SET sender_key = excluded.sender_key";
const SENDER_KEY_SHARE: &str = "
    INSERT INTO wmctl_sender_key_share (business_id, chat, key_id, devices)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, chat)
    DO UPDATE SET key_id = excluded.key_id, devices = excluded.devices";
const PRE_KEY: &str = "
    INSERT INTO whatsmeow_pre_keys (business_id, jid, key_id, key, uploaded)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (business_id, jid, key_id)
    DO UPDATE SET key = excluded.key, uploaded = excluded.uploaded";
/// Deletes the old LID of a phone number that moved to another account: both columns are unique.
const LID_MAP_CLEAR: &str = "
    DELETE FROM whatsmeow_lid_map WHERE business_id = $1 AND pn = $3 AND lid <> $2";
pub(in crate::store) const LID_MAP: &str = "
    INSERT INTO whatsmeow_lid_map (business_id, lid, pn) VALUES ($1, $2, $3)
    ON CONFLICT (business_id, lid) DO UPDATE SET pn = excluded.pn";
const DEVICES: &str = "
    INSERT INTO wmctl_device_list (business_id, their_jid, devices, fetched_ms)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, their_jid)
    DO UPDATE SET devices = excluded.devices, fetched_ms = excluded.fetched_ms";
const GROUP: &str = "
    INSERT INTO wmctl_group (business_id, chat, subject, addressing, participants, fetched_ms)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (business_id, chat) DO UPDATE SET subject = excluded.subject,
        addressing = excluded.addressing, participants = excluded.participants,
        fetched_ms = excluded.fetched_ms";
const GROUPS_UNSURE: &str = "UPDATE wmctl_group SET fetched_ms = 0 WHERE business_id = $1";
const UNSHARE_POSTGRES: &str = "
    UPDATE wmctl_sender_key_share SET devices = (
        SELECT CAST(COALESCE(json_agg(d.value), CAST('[]' AS json)) AS TEXT)
        FROM json_array_elements_text(CAST(devices AS json)) d (value) WHERE d.value <> $2)
    WHERE business_id = $1 AND POSITION($2 IN devices) > 0";
const UNSHARE_SQLITE: &str = "
    UPDATE wmctl_sender_key_share SET devices = (
        SELECT json_group_array(d.value) FROM json_each(devices) d WHERE d.value <> $2)
    WHERE business_id = $1 AND INSTR(devices, $2) > 0";
const CONTACT: &str = "
    INSERT INTO whatsmeow_contacts AS c (business_id, our_jid, their_jid, first_name, full_name,
        push_name, business_name, redacted_phone)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (business_id, our_jid, their_jid) DO UPDATE SET
        first_name = COALESCE(excluded.first_name, c.first_name),
        full_name = COALESCE(excluded.full_name, c.full_name),
        push_name = COALESCE(excluded.push_name, c.push_name),
        business_name = COALESCE(excluded.business_name, c.business_name),
        redacted_phone = COALESCE(excluded.redacted_phone, c.redacted_phone)";
const REDACTED_PHONE: &str = "
    INSERT INTO whatsmeow_redacted_phones (business_id, our_jid, their_jid, redacted_phone)
    VALUES ($1, $2, $3, $4)
    ON CONFLICT (business_id, our_jid, their_jid)
    DO UPDATE SET redacted_phone = excluded.redacted_phone";
const RETRY: &str = "
    INSERT INTO wmctl_retry (business_id, dedupe, count, first_ms, chat, sender, message_id, asked)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
    ON CONFLICT (business_id, dedupe)
    DO UPDATE SET count = excluded.count, first_ms = excluded.first_ms, asked = excluded.asked";
const HISTORY: &str = "
    INSERT INTO wmctl_history (business_id, our_jid, dedupe, at_ms, notification)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (business_id, our_jid, dedupe) DO NOTHING";
const HISTORY_DONE: &str = "
    UPDATE wmctl_history SET done = $4, failures = $5
    WHERE business_id = $1 AND our_jid = $2 AND dedupe = $3";
const MESSAGE_SECRET: &str = "
    INSERT INTO whatsmeow_message_secrets (business_id, our_jid, chat_jid, sender_jid, message_id,
        key)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (business_id, our_jid, chat_jid, sender_jid, message_id) DO NOTHING";
const PRIVACY_TOKEN: &str = "
    INSERT INTO whatsmeow_privacy_tokens (business_id, our_jid, their_jid, token, timestamp)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (business_id, our_jid, their_jid)
    DO UPDATE SET token = excluded.token, timestamp = excluded.timestamp";
const CHAT_SETTINGS: &str = "
    INSERT INTO whatsmeow_chat_settings (business_id, our_jid, chat_jid, muted_until, pinned,
        archived)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (business_id, our_jid, chat_jid) DO UPDATE SET muted_until = excluded.muted_until,
        pinned = excluded.pinned, archived = excluded.archived";
const APP_STATE_KEY: &str = "
    INSERT INTO whatsmeow_app_state_sync_keys (business_id, jid, key_id, key_data, fingerprint,
        timestamp)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (business_id, jid, key_id) DO UPDATE SET key_data = excluded.key_data,
        fingerprint = excluded.fingerprint, timestamp = excluded.timestamp";
const APP_STATE_VERSION: &str = "
    INSERT INTO whatsmeow_app_state_version (business_id, jid, name, version, hash)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (business_id, jid, name)
    DO UPDATE SET version = excluded.version, hash = excluded.hash";
const APP_STATE_MAC: &str = "
    INSERT INTO whatsmeow_app_state_mutation_macs (business_id, jid, name, version, index_mac,
        value_mac)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (business_id, jid, name, version, index_mac)
    DO UPDATE SET value_mac = excluded.value_mac";

/// Writes one row. Returns [`StoreError::Refused`] if key and row are of different kinds, which is
/// a bug of the caller.
pub(in crate::store) async fn put(
    unit: &mut FencedTransaction,
    owner: &Owner,
    key: &RowKey,
    row: &Row,
) -> Result<(), StoreError> {
    match (key, row) {
        (RowKey::LidOf(pn), Row::User(lid)) | (RowKey::PnOf(lid), Row::User(pn)) => {
            let pair = || args![owner.tenant.as_str(), lid.user.as_str(), pn.user.as_str()];
            unit.run(LID_MAP_CLEAR, pair()).await?;
            unit.run(LID_MAP, pair()).await?;
        }
        (RowKey::Contact(their), Row::Contact(contact)) => {
            put_contact(unit, owner, &their.to_string(), contact).await?;
        }
        (RowKey::Outbox(_), Row::Outbox(message)) => outbox::update(unit, owner, message).await?,
        _ => {
            let (sql, values) = upsert(owner, key, row).ok_or_else(|| mismatch(key))?;
            unit.run(sql, values).await?;
        }
    }
    Ok(())
}

/// Marks the cached members of every group as outdated, so that they are requested again before the
/// next send.
pub(in crate::store) async fn groups_unsure(
    unit: &mut FencedTransaction,
    owner: &Owner,
) -> Result<(), StoreError> {
    unit.run(GROUPS_UNSURE, args![owner.tenant.as_str()])
        .await?;
    Ok(())
}

/// Removes devices from the lists of those that have our sender keys.
pub(in crate::store) async fn unshare(
    unit: &mut FencedTransaction,
    owner: &Owner,
    devices: &[Address],
) -> Result<(), StoreError> {
    let sql = match unit {
        FencedTransaction::Sqlite { .. } => UNSHARE_SQLITE,
        FencedTransaction::Postgres(_) => UNSHARE_POSTGRES,
    };
    for device in devices {
        let row = args![owner.tenant.as_str(), device.as_str()];
        unit.run(sql, row).await?;
    }
    Ok(())
}

fn mismatch(key: &RowKey) -> StoreError {
    StoreError::Refused(format!("no row of that kind under {key:?}").into())
}

async fn put_contact(
    unit: &mut FencedTransaction,
    owner: &Owner,
    their: &str,
    contact: &Contact,
) -> Result<(), StoreError> {
    let (tenant, our) = (owner.tenant.as_str(), owner.jid.to_string());
    let Contact {
        first_name,
        full_name,
        push_name,
        business_name,
        redacted_phone,
    } = contact.clone();
    if let Some(phone) = &redacted_phone {
        let row = args![tenant, our.as_str(), their, phone.as_str()];
        unit.run(REDACTED_PHONE, row).await?;
    }
    let row = args![
        tenant,
        our,
        their,
        first_name,
        full_name,
        push_name,
        business_name,
        redacted_phone
    ];
    unit.run(CONTACT, row).await?;
    Ok(())
}

/// Returns the statement that writes a row, and its values; `None` if one statement is not enough.
pub(in crate::store) fn upsert(
    owner: &Owner,
    key: &RowKey,
    row: &Row,
) -> Option<(&'static str, Vec<Val>)> {
    let tenant = owner.tenant.as_str();
    let our = owner.jid.to_string();
    Some(match (key, row) {
        (RowKey::Ratchet(their), Row::Record(record)) => (
            RATCHET,
            args![tenant, our, their.as_str(), record.as_slice()],
        ),
        (RowKey::Identity(their), Row::Identity(identity)) => {
            (IDENTITY, args![tenant, our, their.as_str(), &identity[..]])
        }
        (RowKey::SenderKey { chat, sender }, Row::Record(record)) => {
            let chat = chat.to_string();
            (
                SENDER_KEY,
                args![tenant, our, chat, sender.as_str(), record.as_slice()],
            )
        }
        (RowKey::SenderKeyShare(chat), Row::SenderKeyShare(share)) => {
            let devices = encoding::addresses(&share.devices);
            (
                SENDER_KEY_SHARE,
                args![tenant, chat.to_string(), share.key_id, devices],
            )
        }
        (RowKey::PreKey(id), Row::PreKey(pre_key)) => {
            let private = &pre_key.private.expose()[..];
            (PRE_KEY, args![tenant, our, *id, private, pre_key.uploaded])
        }
        (RowKey::Devices(their), Row::Devices(list)) => {
            let devices = encoding::devices(&list.devices);
            (
                DEVICES,
                args![tenant, their.to_string(), devices, list.fetched_ms],
            )
        }
        (RowKey::Group(chat), Row::Group(group)) => {
            let participants = encoding::participants(&group.participants);
            let addressing = encoding::addressing(group.addressing);
            let subject = group.subject.as_str();
            let chat = chat.to_string();
            (
                GROUP,
                args![
                    tenant,
                    chat,
                    subject,
                    addressing,
                    participants,
                    group.fetched_ms
                ],
            )
        }
        (RowKey::Retry(dedupe), Row::Retry(retry)) => {
            let unread = retry.unread.as_ref();
            let row = args![
                tenant,
                dedupe.0.as_str(),
                retry.count,
                retry.first_ms,
                unread.map(|unread| unread.chat.to_string()),
                unread.map(|unread| unread.sender.to_string()),
                unread.map(|unread| unread.id.to_string()),
                unread.is_some_and(|unread| unread.asked)
            ];
            (RETRY, row)
        }
        (RowKey::History(_), Row::History(history)) => {
            let dedupe = history.dedupe.0.as_str();
            let notification = history.notification.as_slice();
            (
                HISTORY,
                args![tenant, our, dedupe, history.at_ms, notification],
            )
        }
        (RowKey::HistoryDone(dedupe), Row::HistoryDone { done, failures }) => {
            let done = i64::try_from(*done).ok()?;
            (
                HISTORY_DONE,
                args![tenant, our, dedupe.0.as_str(), done, *failures],
            )
        }
        (RowKey::MessageSecret { chat, sender, id }, Row::MessageSecret(secret)) => {
            let (chat, sender) = (chat.to_string(), sender.to_string());
            (
                MESSAGE_SECRET,
                args![tenant, our, chat, sender, id.as_str(), secret.as_slice()],
            )
        }
        (RowKey::PrivacyToken(their), Row::PrivacyToken { token, timestamp_s }) => {
            let their = their.to_string();
            (
                PRIVACY_TOKEN,
                args![tenant, our, their, token.as_slice(), *timestamp_s],
            )
        }
        (RowKey::ChatSettings(chat), Row::ChatSettings(set)) => {
            let chat = chat.to_string();
            let row = args![
                tenant,
                our,
                chat,
                set.muted_until_s,
                set.pinned,
                set.archived
            ];
            (CHAT_SETTINGS, row)
        }
        _ => return upsert_app_state(owner, key, row),
    })
}

fn upsert_app_state(owner: &Owner, key: &RowKey, row: &Row) -> Option<(&'static str, Vec<Val>)> {
    let tenant = owner.tenant.as_str();
    let our = owner.jid.to_string();
    Some(match (key, row) {
        (RowKey::AppStateKey(id), Row::AppStateKey(key)) => {
            let (data, print) = (key.data.as_slice(), key.fingerprint.as_slice());
            (
                APP_STATE_KEY,
                args![tenant, our, id.as_slice(), data, print, key.timestamp],
            )
        }
        (RowKey::AppStateVersion(name), Row::AppStateVersion { version, hash }) => {
            let version = i64::try_from(*version).ok()?;
            let name = name.name();
            (
                APP_STATE_VERSION,
                args![tenant, our, name, version, hash.as_slice()],
            )
        }
        (
            RowKey::AppStateMac {
                collection,
                index_mac,
            },
            Row::AppStateMac { version, value_mac },
        ) => {
            let version = i64::try_from(*version).ok()?;
            let name = collection.name();
            (
                APP_STATE_MAC,
                args![tenant, our, name, version, &index_mac[..], &value_mac[..]],
            )
        }
        _ => return None,
    })
}

/// Deletes one row, if it exists. Units of work do not delete events or outbox rows.
pub(in crate::store) async fn delete(
    unit: &mut FencedTransaction,
    owner: &Owner,
    key: &RowKey,
) -> Result<(), StoreError> {
    let (sql, values) = deletion(owner, key).ok_or_else(|| mismatch(key))?;
    unit.run(sql, values).await?;
    Ok(())
}

fn deletion(owner: &Owner, key: &RowKey) -> Option<(&'static str, Vec<Val>)> {
    let tenant = owner.tenant.as_str();
    let our = owner.jid.to_string();
    Some(match key {
        RowKey::Ratchet(their) => (
            "DELETE FROM whatsmeow_sessions
             WHERE business_id = $1 AND our_jid = $2 AND their_id = $3",
            args![tenant, our, their.as_str()],
        ),
        RowKey::Identity(their) => (
            "DELETE FROM whatsmeow_identity_keys
             WHERE business_id = $1 AND our_jid = $2 AND their_id = $3",
            args![tenant, our, their.as_str()],
        ),
        RowKey::SenderKey { chat, sender } => (
            "DELETE FROM whatsmeow_sender_keys
             WHERE business_id = $1 AND our_jid = $2 AND chat_id = $3 AND sender_id = $4",
            args![tenant, our, chat.to_string(), sender.as_str()],
        ),
        RowKey::SenderKeyShare(chat) => (
            "DELETE FROM wmctl_sender_key_share WHERE business_id = $1 AND chat = $2",
            args![tenant, chat.to_string()],
        ),
        RowKey::PreKey(id) => (
            "DELETE FROM whatsmeow_pre_keys WHERE business_id = $1 AND jid = $2 AND key_id = $3",
            args![tenant, our, *id],
        ),
        RowKey::LidOf(pn) => (
            "DELETE FROM whatsmeow_lid_map WHERE business_id = $1 AND pn = $2",
            args![tenant, pn.user.as_str()],
        ),
        RowKey::PnOf(lid) => (
            "DELETE FROM whatsmeow_lid_map WHERE business_id = $1 AND lid = $2",
            args![tenant, lid.user.as_str()],
        ),
        RowKey::Devices(their) => (
            "DELETE FROM wmctl_device_list WHERE business_id = $1 AND their_jid = $2",
            args![tenant, their.to_string()],
        ),
        RowKey::Group(chat) => (
            "DELETE FROM wmctl_group WHERE business_id = $1 AND chat = $2",
            args![tenant, chat.to_string()],
        ),
        RowKey::Retry(dedupe) => (
            "DELETE FROM wmctl_retry WHERE business_id = $1 AND dedupe = $2",
            args![tenant, dedupe.0.as_str()],
        ),
        RowKey::History(dedupe) => (
            "DELETE FROM wmctl_history WHERE business_id = $1 AND our_jid = $2 AND dedupe = $3",
            args![tenant, our, dedupe.0.as_str()],
        ),
        RowKey::Seen(_) | RowKey::Outbox(_) => return None,
        _ => return deletion_of_settings(owner, key),
    })
}

fn deletion_of_settings(owner: &Owner, key: &RowKey) -> Option<(&'static str, Vec<Val>)> {
    let tenant = owner.tenant.as_str();
    let our = owner.jid.to_string();
    Some(match key {
        RowKey::Contact(their) => (
            "DELETE FROM whatsmeow_contacts
             WHERE business_id = $1 AND our_jid = $2 AND their_jid = $3",
            args![tenant, our, their.to_string()],
        ),
        RowKey::MessageSecret { chat, sender, id } => (
            "DELETE FROM whatsmeow_message_secrets WHERE business_id = $1 AND our_jid = $2
             AND chat_jid = $3 AND sender_jid = $4 AND message_id = $5",
            args![
                tenant,
                our,
                chat.to_string(),
                sender.to_string(),
                id.as_str()
            ],
        ),
        RowKey::PrivacyToken(their) => (
            "DELETE FROM whatsmeow_privacy_tokens
             WHERE business_id = $1 AND our_jid = $2 AND their_jid = $3",
            args![tenant, our, their.to_string()],
        ),
        RowKey::ChatSettings(chat) => (
            "DELETE FROM whatsmeow_chat_settings
             WHERE business_id = $1 AND our_jid = $2 AND chat_jid = $3",
            args![tenant, our, chat.to_string()],
        ),
        RowKey::AppStateKey(id) => (
            "DELETE FROM whatsmeow_app_state_sync_keys
             WHERE business_id = $1 AND jid = $2 AND key_id = $3",
            args![tenant, our, id.as_slice()],
        ),
        RowKey::AppStateVersion(name) => (
            "DELETE FROM whatsmeow_app_state_version
             WHERE business_id = $1 AND jid = $2 AND name = $3",
            args![tenant, our, name.name()],
        ),
        RowKey::AppStateMac {
            collection,
            index_mac,
        } => (
            "DELETE FROM whatsmeow_app_state_mutation_macs
             WHERE business_id = $1 AND jid = $2 AND name = $3 AND index_mac = $4",
            args![tenant, our, collection.name(), &index_mac[..]],
        ),
        _ => return None,
    })
}
