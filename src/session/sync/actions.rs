//! App state responses: verification, and storage in the same form as whatsmeow.
//!
//! Source: whatsmeow 33cfac51 `appstate.go`.

use std::collections::{BTreeMap, BTreeSet};

use wmctl_proto::appstate::SyncActionValue;

use crate::appstate::collection::{
    self, Applied, CollectionState, Macs, apply_patch, apply_snapshot,
};
use crate::appstate::hash::LtHash;
use crate::appstate::keys::KeyRing;
use crate::appstate::mutation::{Action, MAC_BYTES, Mutation, Operation};
use crate::appstate::{AppStateError, Collection};
use crate::ids::Jid;
use crate::session::changes::{ChatChange, EventBody};
use crate::session::keys::addresses;
use crate::session::machine::Session;
use crate::session::rows::{ChatSettings, Contact, Dedupe, Row, RowKey};
use crate::session::sync::collections::Answer;
use crate::session::unit::{Lookup, Wants, WorkContext};

/// Maximum length of a stored name, in characters.
const NAME_CHARS_MAX: usize = 128;

type Mac = [u8; MAC_BYTES];

/// The result of a response for a collection.
struct Outcome {
    state: CollectionState,
    /// True if the result replaces everything that is stored.
    replaced: bool,
    /// Mutations, each with its version.
    mutations: Vec<(u64, Mutation)>,
}

/// The stored value MACs, overlaid with the changes of this response.
struct Known {
    stored: BTreeMap<Mac, Mac>,
    fresh: BTreeMap<Mac, Option<Mac>>,
}

impl Macs for Known {
    fn value_mac(&self, index_mac: &Mac) -> Option<Mac> {
        match self.fresh.get(index_mac) {
            Some(fresh) => *fresh,
            None => self.stored.get(index_mac).copied(),
        }
    }
}

impl Known {
    fn take(&mut self, mutations: &[Mutation]) {
        for one in mutations {
            let after = (one.operation == Operation::Set).then_some(one.value_mac);
            self.fresh.insert(one.index_mac, after);
        }
    }
}

fn key_ids(answer: &Answer) -> BTreeSet<Vec<u8>> {
    let snapshot = answer
        .snapshot
        .iter()
        .flat_map(collection::snapshot_key_ids);
    let patches = answer.patches.iter().flat_map(collection::patch_key_ids);
    snapshot.chain(patches).collect()
}

/// Returns the stored state of a collection.
fn stored_state(lookup: &mut impl Lookup, collection: Collection) -> CollectionState {
    match lookup.row(&RowKey::AppStateVersion(collection)) {
        Some(Row::AppStateVersion { version, hash }) => LtHash::from_slice(hash)
            .map(|hash| CollectionState {
                version: *version,
                hash,
            })
            .unwrap_or_default(),
        _ => CollectionState::default(),
    }
}

impl Session {
    /// Requests the rows for applying a response.
    pub(in crate::session) fn want_settings(&self, wants: &mut Wants<'_>, collection: Collection) {
        let Some((answer, from_scratch, _)) = self.answer_to_apply(collection) else {
            return;
        };
        wants.row(&RowKey::AppStateVersion(collection));
        for id in key_ids(answer) {
            wants.row(&RowKey::AppStateKey(id));
        }
        if answer.snapshot.is_none() && !from_scratch {
            for index_mac in answer.patches.iter().flat_map(collection::index_macs) {
                wants.row(&RowKey::AppStateMac {
                    collection,
                    index_mac,
                });
            }
        }
        // Chat settings are the only rows that are read before they are written.
        if wants.is_complete()
            && let Ok(outcome) = evaluate(wants, collection, answer, from_scratch)
        {
            for (_, mutation) in &outcome.mutations {
                if let Some(chat) = chat_of_settings(mutation) {
                    wants.row(&RowKey::ChatSettings(chat));
                }
                let action = mutation.action.as_ref();
                let person = action.and_then(|action| action.index.get(1)?.parse::<Jid>().ok());
                if let Some(person) = person {
                    addresses::want_names(&self.account, wants, &person);
                }
            }
        }
    }

