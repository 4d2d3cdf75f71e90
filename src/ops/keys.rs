//! API keys for the HTTP interface. They are stored as hashes and limited to tenants and actions.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::app::shapes::time;
use crate::app::{App, RowsError};
use crate::crypto::hash::sha256;
use crate::crypto::random;
use crate::ids::TenantId;
use crate::ops::actor::AuditActor;
use crate::store::tenants::api_keys::ApiKey;

/// Prefix of every key, so that secret scanners can find a leaked one.
const PREFIX: &str = "wmk_";
/// Hexadecimal digits of the public half and of the secret half.
const ID_DIGITS: usize = 12;
const SECRET_DIGITS: usize = 64;
/// Maximum length of a name in bytes, and maximum number of tenants of one key.
const NAME_BYTES_MAX: usize = 64;
const TENANTS_MAX: usize = 100;

/// A permission. None implies another: `Admin` does not include `Read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// See tenants, hosts, locks and events.
    Read,
    /// Add, start, stop, move and remove tenants.
    Write,
    /// Link devices. Anyone who sees the pairing code can take over the account.
    Pair,
    /// Send messages.
    Send,
    /// Drain hosts and read the audit log.
    Admin,
}

impl Action {
    /// All actions.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Pair, Self::Send, Self::Admin];

    /// Returns the name used in settings and rows.
    pub fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Pair => "pair",
            Self::Send => "send",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Action {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|action| action.word() == text);
        found.ok_or("an action is read, write, pair, send or admin")
    }
}

/// The tenants that a key applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Everyone,
    Only(BTreeSet<TenantId>),
}

/// The permissions of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The key's name.
    pub name: String,
    /// The tenants that the key applies to.
    pub scope: Scope,
    /// The permitted actions.
    pub actions: BTreeSet<Action>,
}

impl Grant {
    /// Returns a grant with all permissions, for the local user while no keys exist.
    pub fn local() -> Self {
        Self {
            name: String::from("local"),
            scope: Scope::Everyone,
            actions: Action::ALL.into(),
        }
    }

