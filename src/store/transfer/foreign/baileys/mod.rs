//! Reads a folder that Baileys 6 or 7 keeps with `useMultiFileAuthState`.

mod folder;
mod form;
mod found;
mod name;
mod owner;
mod signal;

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::signal::sealed::Identity;
use crate::store::transfer::foreign::account::ForeignAccount;
use crate::store::transfer::foreign::baileys::folder::Folder;
use crate::store::transfer::foreign::baileys::found::Found;
use crate::store::transfer::foreign::baileys::name::Name;
use crate::store::transfer::report::Origin;
use crate::store::transfer::report::{Damage, TransferError};

/// Reads the account in a folder.
pub(super) fn read(path: &Path, now_s: i64) -> Result<ForeignAccount, TransferError> {
    let folder = Folder::list(path)?;
    let (account, uploaded_below) = owner::read(&folder)?;
    let own = Identity {
        pair: account.identity.clone(),
        registration_id: account.registration_id,
    };
    let mut found = Found::new(own, uploaded_below);
    let mut damaged = Vec::new();
    for (file, name) in folder.files() {
        if let Err(what) = found.take(&folder, file, name) {
            damaged.push(Damage {
                table: table(name).to_owned(),
                row: folder::shown(file),
                what,
            });
        }
    }
    let changed_s = folder.changed(now_s)?;
    let (rows, token_times) = found.into_rows(&account);
    Ok(ForeignAccount {
        origin: Origin::Baileys,
        account,
        rows,
        salt: None,
        token_times,
        damaged,
        changed_s,
    })
}

/// Returns the table that stores the content of a file.
fn table(name: &Name) -> &'static str {
    match name {
        Name::PreKey(_) => "whatsmeow_pre_keys",
        Name::Session(_) => "whatsmeow_sessions",
        Name::Identity(_) => "whatsmeow_identity_keys",
        Name::SenderKey { .. } => "whatsmeow_sender_keys",
        Name::Holders(_) => "wmctl_sender_key_share",
        Name::SyncKey(_) => "whatsmeow_app_state_sync_keys",
        Name::SyncVersion(_) => "whatsmeow_app_state_version",
        Name::LidOf(_) | Name::NumberOf(_) => "whatsmeow_lid_map",
        Name::Token(_) => "whatsmeow_privacy_tokens",
        Name::Other | Name::Odd => "the folder",
    }
}
