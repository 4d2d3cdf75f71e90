//! The account's own rows: keys and names of our companion device.

pub(super) mod column_lengths;
pub mod commit;
pub mod log;
pub(super) mod marks;
pub(super) mod put;
pub mod read;

use crate::crypto::curve::KeyPair;
use crate::crypto::xeddsa;
use crate::ids::{Jid, TenantId};
use crate::secret::Secret;
use crate::session::account::{Account, AccountUpdate, Ended, PreKey, SignedPreKey};
use crate::session::pairing::device_identity::AdvIdentity;
use crate::store::db::unit::FencedTransaction;
use crate::store::db::unit::LAST_UNIT;
use crate::store::db::{Row, Tx, Val, args};
use crate::store::error::StoreError;
use crate::store::{Owner, Store};

const TABLE: &str = "whatsmeow_device";

const ACCOUNT: &str = "
    SELECT d.jid, d.lid, d.registration_id, d.noise_key, d.identity_key, d.signed_pre_key,
        CAST(d.signed_pre_key_id AS BIGINT), d.signed_pre_key_sig, d.adv_key, d.adv_details,
        d.adv_account_sig, d.adv_account_sig_key, d.adv_device_sig, d.platform, d.business_name,
        d.push_name, COALESCE(a.next_pre_key_id, 1), a.routing_info, a.ended, a.ended_reason,
        a.ended_code, a.ended_at_ms, a.exported_to, a.exported_ms
    FROM whatsmeow_device d LEFT JOIN wmctl_account a ON a.business_id = d.business_id
    WHERE d.business_id = $1 ORDER BY d.jid LIMIT 1";

const TENANTS: &str = "SELECT DISTINCT business_id FROM whatsmeow_device ORDER BY business_id";

const FORGET: &str = "DELETE FROM whatsmeow_device WHERE business_id = $1";

const INSERT: &str = "
    INSERT INTO whatsmeow_device (business_id, jid, lid, registration_id, noise_key, identity_key,
        signed_pre_key, signed_pre_key_id, signed_pre_key_sig, adv_key, adv_details,
        adv_account_sig, adv_account_sig_key, adv_device_sig, platform, business_name, push_name)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

const BEGIN_ACCOUNT: &str = "
    UPDATE wmctl_account SET next_pre_key_id = $2, routing_info = $3, ended = NULL,
        ended_reason = NULL, ended_code = NULL, ended_at_ms = NULL, exported_ms = NULL,
        exported_to = NULL
    WHERE business_id = $1";

const UPDATE_NAMES: &str = "
    UPDATE whatsmeow_device SET lid = COALESCE($2, lid), push_name = COALESCE($3, push_name),
        business_name = COALESCE($4, business_name), platform = COALESCE($5, platform)
    WHERE business_id = $1";

const UPDATE_SIGNED: &str = "
    UPDATE whatsmeow_device SET signed_pre_key = $2, signed_pre_key_id = $3,
        signed_pre_key_sig = $4
    WHERE business_id = $1";

const UPDATE_ROUTING: &str = "UPDATE wmctl_account SET routing_info = $2 WHERE business_id = $1";

const UPDATE_ENDED: &str = "
    UPDATE wmctl_account SET ended = $2, ended_reason = $3, ended_code = $4, ended_at_ms = $5
    WHERE business_id = $1";

const PRE_KEY: &str = "
    INSERT INTO whatsmeow_pre_keys (business_id, jid, key_id, key, uploaded)
    VALUES ($1, $2, $3, $4, FALSE)
    ON CONFLICT (business_id, jid, key_id) DO UPDATE
    SET key = excluded.key, uploaded = excluded.uploaded";

const FORGET_PRE_KEYS: &str = "
    DELETE FROM whatsmeow_pre_keys
    WHERE business_id = $1 AND jid = $2 AND key_id >= $3 AND key_id < $4";
