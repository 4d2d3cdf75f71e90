//! Ratchets and sender keys in whatsmeow's form, which is JSON where ours is protobuf.
//!
//! Both forms hold the same keys in the same columns. Our database always stores protobuf. The JSON
//! form is read when an account comes from whatsmeow, and written when it goes there. Field order,
//! spelling and base64 are those of Go's encoder, so that a record that comes back has the same
//! bytes.
//!
//! Three things differ. In JSON, another device's sender key has a private half of zeros; in
//! protobuf it has none. For a group message, JSON stores the derived keys beside the seed. If the
//! first base key of a ratchet is unknown, JSON stores our identity key in that place. The field
//! must not be empty there, and no ratchet begins with our identity key.
//!
//! WhatsApp does not use key exchange without pre-keys (`PendingKeyExchange`, `NeedsRefresh`), so
//! these fields are not imported.
//!
//! Source: libsignal-protocol-go cabf8159 `serialize/ProtoBufferSerializer.go` and
//! `serialize/JSONSerializer.go`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use serde::de::{Error as _, IgnoredAny};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use wmctl_proto::records::sender_key_state_structure::{
    SenderChainKey, SenderMessageKey, SenderSigningKey,
};
use wmctl_proto::records::session_structure::chain::{ChainKey, MessageKey};
use wmctl_proto::records::session_structure::{Chain, PendingPreKey};
use wmctl_proto::records::{
    RecordStructure, SenderKeyRecordStructure, SenderKeyStateStructure, SessionStructure,
};

use crate::signal::ratchet::Ratchet;
use crate::signal::sender_key::{self, SenderKey};

#[cfg(test)]
mod tests;

/// The content of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Ratchet,
    SenderKey,
}

/// The encoding of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Our encoding.
    Protobuf,
    /// whatsmeow's encoding.
    Json,
}

impl Form {
    /// Returns the encoding of these bytes. None of our records begins with a brace.
    pub(super) fn of(record: &[u8]) -> Self {
        let first = record.iter().find(|byte| !byte.is_ascii_whitespace());
        match first {
            Some(b'{') => Self::Json,
            _ => Self::Protobuf,
        }
    }
}

impl Kind {
    /// Returns the content of a column; `None` if it is not a record.
    pub(super) fn of(table: &str, column: &str) -> Option<Self> {
        match (table, column) {
            ("whatsmeow_sessions", "session") => Some(Self::Ratchet),
            ("whatsmeow_sender_keys", "sender_key") => Some(Self::SenderKey),
            _ => None,
        }
    }

    /// Converts a record to the given form, or returns what is wrong with it. A record that has
    /// this form already is returned unchanged. `None` means that the other client is better off
    /// without the record.
    pub(super) fn convert(
        self,
        record: Vec<u8>,
        to: Form,
    ) -> Result<Option<Vec<u8>>, &'static str> {
        let from = Form::of(&record);
        let ours = match from {
            Form::Protobuf => None,
            Form::Json => Some(self.read_json(&record).ok_or(self.undecodable())?),
        };
        let whole = self.checked(ours.as_deref().unwrap_or(&record))?;
        match to {
            to if to == from => Ok(Some(record)),
            Form::Protobuf => Ok(Some(whole)),
            Form::Json => Ok(self.write_json(&whole)),
        }
    }

    /// Returns the record as we would write it ourselves.
    fn checked(self, record: &[u8]) -> Result<Vec<u8>, &'static str> {
        match self {
            Self::Ratchet => match Ratchet::decode(record) {
                Err(_) => Err(self.undecodable()),
                // Such a record decrypts nothing: the program that wrote it has lost data.
                Ok(ratchet) if ratchet == Ratchet::default() => Err("the ratchet is empty"),
                Ok(ratchet) => Ok(ratchet.encode()),
            },
            Self::SenderKey => match SenderKey::decode(record) {
                Err(_) => Err(self.undecodable()),
                Ok(key) if key.id().is_none() => Err("the sender key is empty"),
                Ok(key) => Ok(key.encode()),
            },
        }
    }

    const fn undecodable(self) -> &'static str {
        match self {
            Self::Ratchet => "the ratchet cannot be decoded",
            Self::SenderKey => "the sender key cannot be decoded",
        }
    }

    fn read_json(self, record: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ratchet => {
                let form: RatchetForm = serde_json::from_slice(record).ok()?;
                Some(RecordStructure::from(form).encode_to_vec())
            }
            Self::SenderKey => {
                let form: SenderKeyForm = serde_json::from_slice(record).ok()?;
                let states = form.sender_key_states.into_iter();
                let sender_key_states = states.map(SenderStateForm::read).collect::<Option<_>>()?;
                Some(SenderKeyRecordStructure { sender_key_states }.encode_to_vec())
            }
        }
    }

    /// Writes the result of [`Kind::checked`] as JSON.
    fn write_json(self, record: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Ratchet => {
                let form = RatchetForm::of(RecordStructure::decode(record).ok()?)?;
                serde_json::to_vec(&form).ok()
            }
            Self::SenderKey => {
                let record = SenderKeyRecordStructure::decode(record).ok()?;
                let states = record.sender_key_states.into_iter();
                let sender_key_states = states.map(SenderStateForm::from).collect();
                serde_json::to_vec(&SenderKeyForm { sender_key_states }).ok()
            }
        }
    }
}

