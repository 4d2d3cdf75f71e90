//! One record: an encrypted index and value with two MACs.
//!
//! Source: whatsmeow 33cfac51 `appstate/decode.go`, `appstate/encode.go`, `appstate/hash.go`.

use prost::Message as _;
use wmctl_proto::appstate::syncd_mutation::SyncdOperation;
use wmctl_proto::appstate::{
    KeyId, SyncActionData, SyncActionValue, SyncdIndex, SyncdMutation, SyncdRecord, SyncdValue,
};

use crate::appstate::AppStateError;
use crate::appstate::keys::{KeyRing, Keys};
use crate::crypto::cbc::{self, BLOCK_BYTES};
use crate::crypto::mac;
use crate::crypto::random::{self, Random};

/// Length of the MACs, in bytes.
pub const MAC_BYTES: usize = 32;
/// Maximum size of a value including its MAC, in bytes.
const VALUE_BYTES_MAX: usize = 1 << 20;
/// Maximum size of an index in bytes, and maximum number of its parts; real ones have up to six.
const INDEX_BYTES_MAX: usize = 16 << 10;
const INDEX_PARTS_MAX: usize = 16;

/// The effect of a mutation on its record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Set,
    Remove,
}

impl Operation {
    /// Returns the byte that represents it in MACs.
    fn byte(self) -> u8 {
        match self {
            Self::Set => 1,
            Self::Remove => 2,
        }
    }

    /// Returns the operation of a mutation; a missing one means `Set`.
    pub(super) fn of(mutation: &SyncdMutation) -> Result<Self, AppStateError> {
        match mutation.operation.map(SyncdOperation::try_from) {
            None | Some(Ok(SyncdOperation::Set)) => Ok(Self::Set),
            Some(Ok(SyncdOperation::Remove)) => Ok(Self::Remove),
            Some(Err(_)) => Err(AppStateError::Malformed("operation")),
        }
    }
}

/// A decrypted action.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    pub operation: Operation,
    /// The subject: a kind, usually followed by a chat.
    pub index: Vec<String>,
    pub value: SyncActionValue,
    /// The version of this kind of action.
    pub version: i32,
}

/// A decrypted record.
#[derive(Clone, Debug, PartialEq)]
pub struct Mutation {
    /// `None` for authentic bytes that we cannot interpret. They count for the hash and have no
    /// effect.
    pub action: Option<Action>,
    pub operation: Operation,
    pub index_mac: [u8; MAC_BYTES],
    pub value_mac: [u8; MAC_BYTES],
}

/// The parts of an encrypted record, with checked lengths.
pub(super) struct Parts<'a> {
    pub(super) key_id: &'a [u8],
    pub(super) index_mac: [u8; MAC_BYTES],
    iv: &'a [u8; BLOCK_BYTES],
    /// IV and ciphertext.
    sealed: &'a [u8],
    pub(super) value_mac: [u8; MAC_BYTES],
}

impl<'a> Parts<'a> {
    /// Splits an encrypted record into its parts.
    pub(super) fn of(record: &'a SyncdRecord) -> Result<Self, AppStateError> {
        let index = record.index.as_ref().and_then(|index| index.blob.as_ref());
        let index_mac = index
            .and_then(|blob| blob.as_slice().try_into().ok())
            .ok_or(AppStateError::Malformed("index"))?;
        let value = record.value.as_ref().and_then(|value| value.blob.as_ref());
        let (sealed, value_mac) = value
            .filter(|blob| blob.len() <= VALUE_BYTES_MAX)
            .and_then(|blob| blob.split_last_chunk::<MAC_BYTES>())
            .ok_or(AppStateError::Malformed("value"))?;
        let iv = sealed
            .first_chunk()
            .ok_or(AppStateError::Malformed("value"))?;
        Ok(Self {
            key_id: key_id(record.key_id.as_ref())?,
            index_mac,
            iv,
            sealed,
            value_mac: *value_mac,
        })
    }
}

/// Returns the bytes of a key id.
pub(super) fn key_id(id: Option<&KeyId>) -> Result<&[u8], AppStateError> {
    id.and_then(|id| id.id.as_deref())
        .filter(|id| !id.is_empty() && id.len() <= 64)
        .ok_or(AppStateError::Malformed("key id"))
}

fn value_mac(keys: &Keys, operation: Operation, id: &[u8], sealed: &[u8]) -> [u8; MAC_BYTES] {
    let length = u64::try_from(id.len() + 1)
        .unwrap_or(u64::MAX)
        .to_be_bytes();
    let parts = [&[operation.byte()], id, sealed, &length];
    let mac = mac::hmac_sha512(keys.value_mac.expose(), &parts);
    *mac.first_chunk().expect("half of an HMAC-SHA512")
}

/// Verifies and decrypts one record.
pub(super) fn decode(
    operation: Operation,
    parts: &Parts<'_>,
    ring: &KeyRing,
) -> Result<Mutation, AppStateError> {
    let keys = ring.get(parts.key_id)?;
    let expected = value_mac(keys, operation, parts.key_id, parts.sealed);
    if !mac::verify(&expected, &parts.value_mac) {
        return Err(AppStateError::ValueMac);
    }
    let plain = cbc::decrypt(keys.value.expose(), parts.iv, &parts.sealed[BLOCK_BYTES..]).ok();
    let data = plain.and_then(|plain| SyncActionData::decode(&plain[..]).ok());
    let mut action = None;
    if let Some(data) = data {
        let index = data.index.unwrap_or_default();
        let expected = mac::hmac_sha256(keys.index.expose(), &[&index]);
        if !mac::verify(&expected, &parts.index_mac) {
            return Err(AppStateError::IndexMac);
        }
        action = parse_index(&index).map(|index| Action {
            operation,
            index,
            value: data.value.unwrap_or_default(),
            version: data.version.unwrap_or(0),
        });
    }
    Ok(Mutation {
        action,
        operation,
        index_mac: parts.index_mac,
        value_mac: parts.value_mac,
    })
}

fn parse_index(index: &[u8]) -> Option<Vec<String>> {
    if INDEX_BYTES_MAX < index.len() {
        return None;
    }
    let parts: Vec<String> = serde_json::from_slice(index).ok()?;
    (!parts.is_empty() && parts.len() <= INDEX_PARTS_MAX).then_some(parts)
}

/// Encrypts and authenticates one record.
pub fn encode(action: &Action, id: &[u8], keys: &Keys, rng: &mut dyn Random) -> SyncdMutation {
    let index = serde_json::Value::from(action.index.clone()).to_string();
    let data = SyncActionData {
        index: Some(index.clone().into_bytes()),
        value: Some(action.value.clone()),
        padding: Some(Vec::new()),
        version: Some(action.version),
    };
    let iv = random::bytes(rng);
    let mut blob = iv.to_vec();
    blob.extend(cbc::encrypt(
        keys.value.expose(),
        &iv,
        &data.encode_to_vec(),
    ));
    let value_mac = value_mac(keys, action.operation, id, &blob);
    blob.extend(value_mac);
    let index_mac = mac::hmac_sha256(keys.index.expose(), &[index.as_bytes()]);
    let operation = match action.operation {
        Operation::Set => SyncdOperation::Set,
        Operation::Remove => SyncdOperation::Remove,
    };
    SyncdMutation {
        operation: Some(operation.into()),
        record: Some(SyncdRecord {
            index: Some(SyncdIndex {
                blob: Some(index_mac.to_vec()),
            }),
            value: Some(SyncdValue { blob: Some(blob) }),
            key_id: Some(KeyId {
                id: Some(id.to_vec()),
            }),
        }),
    }
}