const NEXT_PRE_KEY: &str = "UPDATE wmctl_account SET next_pre_key_id = $2 WHERE business_id = $1";

const UPLOADED: &str = "
    UPDATE whatsmeow_pre_keys SET uploaded = TRUE
    WHERE business_id = $1 AND jid = $2 AND key_id <= $3 AND NOT uploaded";

const NOT_UPLOADED: &str = "
    SELECT CAST(key_id AS BIGINT), key FROM whatsmeow_pre_keys
    WHERE business_id = $1 AND jid = $2 AND NOT uploaded ORDER BY key_id";

/// Ids have three bytes, and the last value is not used.
const PRE_KEY_ID_MAX: u32 = 0xff_fffe;

impl Store {
    /// Returns the name of a tenant's last unit of work, and the account as that unit or a later
    /// one left it.
    pub async fn account_after(
        &self,
        tenant: &TenantId,
    ) -> Result<(String, Option<Account>), StoreError> {
        let queries = [LAST_UNIT, ACCOUNT].map(|sql| (sql, args![tenant.as_str()]));
        let mut rows = self.db.first_rows(queries.into()).await?.into_iter();
        let last = rows.next().flatten();
        let last = last.map_or(Ok(String::new()), |row| row.column("wmctl_account", 0))?;
        let account = rows.next().flatten().map(|row| decode(&row)).transpose()?;
        Ok((last, account))
    }