/// Bytes in base64; null if absent.
#[derive(Default)]
struct Bytes(Option<Vec<u8>>);

impl Bytes {
    /// Returns the bytes; `None` if they are empty, because Go does not distinguish an absent slice
    /// from an empty one.
    fn some(self) -> Option<Vec<u8>> {
        self.0.filter(|bytes| !bytes.is_empty())
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(bytes) => serializer.serialize_str(&STANDARD.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let bytes = text.map(|text| STANDARD.decode(text)).transpose();
        // The cause would show bytes of a key.
        bytes.map(Self).map_err(|_| D::Error::custom("not base64"))
    }
}

/// Reads a list; null, which Go writes for an absent list, is empty.
fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
}

fn ignored<'de, D: Deserializer<'de>>(from: D) -> Result<(), D::Error> {
    IgnoredAny::deserialize(from).map(|_| ())
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct RatchetForm {
    session_state: Option<StateForm>,
    #[serde(deserialize_with = "list")]
    previous_states: Vec<StateForm>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct StateForm {
    local_identity_public: Bytes,
    #[serde(rename = "LocalRegistrationID")]
    local_registration_id: u32,
    #[serde(deserialize_with = "never")]
    needs_refresh: bool,
    #[serde(deserialize_with = "ignored")]
    pending_key_exchange: (),
    pending_pre_key: Option<PendingForm>,
    previous_counter: u32,
    #[serde(deserialize_with = "list")]
    receiver_chains: Vec<ChainForm>,
    remote_identity_public: Bytes,
    #[serde(rename = "RemoteRegistrationID")]
    remote_registration_id: u32,
    root_key: Bytes,
    sender_base_key: Bytes,
    sender_chain: Option<ChainForm>,
    session_version: u32,
}

fn never<'de, D: Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    ignored(from).map(|()| false)
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct PendingForm {
    #[serde(rename = "PreKeyID")]
    pre_key_id: Option<NumberForm>,
    #[serde(rename = "SignedPreKeyID")]
    signed_pre_key_id: u32,
    base_key: Bytes,
}

/// A number that may be absent.
#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct NumberForm {
    value: u32,
    is_empty: bool,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ChainForm {
    sender_ratchet_key_public: Bytes,
    sender_ratchet_key_private: Bytes,
    chain_key: Option<ChainKeyForm>,
    #[serde(deserialize_with = "list")]
    message_keys: Vec<MessageKeyForm>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ChainKeyForm {
    key: Bytes,
    /// The index of the next message, as in our form.
    index: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct MessageKeyForm {
    cipher_key: Bytes,
    mac_key: Bytes,
    #[serde(rename = "IV")]
    iv: Bytes,
    index: u32,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SenderKeyForm {
    #[serde(deserialize_with = "list")]
    sender_key_states: Vec<SenderStateForm>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SenderStateForm {
    #[serde(deserialize_with = "list")]
    keys: Vec<SenderMessageKeyForm>,
    #[serde(rename = "KeyID")]
    key_id: u32,
    sender_chain_key: Option<SenderChainKeyForm>,
    signing_key_private: Bytes,
    signing_key_public: Bytes,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SenderMessageKeyForm {
    iteration: u32,
    #[serde(rename = "IV")]
    iv: Bytes,
    cipher_key: Bytes,
    seed: Bytes,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct SenderChainKeyForm {
    iteration: u32,
    chain_key: Bytes,
}

impl From<RatchetForm> for RecordStructure {
    fn from(form: RatchetForm) -> Self {
        Self {
            current_session: form.session_state.map(SessionStructure::from),
            previous_sessions: form
                .previous_states
                .into_iter()
                .map(SessionStructure::from)
                .collect(),
        }
    }
}

impl RatchetForm {
    /// Converts a record. In JSON every ratchet needs a current state, and every state needs a
    /// sending chain; otherwise whatsmeow would crash. The newest state with a usable chain becomes
    /// the current one; the others still decrypt. Returns `None` if all sending chains are used up.
    /// Without the row whatsmeow starts a new ratchet; with it, whatsmeow would send messages that
    /// cannot be decrypted.
    fn of(record: RecordStructure) -> Option<Self> {
        let index =
            |state: &SessionStructure| state.sender_chain.as_ref()?.chain_key.as_ref()?.index;
        let states = record.current_session.into_iter();
        let mut states: Vec<SessionStructure> = states
            .chain(record.previous_sessions)
            .filter(|state| state.sender_chain.is_some())
            .collect();
        let open = |state: &SessionStructure| index(state) != Some(u32::MAX);
        let current = states.remove(states.iter().position(open)?);
        Some(Self {
            session_state: Some(StateForm::from(current)),
            previous_states: states.into_iter().map(StateForm::from).collect(),
        })
    }
}

impl From<StateForm> for SessionStructure {
    fn from(form: StateForm) -> Self {
        let local_identity = form.local_identity_public.some();
        let base_key = form.sender_base_key.some();
        Self {
            session_version: Some(form.session_version),
            alice_base_key: base_key.filter(|key| Some(key) != local_identity.as_ref()),
            local_identity_public: local_identity,
            remote_identity_public: form.remote_identity_public.some(),
            root_key: form.root_key.some(),
            previous_counter: Some(form.previous_counter),
            sender_chain: form.sender_chain.map(Chain::from),
            receiver_chains: form.receiver_chains.into_iter().map(Chain::from).collect(),
            pending_key_exchange: None,
            pending_pre_key: form.pending_pre_key.map(PendingPreKey::from),
            remote_registration_id: Some(form.remote_registration_id),
            local_registration_id: Some(form.local_registration_id),
            needs_refresh: Some(false),
        }
    }
}

impl From<SessionStructure> for StateForm {
    fn from(state: SessionStructure) -> Self {
        let base_key = state.alice_base_key;
        Self {
            sender_base_key: Bytes(base_key.or_else(|| state.local_identity_public.clone())),
            local_identity_public: Bytes(state.local_identity_public),
            local_registration_id: state.local_registration_id.unwrap_or_default(),
            needs_refresh: false,
            pending_key_exchange: (),
            pending_pre_key: state.pending_pre_key.map(PendingForm::from),
            previous_counter: state.previous_counter.unwrap_or_default(),
            receiver_chains: state
                .receiver_chains
                .into_iter()
                .map(ChainForm::from)
                .collect(),
            remote_identity_public: Bytes(state.remote_identity_public),
            remote_registration_id: state.remote_registration_id.unwrap_or_default(),
            root_key: Bytes(state.root_key),
            sender_chain: state.sender_chain.map(ChainForm::from),
            session_version: state.session_version.unwrap_or_default(),
        }
    }
}

impl From<PendingForm> for PendingPreKey {
    fn from(form: PendingForm) -> Self {
        let one_time = form.pre_key_id.filter(|id| !id.is_empty);
        Self {
            pre_key_id: one_time.map(|id| id.value),
            base_key: form.base_key.some(),
            // An id that does not fit makes the whole record invalid.
            signed_pre_key_id: Some(i32::try_from(form.signed_pre_key_id).unwrap_or(-1)),
        }
    }
}

impl From<PendingPreKey> for PendingForm {
    fn from(pending: PendingPreKey) -> Self {
        let signed_pre_key_id = pending.signed_pre_key_id.unwrap_or_default();
        Self {
            pre_key_id: Some(NumberForm {
                value: pending.pre_key_id.unwrap_or_default(),
                is_empty: pending.pre_key_id.is_none(),
            }),
            signed_pre_key_id: u32::try_from(signed_pre_key_id).unwrap_or_default(),
            base_key: Bytes(pending.base_key),
        }
    }
}

impl From<ChainForm> for Chain {
    fn from(form: ChainForm) -> Self {
        Self {
            sender_ratchet_key: form.sender_ratchet_key_public.some(),
            sender_ratchet_key_private: form.sender_ratchet_key_private.some(),
            chain_key: form.chain_key.map(|form| ChainKey {
                index: Some(form.index),
                key: form.key.some(),
            }),
            message_keys: form
                .message_keys
                .into_iter()
                .map(|form| MessageKey {
                    index: Some(form.index),
                    cipher_key: form.cipher_key.some(),
                    mac_key: form.mac_key.some(),
                    iv: form.iv.some(),
                })
                .collect(),
        }
    }
}

impl From<Chain> for ChainForm {
    fn from(chain: Chain) -> Self {
        Self {
            sender_ratchet_key_public: Bytes(chain.sender_ratchet_key),
            sender_ratchet_key_private: Bytes(chain.sender_ratchet_key_private),
            chain_key: chain.chain_key.map(|key| ChainKeyForm {
                key: Bytes(key.key),
                index: key.index.unwrap_or_default(),
            }),
            message_keys: chain
                .message_keys
                .into_iter()
                .map(|key| MessageKeyForm {
                    cipher_key: Bytes(key.cipher_key),
                    mac_key: Bytes(key.mac_key),
                    iv: Bytes(key.iv),
                    index: key.index.unwrap_or_default(),
                })
                .collect(),
        }
    }
}

impl SenderStateForm {
    /// Returns `None` if a message key is not the one that its seed yields.
    fn read(self) -> Option<SenderKeyStateStructure> {
        let private = self.signing_key_private.some();
        let keys = self.keys.into_iter();
        Some(SenderKeyStateStructure {
            sender_key_id: Some(self.key_id),
            sender_chain_key: self.sender_chain_key.map(|form| SenderChainKey {
                iteration: Some(form.iteration),
                seed: form.chain_key.some(),
            }),
            sender_signing_key: Some(SenderSigningKey {
                public: self.signing_key_public.some(),
                private: private.filter(|key| key.iter().any(|byte| *byte != 0)),
            }),
            sender_message_keys: keys
                .map(SenderMessageKeyForm::read)
                .collect::<Option<_>>()?,
        })
    }
}

impl From<SenderKeyStateStructure> for SenderStateForm {
    fn from(state: SenderKeyStateStructure) -> Self {
        let signing = state.sender_signing_key.unwrap_or_default();
        Self {
            keys: state
                .sender_message_keys
                .into_iter()
                .map(SenderMessageKeyForm::from)
                .collect(),
            key_id: state.sender_key_id.unwrap_or_default(),
            sender_chain_key: state.sender_chain_key.map(|key| SenderChainKeyForm {
                iteration: key.iteration.unwrap_or_default(),
                chain_key: Bytes(key.seed),
            }),
            signing_key_private: Bytes(Some(signing.private.unwrap_or_else(|| vec![0; 32]))),
            signing_key_public: Bytes(signing.public),
        }
    }
}

impl SenderMessageKeyForm {
    fn read(self) -> Option<SenderMessageKey> {
        let seed = self.seed.some()?;
        let (iv, key) = sender_key::message_key(&seed);
        let same = |given: Bytes, derived: &[u8]| given.some().is_none_or(|it| it == derived);
        let fits = same(self.iv, iv.expose()) && same(self.cipher_key, key.expose());
        fits.then_some(SenderMessageKey {
            iteration: Some(self.iteration),
            seed: Some(seed),
        })
    }
}

impl From<SenderMessageKey> for SenderMessageKeyForm {
    fn from(key: SenderMessageKey) -> Self {
        let seed = key.seed.unwrap_or_default();
        let (iv, cipher) = sender_key::message_key(&seed);
        Self {
            iteration: key.iteration.unwrap_or_default(),
            iv: Bytes(Some(iv.expose().to_vec())),
            cipher_key: Bytes(Some(cipher.expose().to_vec())),
            seed: Bytes(Some(seed)),
        }
    }
}
