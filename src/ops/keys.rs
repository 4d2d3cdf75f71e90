//! Keys of the HTTP interface: made once, kept as hashes, limited to tenants and actions.

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
use crate::ops::actor::Actor;
use crate::store::tenants::api_keys::ApiKey;

/// How every key begins, so that scanners of repositories find one that was left lying about.
const PREFIX: &str = "wmk_";
/// Digits of the half that is no secret, and of the half that is.
const ID_DIGITS: usize = 12;
const SECRET_DIGITS: usize = 64;
/// Longest name, and most tenants of one key.
const NAME_BYTES_MAX: usize = 64;
const TENANTS_MAX: usize = 100;

/// What a key may do. Each stands for itself: one that administers does not thereby read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    /// See tenants, hosts, locks and events.
    Read,
    /// Add, start, stop, move and remove tenants.
    Write,
    /// Link devices: whoever sees the code owns the account.
    Pair,
    /// Send messages.
    Send,
    /// Drain hosts, read the audit.
    Admin,
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Read, Self::Write, Self::Pair, Self::Send, Self::Admin];

    /// The word that settings and rows use.
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

/// For whom a key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    Everyone,
    Only(BTreeSet<TenantId>),
}

/// What the holder of a key may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The key's name.
    pub name: String,
    pub scope: Scope,
    pub actions: BTreeSet<Action>,
}

impl Grant {
    /// Everything, for whoever is on this machine while there are no keys.
    pub fn local() -> Self {
        Self {
            name: String::from("local"),
            scope: Scope::Everyone,
            actions: Action::ALL.into(),
        }
    }

    /// Whether it may do this at all.
    pub fn allows(&self, action: Action) -> bool {
        self.actions.contains(&action)
    }

    /// Whether it is for this tenant.
    pub fn reaches(&self, tenant: &TenantId) -> bool {
        match &self.scope {
            Scope::Everyone => true,
            Scope::Only(tenants) => tenants.contains(tenant),
        }
    }
}

/// A key as people see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    pub name: String,
    pub id: String,
    /// Names, or `*`.
    pub tenants: Vec<String>,
    pub actions: Vec<String>,
    pub created: String,
}

/// The text of a key, zeroed when it is dropped. It is shown once.
pub struct KeyText(String);

impl KeyText {
    /// The text, to be shown to whoever asked for the key.
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

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error(transparent)]
    Rows(#[from] RowsError),
    #[error("a key's name has 1 to {NAME_BYTES_MAX} letters, digits, - . or _")]
    Name,
    #[error("a key is for at most {TENANTS_MAX} tenants by name, or for all")]
    Tenants,
    #[error("there is a key named {0} already")]
    Taken(String),
}

/// Makes a key; its text is in the answer and nowhere else.
pub async fn add(
    app: &App,
    name: &str,
    scope: &Scope,
    actions: &BTreeSet<Action>,
    actor: &Actor,
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

/// All keys, without what is secret.
pub async fn list(app: &App) -> Result<Vec<Key>, RowsError> {
    let keys = app.store.keys().await.map_err(RowsError::of)?;
    Ok(keys.iter().map(shown).collect())
}

/// Whether there is any key.
pub async fn exist(app: &App) -> Result<bool, RowsError> {
    app.store.has_keys().await.map_err(RowsError::of)
}

/// Forgets a key by name or id; it is refused from then on. Whether there was one.
pub async fn remove(app: &App, name: &str, actor: &Actor) -> Result<bool, RowsError> {
    let audit = app.audit(actor, "remove-key", None, format!("name={name}"));
    let removed = app.store.remove_key(name, &audit).await;
    removed.map_err(RowsError::of)
}

/// What stands for a key's text where the text must not be kept.
pub type Fingerprint = [u8; 32];

/// The fingerprint of a text that may be a key.
pub fn fingerprint(text: &str) -> Fingerprint {
    sha256(&[text.as_bytes()])
}

/// What the holder of this text may do; `None` if it is no key.
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

/// The half that names the key.
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