    /// Returns whether the key permits this action.
    pub fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    /// Returns whether the key applies to this tenant.
    pub fn reaches(&self, tenant: &TenantId) -> bool {
        match &self.scope {
            Scope::Everyone => true,
            Scope::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// The public description of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Unique name, 1 to 64 bytes.
    pub name: String,
    /// Public half of the key's text: 12 hexadecimal digits.
    pub id: String,
    /// Names of tenants, or `*` for all.
    pub tenants: Vec<String>,
    /// Names of the permitted actions.
    pub actions: Vec<String>,
    /// Time of creation (RFC 3339, UTC).
    pub created: String,
}

/// The text of a key. It is zeroed on drop and shown only once.
pub struct KeyText(String);

impl KeyText {
    /// Returns the text, to be shown once to the user who created the key.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl Drop for KeyText {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for KeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Why a key was not created.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The database failed.
    #[error(transparent)]
    Rows(#[from] RowsError),
    /// The name is invalid.
    #[error("a key's name has 1 to {NAME_BYTES_MAX} letters, digits, - . or _")]
    Name,
    /// The list of tenants is too long. Use a key for all tenants instead.
    #[error("a key names at most {TENANTS_MAX} tenants, or applies to all")]
    Tenants,
    /// A key with this name exists. Choose another name.
    #[error("there is already a key named {0}")]
    Taken(String),
}

/// Creates a key. Only the return value contains its text; the database keeps a hash.
pub async fn add(
    app: &App,
    name: &str,
    scope: &Scope,
    actions: &BTreeSet<Action>,
    actor: &AuditActor,
) -> Result<(Key, KeyText), KeyError> {
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if name.is_empty() || NAME_BYTES_MAX < name.len() || !name.bytes().all(sound) {
        return Err(KeyError::Name);
    }
    let tenants = match scope {
        Scope::Everyone => String::from("*"),
        Scope::Only(tenants) if TENANTS_MAX < tenants.len() => return Err(KeyError::Tenants),
        Scope::Only(tenants) => joined(tenants.iter().map(TenantId::as_str)),
    };
    let mut random = app.surroundings.entropy.random();
    let id = hex::encode(random::bytes::<{ ID_DIGITS / 2 }>(&mut *random));
    let mut secret: [u8; SECRET_DIGITS / 2] = random::bytes(&mut *random);
    let text = KeyText(format!("{PREFIX}{id}_{}", hex::encode(secret)));
    secret.zeroize();
    let key = ApiKey {
        id,
        name: name.to_owned(),
        hash: sha256(&[text.0.as_bytes()]).to_vec(),
        tenants,
        actions: joined(actions.iter().map(|action| action.word())),
        created_ms: app.surroundings.clock.unix_ms(),
    };
    let detail = format!(
        "name={name} tenants={} actions={}",
        key.tenants, key.actions
    );
    let audit = app.audit(actor, "add-key", None, detail);
    let added = app.store.add_key(&key, &audit).await;
    match added.map_err(RowsError::of)? {
        true => Ok((shown(&key), text)),
        false => Err(KeyError::Taken(name.to_owned())),
    }
}

/// Returns all keys without their secrets.
pub async fn list(app: &App) -> Result<Vec<Key>, RowsError> {
    let keys = app.store.keys().await.map_err(RowsError::of)?;
    Ok(keys.iter().map(shown).collect())
}

/// Returns whether any key exists.
pub async fn exist(app: &App) -> Result<bool, RowsError> {
    app.store.has_keys().await.map_err(RowsError::of)
}

/// Deletes a key by name or id, so that it is refused from then on. Returns whether it existed.
pub async fn remove(app: &App, name: &str, actor: &AuditActor) -> Result<bool, RowsError> {
    let audit = app.audit(actor, "remove-key", None, format!("name={name}"));
    let removed = app.store.remove_key(name, &audit).await;
    removed.map_err(RowsError::of)
}

/// A SHA-256 hash that identifies a key's text where the text itself must not be kept.
pub type Fingerprint = [u8; 32];

/// Returns the fingerprint of `text`, whether or not it is a valid key.
pub fn fingerprint(text: &str) -> Fingerprint {
    sha256(&[text.as_bytes()])
}

/// Returns the permissions of the key with this text, or `None` if no such key exists.
pub async fn check(app: &App, text: &str) -> Result<Option<Grant>, RowsError> {
    let Some(id) = public_half(text) else {
        return Ok(None);
    };
    let key = app.store.key(id).await.map_err(RowsError::of)?;
    let hash = fingerprint(text);
    let Some(key) = key.filter(|key| bool::from(key.hash.as_slice().ct_eq(&hash))) else {
        return Ok(None);
    };
    let actions = key.actions.split(',').filter_map(|word| word.parse().ok());
    let scope = match key.tenants.as_str() {
        "*" => Scope::Everyone,
        names => Scope::Only(
            names
                .split(',')
                .filter_map(|one| one.parse().ok())
                .collect(),
        ),
    };
    Ok(Some(Grant {
        name: key.name,
        scope,
        actions: actions.collect(),
    }))
}

/// Returns the public half of the text, which identifies the key.
fn public_half(text: &str) -> Option<&str> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let digits = |text: &str, count| {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_hexdigit())
    };
    (digits(id, ID_DIGITS) && digits(secret, SECRET_DIGITS)).then_some(id)
}

fn joined<'a>(words: impl Iterator<Item = &'a str>) -> String {
    words.collect::<Vec<_>>().join(",")
}

fn shown(key: &ApiKey) -> Key {
    let words = |text: &str| text.split(',').map(str::to_owned).collect();
    Key {
        name: key.name.clone(),
        id: key.id.clone(),
        tenants: words(&key.tenants),
        actions: words(&key.actions),
        created: time(key.created_ms),
    }
}
