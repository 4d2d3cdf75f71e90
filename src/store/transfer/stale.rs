//! Removes records of earlier logs from an export: another client would encrypt with records that
//! may only decrypt here.

use crate::ids::TenantId;
use crate::signal::sender_key::SenderKey;
use crate::signal::{ratchet, stamp};
use crate::store::account::log;
use crate::store::db::{Tx, args};
use crate::store::error::StoreError;

const SESSIONS: &str = "SELECT their_id, session FROM whatsmeow_sessions WHERE business_id = $1";
const SENDER_KEYS: &str = "
    SELECT chat_id, sender_id, sender_key FROM whatsmeow_sender_keys WHERE business_id = $1";
const DELETE_SESSION: &str = "DELETE FROM whatsmeow_sessions WHERE their_id = $1";
const DELETE_SENDER_KEY: &str = "
    DELETE FROM whatsmeow_sender_keys WHERE chat_id = $1 AND sender_id = $2";

/// Deletes, from an export of one account, sessions that were written in an earlier log or have
/// ended, and our own sender keys of an earlier log. Returns the numbers of deleted sessions and
/// sender keys. The other client fetches new keys for its next message.
pub(super) async fn drop_stale(
    source: &mut Tx,
    target: &mut Tx,
    tenant: &TenantId,
) -> Result<(u64, u64), StoreError> {
    let (mut sessions, mut sender_keys) = (0, 0);
    let log = u64::try_from(log::highest(source, tenant).await?).unwrap_or(0);
    if log == 0 {
        return Ok((sessions, sender_keys));
    }
    for row in source.rows(SESSIONS, args![tenant.as_str()]).await? {
        let record: Option<Vec<u8>> = row.column("whatsmeow_sessions", 1)?;
        let record = record.unwrap_or_default();
        if stamp::of(&record) < log || ratchet::is_ended(&record) {
            let their: String = row.column("whatsmeow_sessions", 0)?;
            sessions += target.run(DELETE_SESSION, args![their]).await?;
        }
    }
    for row in source.rows(SENDER_KEYS, args![tenant.as_str()]).await? {
        let record: Option<Vec<u8>> = row.column("whatsmeow_sender_keys", 2)?;
        let record = record.unwrap_or_default();
        let ours = SenderKey::decode(&record).is_ok_and(|key| key.is_ours());
        if ours && stamp::of(&record) < log {
            let chat: String = row.column("whatsmeow_sender_keys", 0)?;
            let sender: String = row.column("whatsmeow_sender_keys", 1)?;
            sender_keys += target.run(DELETE_SENDER_KEY, args![chat, sender]).await?;
        }
    }
    Ok((sessions, sender_keys))
}
