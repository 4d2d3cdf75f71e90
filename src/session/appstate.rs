//! App state: settings and names that the phone shares with its companions.

use prost::Message as _;
use wmctl_proto::message::AppStateSyncKeyShare;

use crate::session::machine::Session;
use crate::session::rows::{AppStateKey, Row, RowKey};
use crate::session::unit::Unit;

/// Most keys that one message may bring.
const KEYS_MAX: usize = 256;

impl Session {
    /// The phone shares the keys that the collections are encrypted with.
    pub(super) fn take_app_state_keys(&mut self, unit: &mut Unit<'_>, share: AppStateSyncKeyShare) {
        for key in share.keys.into_iter().take(KEYS_MAX) {
            let id = key.key_id.and_then(|id| id.key_id);
            let Some((id, data)) = id.zip(key.key_data) else {
                continue;
            };
            let row = AppStateKey {
                data: data.key_data.unwrap_or_default(),
                fingerprint: data.fingerprint.unwrap_or_default().encode_to_vec(),
                timestamp: data.timestamp.unwrap_or(0),
            };
            unit.put(RowKey::AppStateKey(id), Row::AppStateKey(row));
        }
    }
}
