//! The account itself: `creds.json`.

use crate::crypto::curve::KeyPair;
use crate::ids::Jid;
use crate::secret::Secret;
use crate::session::account::{Account, SignedPreKey};
use crate::session::pairing::device_identity::AdvIdentity;
use crate::store::transfer::foreign::baileys::folder::{CREDS, Folder};
use crate::store::transfer::foreign::baileys::form::{Accepted, Bytes, Creds, Me, Number, Pair};
use crate::store::transfer::foreign::baileys::signal;
use crate::store::transfer::report::TransferError;

type Fault = &'static str;

const MISSING: Fault = "a value is missing";
const LENGTH: Fault = "a key or signature has the wrong length";
const RANGE: Fault = "a number is out of range";

/// Reads the account, and the id of the first pre-key that is not uploaded.
pub(super) fn read(folder: &Folder) -> Result<(Account, u32), TransferError> {
    let damaged = |what| TransferError::File {
        file: CREDS.to_owned(),
        what,
    };
    let creds: Creds = folder.read(CREDS).map_err(damaged)?;
    let Some(me) = &creds.me else {
        let why = "creds.json names no account: it was never paired";
        return Err(TransferError::SourceUnpaired(why));
    };
    let Some(accepted) = &creds.account else {
        let why = "creds.json has no signed identity: pairing was begun and not finished";
        return Err(TransferError::SourceUnpaired(why));
    };
    let jid = me.id.parse::<Jid>().ok();
    let jid = jid.filter(|jid| jid.is_phone_number() && jid.device != 0);
    let Some(jid) = jid else {
        let why = "creds.json names no companion device: only those can be taken over";
        return Err(TransferError::SourceUnpaired(why));
    };
    let account = account(&creds, me, accepted, jid).map_err(damaged)?;
    let uploaded_below = creds.first_unuploaded_pre_key_id.map_or(Ok(0), number);
    Ok((account, uploaded_below.map_err(damaged)?))
}

fn account(creds: &Creds, me: &Me, accepted: &Accepted, jid: Jid) -> Result<Account, Fault> {
    let signed = creds.signed_pre_key.as_ref().ok_or(MISSING)?;
    let adv_secret = creds.adv_secret_key.as_ref().ok_or(MISSING)?;
    Ok(Account {
        lid: lid(me, &jid)?,
        jid,
        registration_id: number(creds.registration_id.ok_or(MISSING)?)?,
        noise: pair(creds.noise_key.as_ref().ok_or(MISSING)?)?,
        identity: pair(creds.signed_identity_key.as_ref().ok_or(MISSING)?)?,
        signed_pre_key: SignedPreKey {
            id: number(signed.key_id)?,
            pair: pair(&signed.key_pair)?,
            signature: array(&signed.signature)?,
        },
        adv_secret: Secret::new(array(adv_secret)?),
        adv: AdvIdentity {
            details: accepted.details.0.to_vec(),
            account_signature: array(&accepted.account_signature)?,
            account_signature_key: array(&accepted.account_signature_key)?,
            device_signature: array(&accepted.device_signature)?,
        },
        platform: creds.platform.clone().unwrap_or_default(),
        business_name: me.verified_name.clone().unwrap_or_default(),
        push_name: me.name.clone().unwrap_or_default(),
        next_pre_key_id: number(creds.next_pre_key_id.unwrap_or(Number(1)))?,
        routing_info: creds.routing_info.as_ref().map(|info| info.0.to_vec()),
        ended: None,
    })
}

/// Returns our own LID with our device number, which older versions left out.
fn lid(me: &Me, jid: &Jid) -> Result<Option<Jid>, Fault> {
    let Some(text) = me.lid.as_ref().filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let lid = text.parse::<Jid>().ok().filter(Jid::is_lid);
    let lid = lid.ok_or("its LID is none")?;
    Ok(Some(lid.with_device(jid.device)))
}

/// Decodes a key pair and checks that its halves fit together.
pub(super) fn pair(pair: &Pair) -> Result<KeyPair, Fault> {
    let found = KeyPair::from_private(*signal::secret(&pair.private)?.expose());
    match signal::public(&pair.public)? == found.public {
        true => Ok(found),
        false => Err("the halves of a key do not belong together"),
    }
}

fn array<const N: usize>(bytes: &Bytes) -> Result<[u8; N], Fault> {
    bytes.0.as_slice().try_into().map_err(|_| LENGTH)
}

fn number(number: Number) -> Result<u32, Fault> {
    u32::try_from(number.0).map_err(|_| RANGE)
}
