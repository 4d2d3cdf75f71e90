//! The JSON that Baileys writes. This module only parses: it returns values of the right type, or
//! an error that says where something is wrong, but never quotes it.
//!
//! Byte strings are accepted in each form that Node.js writes: base64, a `Buffer` with base64 or
//! with numbers, and an object whose keys are numbers.

use std::fmt;
use std::marker::PhantomData;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde::de::{self, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use zeroize::Zeroizing;

const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A byte string.
#[derive(Default)]
pub(super) struct Bytes(pub(super) Zeroizing<Vec<u8>>);

/// An object whose entries keep their order.
pub(super) struct Entries<T>(pub(super) Vec<(String, T)>);

/// A number: as a JSON number, as text, or as two halves.
#[derive(Clone, Copy, Default)]
pub(super) struct Number(pub(super) i64);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Creds {
    pub(super) noise_key: Option<Pair>,
    pub(super) signed_identity_key: Option<Pair>,
    pub(super) signed_pre_key: Option<SignedPair>,
    pub(super) registration_id: Option<Number>,
    pub(super) adv_secret_key: Option<Bytes>,
    pub(super) next_pre_key_id: Option<Number>,
    pub(super) first_unuploaded_pre_key_id: Option<Number>,
    pub(super) me: Option<Me>,
    pub(super) account: Option<Accepted>,
    pub(super) platform: Option<String>,
    pub(super) routing_info: Option<Bytes>,
}

#[derive(Deserialize)]
pub(super) struct Pair {
    pub(super) private: Bytes,
    pub(super) public: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SignedPair {
    pub(super) key_pair: Pair,
    pub(super) signature: Bytes,
    pub(super) key_id: Number,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Me {
    pub(super) id: String,
    pub(super) lid: Option<String>,
    pub(super) name: Option<String>,
    pub(super) verified_name: Option<String>,
}

/// The signed device identity.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Accepted {
    pub(super) details: Bytes,
    pub(super) account_signature_key: Bytes,
    pub(super) account_signature: Bytes,
    pub(super) device_signature: Bytes,
}

/// All ratchets with one device, keyed by their base keys.
#[derive(Deserialize)]
pub(super) struct Record {
    #[serde(rename = "_sessions")]
    pub(super) sessions: Option<Entries<Session>>,
    pub(super) version: Option<String>,
    /// The registration id, in a record without a version.
    #[serde(rename = "registrationId")]
    pub(super) registration_id: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Session {
    pub(super) registration_id: Option<Number>,
    pub(super) current_ratchet: CurrentRatchet,
    pub(super) index_info: IndexInfo,
    #[serde(rename = "_chains")]
    pub(super) chains: Entries<Chain>,
    pub(super) pending_pre_key: Option<PendingPreKey>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CurrentRatchet {
    pub(super) ephemeral_key_pair: EphemeralPair,
    pub(super) previous_counter: Number,
    pub(super) root_key: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EphemeralPair {
    pub(super) pub_key: Bytes,
    pub(super) priv_key: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IndexInfo {
    pub(super) base_key: Bytes,
    /// -1 while it is open, otherwise when it was closed.
    pub(super) closed: Number,
    pub(super) used: Option<Number>,
    pub(super) remote_identity_key: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Chain {
    pub(super) chain_key: ChainKey,
    /// 1 for our chains, 2 for those of the other side.
    pub(super) chain_type: Number,
    pub(super) message_keys: Entries<Bytes>,
}

#[derive(Deserialize)]
pub(super) struct ChainKey {
    /// The counter of the last message; -1 before the first.
    pub(super) counter: Number,
    /// Absent once the chain was closed.
    pub(super) key: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PendingPreKey {
    pub(super) signed_key_id: Number,
    pub(super) base_key: Bytes,
    pub(super) pre_key_id: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SenderKeyState {
    pub(super) sender_key_id: Number,
    pub(super) sender_chain_key: IterationSeed,
    pub(super) sender_signing_key: SigningKey,
    #[serde(default)]
    pub(super) sender_message_keys: Vec<IterationSeed>,
}

#[derive(Deserialize)]
pub(super) struct IterationSeed {
    pub(super) iteration: Number,
    pub(super) seed: Bytes,
}

#[derive(Deserialize)]
pub(super) struct SigningKey {
    pub(super) public: Bytes,
    pub(super) private: Option<Bytes>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SyncKey {
    pub(super) key_data: Bytes,
    pub(super) fingerprint: Option<Fingerprint>,
    pub(super) timestamp: Option<Number>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fingerprint {
    pub(super) raw_id: Option<u32>,
    pub(super) current_index: Option<u32>,
    #[serde(default)]
    pub(super) device_indexes: Vec<u32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SyncVersion {
    pub(super) version: Number,
    pub(super) hash: Bytes,
    pub(super) index_value_map: Entries<ValueMac>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ValueMac {
    pub(super) value_mac: Bytes,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Token {
    pub(super) token: Option<Bytes>,
    pub(super) timestamp: Option<Number>,
    pub(super) sender_timestamp: Option<Number>,
}

/// The members of a group that have our sender key.
pub(super) type Holders = Entries<Option<bool>>;

/// Decodes base64, with or without padding.
pub(super) fn base64(text: &str) -> Option<Zeroizing<Vec<u8>>> {
    BASE64.decode(text).ok().map(Zeroizing::new)
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BytesVisitor)
    }
}

struct BytesVisitor;

impl<'de> Visitor<'de> for BytesVisitor {
    type Value = Bytes;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bytes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Bytes, E> {
        let bytes = base64(text).ok_or_else(|| E::custom("not base64"))?;
        Ok(Bytes(bytes))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut numbers: A) -> Result<Bytes, A::Error> {
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(byte) = numbers.next_element()? {
            bytes.push(byte);
        }
        Ok(Bytes(bytes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Bytes, A::Error> {
        let (mut data, mut numbered) = (None, Zeroizing::new(Vec::new()));
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "data" | "value" => data = Some(map.next_value::<Bytes>()?),
                key if key.parse() == Ok(numbered.len()) => numbered.push(map.next_value()?),
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(data.unwrap_or(Bytes(numbered)))
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor(PhantomData))
    }
}

struct EntriesVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for EntriesVisitor<T> {
    type Value = Entries<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries<T>, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberVisitor)
    }
}

struct NumberVisitor;

impl<'de> Visitor<'de> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Number, E> {
        Ok(Number(number))
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        let number = i64::try_from(number).map_err(|_| E::custom("too large"))?;
        Ok(Number(number))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Number, E> {
        let number = text.parse().map_err(|_| E::custom("not a number"))?;
        Ok(Number(number))
    }

    /// Reads a 64-bit number of protobuf, for which JavaScript has no number type.
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Number, A::Error> {
        let (mut low, mut high) = (0, 0);
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "low" => low = map.next_value::<i64>()?,
                "high" => high = map.next_value::<i64>()?,
                _ => map.next_value::<IgnoredAny>().map(|_| ())?,
            }
        }
        Ok(Number((high << 32) | (low & 0xFFFF_FFFF)))
    }
}
