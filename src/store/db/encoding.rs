//! Values that a column stores as text: names of states, and lists as JSON.

use serde_json::{Value, json};

use crate::ids::{Address, Jid};
use crate::session::rows::{Addressing, OutboxState, Participant};

pub(in crate::store) fn addressing(addressing: Addressing) -> &'static str {
    match addressing {
        Addressing::Pn => "pn",
        Addressing::Lid => "lid",
    }
}

pub(in crate::store) fn parse_addressing(text: &str) -> Option<Addressing> {
    match text {
        "pn" => Some(Addressing::Pn),
        "lid" => Some(Addressing::Lid),
        _ => None,
    }
}

pub(in crate::store) fn outbox_state(state: OutboxState) -> &'static str {
    match state {
        OutboxState::Queued => "queued",
        OutboxState::Encrypted => "encrypted",
        OutboxState::Sent => "sent",
        OutboxState::Failed => "failed",
    }
}

pub(in crate::store) fn parse_outbox_state(text: &str) -> Option<OutboxState> {
    match text {
        "queued" => Some(OutboxState::Queued),
        "encrypted" => Some(OutboxState::Encrypted),
        "sent" => Some(OutboxState::Sent),
        "failed" => Some(OutboxState::Failed),
        _ => None,
    }
}

/// Encodes device ids with their key indexes: `[[0,0],[7,2]]`.
pub(in crate::store) fn devices(devices: &[(u16, u32)]) -> String {
    json!(devices).to_string()
}

pub(in crate::store) fn parse_devices(text: &str) -> Option<Vec<(u16, u32)>> {
    serde_json::from_str(text).ok()
}

pub(in crate::store) fn addresses(addresses: &[Address]) -> String {
    json!(addresses.iter().map(Address::as_str).collect::<Vec<_>>()).to_string()
}

pub(in crate::store) fn parse_addresses(text: &str) -> Option<Vec<Address>> {
    let texts: Vec<String> = serde_json::from_str(text).ok()?;
    Some(texts.into_iter().map(Address::from_stored).collect())
}

pub(in crate::store) fn participants(participants: &[Participant]) -> String {
    let optional = |jid: &Option<Jid>| jid.as_ref().map(Jid::to_string);
    let one = |participant: &Participant| {
        json!({
            "jid": participant.jid.to_string(),
            "pn": optional(&participant.pn),
            "lid": optional(&participant.lid),
            "admin": participant.admin,
        })
    };
    Value::from(participants.iter().map(one).collect::<Vec<_>>()).to_string()
}

pub(in crate::store) fn parse_participants(text: &str) -> Option<Vec<Participant>> {
    let list: Vec<Value> = serde_json::from_str(text).ok()?;
    let one = |value: &Value| {
        let optional = |name: &str| match value[name].as_str() {
            Some(text) => text.parse().ok().map(Some),
            None => Some(None),
        };
        Some(Participant {
            jid: value["jid"].as_str()?.parse().ok()?,
            pn: optional("pn")?,
            lid: optional("lid")?,
            admin: value["admin"].as_bool()?,
        })
    };
    list.iter().map(one).collect()
}