    /// Applies a complete response, as a whole or not at all.
    pub(in crate::session) fn apply_app_state(
        &mut self,
        unit: &mut WorkContext<'_>,
        collection: Collection,
    ) {
        let Some((answer, from_scratch, full)) = self.answer_to_apply(collection) else {
            return;
        };
        let ids = key_ids(answer).into_iter();
        let missing: Vec<Vec<u8>> = ids
            .filter(|id| unit.row(&RowKey::AppStateKey(id.clone())).is_none())
            .collect();
        if !missing.is_empty() {
            return self.app_state_blocked(unit, collection, missing);
        }
        let more = answer.more;
        match evaluate(unit, collection, answer, from_scratch) {
            Ok(outcome) => {
                let empty = outcome.state.version == 0;
                self.file_outcome(unit, collection, outcome, full);
                self.app_state_applied(unit, collection, more, empty);
            }
            Err(error) => self.fail(unit, collection, reason(&error)),
        }
    }

    /// Stores the result of a response.
    fn file_outcome(
        &mut self,
        unit: &mut WorkContext<'_>,
        collection: Collection,
        outcome: Outcome,
        full: bool,
    ) {
        let key = RowKey::AppStateVersion(collection);
        if outcome.replaced {
            // The store also deletes the collection's MACs.
            unit.delete(key.clone());
            unit.rows.forget_app_state_macs(collection);
        }
        if 0 < outcome.state.version {
            let row = Row::AppStateVersion {
                version: outcome.state.version,
                hash: outcome.state.hash.as_bytes().to_vec(),
            };
            unit.put(key, row);
        }
        for (version, mutation) in outcome.mutations {
            let key = RowKey::AppStateMac {
                collection,
                index_mac: mutation.index_mac,
            };
            let value_mac = mutation.value_mac;
            match mutation.operation {
                Operation::Set => unit.put(key, Row::AppStateMac { version, value_mac }),
                Operation::Remove => unit.delete(key),
            }
            let action = mutation.action;
            if let Some(action) = action.filter(|action| action.operation == Operation::Set) {
                // Unique per setting: the MAC covers a fresh ciphertext.
                let key = Dedupe(format!("app_state|{}", hex::encode(value_mac)));
                self.file_action(unit, &action, (!full).then_some(key));
            }
        }
    }

    /// Stores one setting. `news` is the dedupe key of its event; `None` means no event.
    fn file_action(&mut self, unit: &mut WorkContext<'_>, action: &Action, news: Option<Dedupe>) {
        let kind = action.index.first().map(String::as_str).unwrap_or_default();
        let value = &action.value;
        let at_ms = value.timestamp.unwrap_or(unit.now.unix_ms);
        if kind == "setting_pushName" {
            let setting = value.push_name_setting.as_ref();
            let name = shorten(setting.and_then(|setting| setting.name.as_deref()));
            if news.is_some() && self.account.push_name != name {
                let body = EventBody::NameChanged { name: name.clone() };
                unit.event(news, at_ms, None, body);
            }
            return self.take_own_name(unit, name);
        }
        let Some(jid) = action
            .index
            .get(1)
            .and_then(|text| text.parse::<Jid>().ok())
        else {
            return;
        };
        let body = if kind == "contact" {
            let contact = value.contact_action.clone().unwrap_or_default();
            let row = Contact {
                first_name: Some(shorten(contact.first_name.as_deref())),
                full_name: Some(shorten(contact.full_name.as_deref())),
                ..Contact::default()
            };
            unit.merge_contact(RowKey::Contact(jid.clone()), row);
            EventBody::ContactChanged { user: jid }
        } else {
            let Some(what) = chat_change(kind, value) else {
                return;
            };
            file_chat(unit, &jid, &what);
            EventBody::ChatChanged { chat: jid, what }
        };
        if news.is_some() {
            self.tell(unit, news, at_ms, body);
        }
    }
}

