//! Settings that the owner of a simulated phone changes, as app state actions.

use serde_json::{Value, json};
use wmctl_proto::appstate::SyncActionValue;
use wmctl_proto::appstate::sync_action_value::{
    ArchiveChatAction, ContactAction, DeleteChatAction, MarkChatAsReadAction, MuteAction,
    PinAction, PushNameSetting,
};

use crate::appstate::Collection;
use crate::appstate::mutation::{Action, Operation};

/// Maximum number of contacts per patch.
const CONTACTS_MAX: u32 = 20_000;

/// A change of a setting on a phone.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(tag = "set", rename_all = "snake_case", deny_unknown_fields)]
pub enum Setting {
    /// Adds or renames a contact in the address book.
    Contact {
        /// JID of the contact.
        jid: String,
        /// Full name.
        full_name: String,
        /// First name.
        #[serde(default)]
        first_name: String,
    },
    /// Removes a contact from the address book.
    RemoveContact {
        /// JID of the contact.
        jid: String,
    },
    /// Adds many contacts at once: `Contact 0`, `Contact 1`, …
    Contacts {
        /// Number of contacts.
        count: u32,
    },
    /// Mutes a chat.
    Mute {
        /// JID of the chat.
        jid: String,
        /// False to unmute.
        on: bool,
        /// End of the mute (Unix ms); `None` mutes for ever.
        until_ms: Option<i64>,
    },
    /// Pins a chat.
    Pin {
        /// JID of the chat.
        jid: String,
        /// False to unpin.
        on: bool,
    },
    /// Archives a chat.
    Archive {
        /// JID of the chat.
        jid: String,
        /// False to unarchive.
        on: bool,
    },
    /// Marks a chat as read.
    Read {
        /// JID of the chat.
        jid: String,
        /// False to mark it as unread.
        on: bool,
    },
    /// Deletes a chat with its messages.
    DeleteChat {
        /// JID of the chat.
        jid: String,
    },
    /// Changes the name that others see.
    PushName {
        /// The name.
        name: String,
    },
}

impl Setting {
    /// Returns the collection of the setting and the actions that change it.
    pub(super) fn actions(&self, now_ms: i64) -> (Collection, Vec<Action>) {
        let stamped = SyncActionValue {
            timestamp: Some(now_ms),
            ..SyncActionValue::default()
        };
        let act = |kind: &str, jid: Option<&str>, version: i32, value: SyncActionValue| Action {
            operation: Operation::Set,
            index: std::iter::once(kind)
                .chain(jid)
                .map(str::to_owned)
                .collect(),
            value,
            version,
        };
        let contact = |jid: &str, full_name: &str, first_name: &str| {
            let value = SyncActionValue {
                contact_action: Some(ContactAction {
                    full_name: Some(full_name.to_owned()),
                    first_name: Some(first_name.to_owned()),
                    save_on_primary_addressbook: Some(true),
                    ..ContactAction::default()
                }),
                ..stamped.clone()
            };
            act("contact", Some(jid), 2, value)
        };
        match self {
            Self::Contact {
                jid,
                full_name,
                first_name,
            } => {
                let action = contact(jid, full_name, first_name);
                (Collection::CriticalUnblockLow, vec![action])
            }
            Self::RemoveContact { jid } => {
                let mut action = contact(jid, "", "");
                action.operation = Operation::Remove;
                (Collection::CriticalUnblockLow, vec![action])
            }
            Self::Contacts { count } => {
                let each = |number: u32| {
                    let jid = format!("1777{number:07}@s.whatsapp.net");
                    contact(&jid, &format!("Contact {number}"), "Contact")
                };
                let actions = (0..(*count).min(CONTACTS_MAX)).map(each).collect();
                (Collection::CriticalUnblockLow, actions)
            }
            _ => {
                let (collection, kind, version) = self.kind();
                let value = self.value(stamped);
                let mut action = act(kind, self.chat(), version, value);
                if matches!(self, Self::DeleteChat { .. }) {
                    // `1` deletes the chat's media too.
                    action.index.push(String::from("1"));
                }
                (collection, vec![action])
            }
        }
    }

    fn kind(&self) -> (Collection, &'static str, i32) {
        match self {
            Self::Contact { .. } | Self::RemoveContact { .. } | Self::Contacts { .. } => {
                (Collection::CriticalUnblockLow, "contact", 2)
            }
            Self::Mute { .. } => (Collection::RegularHigh, "mute", 2),
            Self::DeleteChat { .. } => (Collection::RegularHigh, "deleteChat", 6),
            Self::Pin { .. } => (Collection::RegularLow, "pin_v1", 5),
            Self::Archive { .. } => (Collection::RegularLow, "archive", 3),
            Self::Read { .. } => (Collection::RegularLow, "markChatAsRead", 3),
            Self::PushName { .. } => (Collection::CriticalBlock, "setting_pushName", 1),
        }
    }

    fn chat(&self) -> Option<&str> {
        match self {
            Self::Contacts { .. } | Self::PushName { .. } => None,
            Self::Contact { jid, .. }
            | Self::RemoveContact { jid }
            | Self::Mute { jid, .. }
            | Self::Pin { jid, .. }
            | Self::Archive { jid, .. }
            | Self::Read { jid, .. }
            | Self::DeleteChat { jid } => Some(jid),
        }
    }

    fn value(&self, mut value: SyncActionValue) -> SyncActionValue {
        match self {
            Self::Mute { on, until_ms, .. } => {
                value.mute_action = Some(MuteAction {
                    muted: Some(*on),
                    mute_end_timestamp: on.then_some(until_ms.unwrap_or(-1)),
                    ..MuteAction::default()
                });
            }
            Self::Pin { on, .. } => value.pin_action = Some(PinAction { pinned: Some(*on) }),
            Self::Archive { on, .. } => {
                value.archive_chat_action = Some(ArchiveChatAction {
                    archived: Some(*on),
                    message_range: None,
                });
            }
            Self::Read { on, .. } => {
                value.mark_chat_as_read_action = Some(MarkChatAsReadAction {
                    read: Some(*on),
                    message_range: None,
                });
            }
            Self::DeleteChat { .. } => {
                value.delete_chat_action = Some(DeleteChatAction {
                    message_range: None,
                });
            }
            Self::PushName { name } => {
                value.push_name_setting = Some(PushNameSetting {
                    name: Some(name.clone()),
                });
            }
            Self::Contact { .. } | Self::RemoveContact { .. } | Self::Contacts { .. } => (),
        }
        value
    }

    /// Renders a setting for people.
    pub(super) fn shown(value: &SyncActionValue) -> Value {
        if let Some(contact) = &value.contact_action {
            return json!({"full_name": contact.full_name, "first_name": contact.first_name});
        }
        if let Some(mute) = &value.mute_action {
            return json!({"on": mute.muted, "until_ms": mute.mute_end_timestamp});
        }
        let on = [
            value.pin_action.as_ref().map(|pin| pin.pinned),
            value.archive_chat_action.as_ref().map(|one| one.archived),
            value.mark_chat_as_read_action.as_ref().map(|one| one.read),
        ];
        if let Some(on) = on.into_iter().flatten().next() {
            return json!({"on": on});
        }
        match &value.push_name_setting {
            Some(setting) => json!({"name": setting.name}),
            None => json!({}),
        }
    }
}
