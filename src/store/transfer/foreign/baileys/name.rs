//! Parses the file names of a folder: `TYPE-ID.json`, in which `/` is written as `__` and `:` as
//! `-`.
//!
//! Source: Baileys 78e7e4e2 `src/Utils/use-multi-file-auth-state.ts`, `src/Signal/lid-mapping.ts`
//! and `src/Utils/tc-token-utils.ts`.

use crate::ids::{Jid, Server};
use crate::store::transfer::foreign::baileys::form;

/// The content of a file, according to its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Name {
    PreKey(u32),
    /// The ratchets with a device.
    Session(DeviceName),
    Identity(DeviceName),
    SenderKey {
        chat: Jid,
        sender: DeviceName,
    },
    /// The holders of our sender key of a group.
    Holders(Jid),
    SyncKey(Vec<u8>),
    SyncVersion(String),
    /// The LID of this phone number.
    LidOf(String),
    /// The phone number of this LID.
    NumberOf(String),
    Token(Jid),
    /// A file that Baileys does not need, or a foreign file.
    Other,
    /// The name looks like one of Baileys, but cannot be parsed.
    Odd,
}

/// A device as file names write it. Without a domain it is a phone number in version 7; earlier
/// versions never wrote the domain, so it may be anything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct DeviceName {
    pub(super) user: String,
    pub(super) domain: Option<Server>,
    pub(super) device: u16,
}

impl Name {
    /// Parses a file name.
    pub(super) fn of(file: &str) -> Self {
        let Some(name) = file.strip_suffix(".json") else {
            return Self::Other;
        };
        // The longer of two common prefixes comes first.
        let kinds: [(&str, Reader); 9] = [
            ("pre-key-", |id| number(id).map(Self::PreKey)),
            ("session-", |id| place(id, '.').map(Self::Session)),
            ("identity-key-", |id| place(id, '.').map(Self::Identity)),
            ("sender-key-memory-", |id| chat(id).map(Self::Holders)),
            ("sender-key-", sender_key),
            ("app-state-sync-key-", sync_key),
            ("app-state-sync-version-", |id| {
                Some(Self::SyncVersion(id.to_owned()))
            }),
            ("lid-mapping-", lid_mapping),
            ("tctoken-", token),
        ];
        let found = kinds
            .iter()
            .find_map(|(start, read)| Some((read, name.strip_prefix(start)?)));
        match found {
            Some((read, id)) => read(id).unwrap_or(Self::Odd),
            None => Self::Other,
        }
    }
}

type Reader = fn(&str) -> Option<Name>;

fn number(id: &str) -> Option<u32> {
    // `parse` alone would also accept a plus sign.
    let digits = id.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| id.parse().ok()).flatten()
}

/// Parses `USER.DEVICE` or `USER_DOMAIN.DEVICE`, with the given character before the device.
fn place(id: &str, before_device: char) -> Option<DeviceName> {
    let (user, device) = id.rsplit_once(before_device)?;
    let (user, domain) = match user.rsplit_once('_') {
        None => (user, None),
        Some((user, domain)) => {
            let domain = u8::try_from(number(domain)?).ok()?;
            (user, Some(Server::from_domain(domain)?))
        }
    };
    let device = u16::try_from(number(device)?).ok()?;
    let checked = Jid::checked(user, domain.unwrap_or(Server::User), device).ok()?;
    let is_user = !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit());
    is_user.then_some(DeviceName {
        user: checked.user,
        domain,
        device,
    })
}

/// Parses a group or a broadcast list, whose names are written unchanged.
fn chat(id: &str) -> Option<Jid> {
    let jid: Jid = id.parse().ok()?;
    let is_chat = (jid.is_group() || jid.is_broadcast()) && jid.device == 0;
    (is_chat && !jid.user.is_empty()).then_some(jid)
}

/// Parses `GROUP--USER--DEVICE`.
fn sender_key(id: &str) -> Option<Name> {
    let (rest, device) = id.rsplit_once("--")?;
    let (group, user) = rest.rsplit_once("--")?;
    Some(Name::SenderKey {
        chat: chat(group)?,
        sender: place(&format!("{user}.{device}"), '.')?,
    })
}

fn sync_key(id: &str) -> Option<Name> {
    let id = form::base64(&id.replace("__", "/"))?;
    (!id.is_empty()).then(|| Name::SyncKey(id.to_vec()))
}

fn lid_mapping(id: &str) -> Option<Name> {
    let (user, reverse) = match id.strip_suffix("_reverse") {
        Some(user) => (user, true),
        None => (id, false),
    };
    Jid::checked(user, Server::User, 0).ok()?;
    number(user.get(..1)?)?;
    Some(match reverse {
        true => Name::NumberOf(user.to_owned()),
        false => Name::LidOf(user.to_owned()),
    })
}

fn token(id: &str) -> Option<Name> {
    // Baileys' own index of privacy tokens.
    if id.starts_with("__") {
        return Some(Name::Other);
    }
    let jid: Jid = id.parse().ok()?;
    Some(match jid.is_account() {
        true => Name::Token(jid),
        false => Name::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_files_hold() {
        let at = |user: &str, domain, device| DeviceName {
            user: user.into(),
            domain,
            device,
        };
        let group = || Jid::group("120363-1");
        let lid = Some(Server::Lid);
        check("pre-key-812", Name::PreKey(812));
        check("session-4915.0", Name::Session(at("4915", None, 0)));
        check("session-1002_1.17", Name::Session(at("1002", lid, 17)));
        let hosted = Some(Server::HostedLid);
        check("session-7_129.99", Name::Session(at("7", hosted, 99)));
        check("identity-key-7_1.2", Name::Identity(at("7", lid, 2)));
        check(
            "sender-key-120363-1@g.us--7_1--2",
            Name::SenderKey {
                chat: group(),
                sender: at("7", lid, 2),
            },
        );
        check(
            "sender-key-status@broadcast--7--0",
            Name::SenderKey {
                chat: Jid::status(),
                sender: at("7", None, 0),
            },
        );
        check("sender-key-memory-120363-1@g.us", Name::Holders(group()));
        check("app-state-sync-key-AA__+", Name::SyncKey(vec![0, 15, 254]));
        check(
            "app-state-sync-version-regular",
            Name::SyncVersion("regular".into()),
        );
        check("lid-mapping-4915", Name::LidOf("4915".into()));
        check("lid-mapping-7_reverse", Name::NumberOf("7".into()));
        check("tctoken-7@lid", Name::Token(Jid::lid("7")));
        for other in ["tctoken-__index", "creds", "device-list-7", "notes"] {
            check(other, Name::Other);
        }
        assert_eq!(Name::of("session-4915.0.json.bak"), Name::Other);
        for odd in [
            "pre-key--1",
            "pre-key-4294967296",
            "session-4915",
            "session-.0",
            "session-4915_7.0",
            "session-4915_1.65536",
            "session-\u{202e}7.0",
            "sender-key-120363-1--7--0",
            "sender-key-7@lid--7--0",
            "app-state-sync-key-!",
            "lid-mapping-",
        ] {
            check(odd, Name::Odd);
        }
    }

    fn check(name: &str, expected: Name) {
        assert_eq!(Name::of(&format!("{name}.json")), expected, "{name}");
    }
}