/// Verifies a response against the stored state.
fn evaluate(
    lookup: &mut impl Lookup,
    collection: Collection,
    answer: &Answer,
    from_scratch: bool,
) -> Result<Outcome, AppStateError> {
    let mut ring = KeyRing::default();
    for id in key_ids(answer) {
        if let Some(Row::AppStateKey(key)) = lookup.row(&RowKey::AppStateKey(id.clone())) {
            ring.add(&id, &key.data);
        }
    }
    let mut known = Known {
        stored: BTreeMap::new(),
        fresh: BTreeMap::new(),
    };
    let mut outcome = Outcome {
        state: CollectionState::default(),
        replaced: from_scratch || answer.snapshot.is_some(),
        mutations: Vec::new(),
    };
    let take = |outcome: &mut Outcome, known: &mut Known, applied: Applied| {
        known.take(&applied.mutations);
        let version = applied.state.version;
        let mutations = applied.mutations.into_iter();
        outcome
            .mutations
            .extend(mutations.map(|one| (version, one)));
        outcome.state = applied.state;
    };
    if let Some(snapshot) = &answer.snapshot {
        let applied = apply_snapshot(collection, snapshot, &ring)?;
        take(&mut outcome, &mut known, applied);
    } else if !from_scratch {
        outcome.state = stored_state(lookup, collection);
        for index_mac in answer.patches.iter().flat_map(collection::index_macs) {
            let key = RowKey::AppStateMac {
                collection,
                index_mac,
            };
            if let Some(Row::AppStateMac { value_mac, .. }) = lookup.row(&key) {
                known.stored.insert(index_mac, *value_mac);
            }
        }
    }
    for patch in &answer.patches {
        let version = patch.version.as_ref().and_then(|version| version.version);
        // The response may repeat patches that are already applied.
        if version.is_some_and(|version| version <= outcome.state.version) {
            continue;
        }
        let applied = apply_patch(collection, &outcome.state, patch, &ring, &known)?;
        take(&mut outcome, &mut known, applied);
    }
    Ok(outcome)
}

/// Returns a stable word for an error.
fn reason(error: &AppStateError) -> &'static str {
    match error {
        AppStateError::MissingKey(_) => "missing_key",
        AppStateError::Malformed(_) => "malformed",
        AppStateError::TooMany => "too_many",
        AppStateError::ValueMac => "value_mac",
        AppStateError::IndexMac => "index_mac",
        AppStateError::SnapshotMac => "snapshot_mac",
        AppStateError::PatchMac => "patch_mac",
        AppStateError::Blob => "blob",
    }
}

fn shorten(name: Option<&str>) -> String {
    name.unwrap_or_default()
        .chars()
        .take(NAME_CHARS_MAX)
        .collect()
}

/// Returns the effect of an action on a chat.
fn chat_change(kind: &str, value: &SyncActionValue) -> Option<ChatChange> {
    Some(match kind {
        "mute" => {
            let mute = value.mute_action.unwrap_or_default();
            let until_ms = mute.mute_end_timestamp.unwrap_or(0);
            ChatChange::Muted {
                until_s: match mute.muted == Some(true) {
                    true if until_ms < 0 => -1,
                    true => until_ms / 1_000,
                    false => 0,
                },
            }
        }
        "pin_v1" => {
            ChatChange::Pinned(value.pin_action.as_ref().and_then(|pin| pin.pinned) == Some(true))
        }
        "archive" => {
            let archive = value.archive_chat_action.as_ref();
            ChatChange::Archived(archive.and_then(|archive| archive.archived) == Some(true))
        }
        "markChatAsRead" => {
            let mark = value.mark_chat_as_read_action.as_ref();
            ChatChange::Read(mark.and_then(|mark| mark.read) == Some(true))
        }
        "clearChat" => ChatChange::Cleared,
        "deleteChat" => ChatChange::Deleted,
        _ => return None,
    })
}

/// Returns the chat whose settings row a mutation changes.
fn chat_of_settings(mutation: &Mutation) -> Option<Jid> {
    let action = mutation.action.as_ref()?;
    let kind = action.index.first()?;
    let has_row = matches!(kind.as_str(), "mute" | "pin_v1" | "archive");
    action.index.get(1).filter(|_| has_row)?.parse().ok()
}

/// Stores a changed chat setting.
fn file_chat(unit: &mut WorkContext<'_>, chat: &Jid, what: &ChatChange) {
    let key = RowKey::ChatSettings(chat.clone());
    let mut settings = match what {
        ChatChange::Muted { .. } | ChatChange::Pinned(_) | ChatChange::Archived(_) => {
            match unit.row(&key) {
                Some(Row::ChatSettings(settings)) => settings.clone(),
                _ => ChatSettings::default(),
            }
        }
        ChatChange::Read(_) | ChatChange::Cleared | ChatChange::Deleted => return,
    };
    match what {
        ChatChange::Muted { until_s } => settings.muted_until_s = *until_s,
        ChatChange::Pinned(pinned) => settings.pinned = *pinned,
        ChatChange::Archived(archived) => settings.archived = *archived,
        ChatChange::Read(_) | ChatChange::Cleared | ChatChange::Deleted => (),
    }
    unit.put(key, Row::ChatSettings(settings));
}