    /// Returns the paired account of a tenant; `None` before pairing.
    pub async fn account(&self, tenant: &TenantId) -> Result<Option<Account>, StoreError> {
        let row = self.db.row(ACCOUNT, args![tenant.as_str()]).await?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Returns the paired account, read inside a transaction.
    pub(super) async fn account_in(
        tx: &mut Tx,
        tenant: &TenantId,
    ) -> Result<Option<Account>, StoreError> {
        let row = tx.row(ACCOUNT, args![tenant.as_str()]).await?;
        row.map(|row| decode(&row)).transpose()
    }

    /// Returns every tenant that has a paired account.
    pub async fn tenants(&self) -> Result<Vec<TenantId>, StoreError> {
        let rows = self.db.rows(TENANTS, args![]).await?;
        rows.iter()
            .map(|row| {
                let text: String = row.column(TABLE, 0)?;
                text.parse().map_err(|_| StoreError::Corrupt {
                    table: TABLE,
                    column: 0,
                })
            })
            .collect()
    }

    /// Returns the pre-keys that the server is not known to have, lowest id first.
    pub async fn pre_keys_not_uploaded(&self, owner: &Owner) -> Result<Vec<PreKey>, StoreError> {
        let row = args![owner.tenant.as_str(), owner.jid.to_string()];
        let rows = self.db.rows(NOT_UPLOADED, row).await?;
        rows.iter()
            .map(|row| {
                Ok(PreKey {
                    id: number(row, 0)?,
                    pair: pair(row, 1)?,
                })
            })
            .collect()
    }
}

/// Replaces the tenant's device, including all rows that belong to it.
pub(super) async fn paired(
    unit: &mut FencedTransaction,
    owner: &Owner,
    account: &Account,
) -> Result<(), StoreError> {
    let tenant = owner.tenant.as_str();
    unit.run(FORGET, args![tenant]).await?;
    let (sql, row) = insertion(owner, account);
    unit.run(sql, row).await?;
    let row = args![
        tenant,
        account.next_pre_key_id,
        account.routing_info.clone()
    ];
    unit.run(BEGIN_ACCOUNT, row).await?;
    if let Some(ended) = &account.ended {
        end(unit, owner, Some(ended)).await?;
    }
    Ok(())
}

/// Returns the statement that inserts a device, and its values.
pub(super) fn insertion(owner: &Owner, account: &Account) -> (&'static str, Vec<Val>) {
    let row = args![
        owner.tenant.as_str(),
        account.jid.to_string(),
        account.lid.as_ref().map(Jid::to_string),
        account.registration_id,
        &account.noise.private.expose()[..],
        &account.identity.private.expose()[..],
        &account.signed_pre_key.pair.private.expose()[..],
        account.signed_pre_key.id,
        &account.signed_pre_key.signature[..],
        &account.adv_secret.expose()[..],
        account.adv.details.as_slice(),
        &account.adv.account_signature[..],
        &account.adv.account_signature_key[..],
        &account.adv.device_signature[..],
        account.platform.as_str(),
        account.business_name.as_str(),
        account.push_name.as_str(),
    ];
    (INSERT, row)
}

/// Writes the fields that are set.
pub(super) async fn update(
    unit: &mut FencedTransaction,
    owner: &Owner,
    update: &AccountUpdate,
) -> Result<(), StoreError> {
    let tenant = owner.tenant.as_str();
    let names = [&update.push_name, &update.business_name, &update.platform];
    if update.lid.is_some() || names.iter().any(|name| name.is_some()) {
        let [push, business, platform] = names.map(Option::clone);
        let row = args![
            tenant,
            update.lid.as_ref().map(Jid::to_string),
            push,
            business,
            platform
        ];
        unit.run(UPDATE_NAMES, row).await?;
    }
    if let Some(key) = &update.signed_pre_key {
        let private = &key.pair.private.expose()[..];
        unit.run(
            UPDATE_SIGNED,
            args![tenant, private, key.id, &key.signature[..]],
        )
        .await?;
    }
    if let Some(info) = &update.routing_info {
        unit.run(UPDATE_ROUTING, args![tenant, info.as_slice()])
            .await?;
    }
    if let Some(ended) = &update.ended {
        end(unit, owner, ended.as_ref()).await?;
    }
    Ok(())
}

async fn end(
    unit: &mut FencedTransaction,
    owner: &Owner,
    ended: Option<&Ended>,
) -> Result<(), StoreError> {
    let tenant = owner.tenant.as_str();
    let none = || None::<String>;
    let row = match ended {
        None => args![tenant, none(), none(), None::<i64>, None::<i64>],
        Some(Ended::LoggedOut { reason, at_ms }) => {
            args![tenant, "logged_out", reason.as_str(), None::<i64>, *at_ms]
        }
        Some(Ended::Banned { code, until_ms }) => {
            args![tenant, "banned", none(), *code, *until_ms]
        }
        Some(Ended::Outdated) => args![tenant, "outdated", none(), None::<i64>, None::<i64>],
        // This state is only written by an export.
        Some(Ended::Exported { .. }) => return Ok(()),
    };
    unit.run(UPDATE_ENDED, row).await?;
    Ok(())
}

/// Stores new pre-keys and moves the next id past the last one.
pub(super) async fn new_pre_keys(
    unit: &mut FencedTransaction,
    owner: &Owner,
    keys: &[PreKey],
) -> Result<(), StoreError> {
    let (tenant, jid) = (owner.tenant.as_str(), owner.jid.to_string());
    for key in keys {
        let private = &key.pair.private.expose()[..];
        unit.run(PRE_KEY, args![tenant, jid.as_str(), key.id, private])
            .await?;
    }
    if let Some(last) = keys.last() {
        let next = if last.id < PRE_KEY_ID_MAX {
            last.id + 1
        } else {
            1
        };
        unit.run(NEXT_PRE_KEY, args![tenant, next]).await?;
    }
    Ok(())
}

/// Deletes the pre-keys with ids from `from` up to but not including `to`.
pub(super) async fn forget_pre_keys(
    unit: &mut FencedTransaction,
    owner: &Owner,
    from: u32,
    to: u32,
) -> Result<(), StoreError> {
    let row = args![owner.tenant.as_str(), owner.jid.to_string(), from, to];
    unit.run(FORGET_PRE_KEYS, row).await?;
    Ok(())
}

/// Returns whether the signature of the signed pre-key was made with the account's identity key.
pub(super) fn fits(account: &Account) -> bool {
    let signed = &account.signed_pre_key;
    let message = signed.pair.public.to_signal();
    xeddsa::verify(&account.identity.public, &message, &signed.signature)
}

/// Marks the pre-keys up to `up_to` as known to the server.
pub(super) async fn pre_keys_uploaded(
    unit: &mut FencedTransaction,
    owner: &Owner,
    up_to: u32,
) -> Result<(), StoreError> {
    let row = args![owner.tenant.as_str(), owner.jid.to_string(), up_to];
    unit.run(UPLOADED, row).await?;
    Ok(())
}

fn corrupt(column: usize) -> StoreError {
    StoreError::Corrupt {
        table: TABLE,
        column,
    }
}

fn number(row: &Row, column: usize) -> Result<u32, StoreError> {
    let value: i64 = row.column(TABLE, column)?;
    value.try_into().map_err(|_| corrupt(column))
}

fn bytes<const N: usize>(row: &Row, column: usize) -> Result<[u8; N], StoreError> {
    let value: Vec<u8> = row.column(TABLE, column)?;
    value.try_into().map_err(|_| corrupt(column))
}

fn pair(row: &Row, column: usize) -> Result<KeyPair, StoreError> {
    Ok(KeyPair::from_private(bytes(row, column)?))
}

fn decode(row: &Row) -> Result<Account, StoreError> {
    let jid: String = row.column(TABLE, 0)?;
    let lid: Option<String> = row.column(TABLE, 1)?;
    let lid = lid
        .filter(|text| !text.is_empty())
        .map(|text| text.parse().map_err(|_| corrupt(1)));
    Ok(Account {
        jid: jid.parse().map_err(|_| corrupt(0))?,
        lid: lid.transpose()?,
        registration_id: number(row, 2)?,
        noise: pair(row, 3)?,
        identity: pair(row, 4)?,
        signed_pre_key: SignedPreKey {
            pair: pair(row, 5)?,
            id: number(row, 6)?,
            signature: bytes(row, 7)?,
        },
        adv_secret: Secret::new(bytes(row, 8)?),
        adv: AdvIdentity {
            details: row.column(TABLE, 9)?,
            account_signature: bytes(row, 10)?,
            account_signature_key: bytes(row, 11)?,
            device_signature: bytes(row, 12)?,
        },
        platform: row.column(TABLE, 13)?,
        business_name: row.column(TABLE, 14)?,
        push_name: row.column(TABLE, 15)?,
        next_pre_key_id: number(row, 16)?,
        routing_info: row.column(TABLE, 17)?,
        ended: decode_ended(row)?,
    })
}

fn decode_ended(row: &Row) -> Result<Option<Ended>, StoreError> {
    let kind: Option<String> = row.column(TABLE, 18)?;
    let reason: Option<String> = row.column(TABLE, 19)?;
    let code: Option<i64> = row.column(TABLE, 20)?;
    let at_ms: Option<i64> = row.column(TABLE, 21)?;
    if let Some(at_ms) = row.column::<Option<i64>>(TABLE, 23)? {
        let to: Option<String> = row.column(TABLE, 22)?;
        let to = to.unwrap_or_default();
        return Ok(Some(Ended::Exported { to, at_ms }));
    }
    Ok(match kind.as_deref() {
        None => None,
        Some("logged_out") => Some(Ended::LoggedOut {
            reason: reason.unwrap_or_default(),
            at_ms: at_ms.unwrap_or_default(),
        }),
        Some("banned") => Some(Ended::Banned {
            code: code
                .and_then(|code| code.try_into().ok())
                .unwrap_or_default(),
            until_ms: at_ms,
        }),
        Some("outdated") => Some(Ended::Outdated),
        Some(_) => return Err(corrupt(18)),
    })
}
