//! The client payload, which identifies the client at the end of the handshake.

use prost::Message as _;
use wmctl_proto::handshake::client_payload::user_agent::{AppVersion, Platform, ReleaseChannel};
use wmctl_proto::handshake::client_payload::{
    ConnectReason, ConnectType, DevicePairingRegistrationData, UserAgent, WebInfo, web_info,
};
use wmctl_proto::handshake::device_props::{self, HistorySyncConfig, PlatformType};
use wmctl_proto::handshake::{ClientPayload, DeviceProps};

use crate::crypto::curve::SIGNAL_PREFIX;
use crate::crypto::hash;
use crate::session::account::Account;
use crate::session::config::{Browser, ClientConfig};
use crate::session::pairing::DeviceKeys;

/// The history quota that web clients announce, in MB.
const HISTORY_QUOTA_MB: u32 = 10_240;

/// Returns the payload of a paired device (login).
pub fn client_payload(account: &Account, config: &ClientConfig) -> Vec<u8> {
    ClientPayload {
        username: account.jid.user.parse().ok(),
        device: Some(u32::from(account.jid.device)),
        passive: Some(true),
        pull: Some(true),
        lid_db_migrated: Some(true),
        lc: Some(1),
        ..base_payload(config)
    }
    .encode_to_vec()
}

/// Returns the payload of a device that is to be paired (registration).
pub fn registration_payload(keys: &DeviceKeys, config: &ClientConfig) -> Vec<u8> {
    let version = config.version.map(|part| part.to_string()).join(".");
    let signed = &keys.signed_pre_key;
    let data = DevicePairingRegistrationData {
        e_regid: Some(keys.registration_id.to_be_bytes().to_vec()),
        e_keytype: Some(vec![SIGNAL_PREFIX]),
        e_ident: Some(keys.identity.public.0.to_vec()),
        e_skey_id: Some(signed.id.to_be_bytes()[1..].to_vec()),
        e_skey_val: Some(signed.pair.public.0.to_vec()),
        e_skey_sig: Some(signed.signature.to_vec()),
        build_hash: Some(hash::md5(&[version.as_bytes()]).to_vec()),
        device_props: Some(device_props(config).encode_to_vec()),
    };
    ClientPayload {
        passive: Some(false),
        pull: Some(false),
        device_pairing_data: Some(data),
        ..base_payload(config)
    }
    .encode_to_vec()
}

fn base_payload(config: &ClientConfig) -> ClientPayload {
    let [primary, secondary, tertiary] = config.version.map(Some);
    let text = |text: &str| Some(text.to_owned());
    ClientPayload {
        user_agent: Some(UserAgent {
            platform: Some(Platform::Web as i32),
            app_version: Some(AppVersion {
                primary,
                secondary,
                tertiary,
                ..Default::default()
            }),
            mcc: text("000"),
            mnc: text("000"),
            os_version: text("0.1"),
            manufacturer: text(""),
            device: text("Desktop"),
            os_build_number: text("0.1"),
            release_channel: Some(ReleaseChannel::Release as i32),
            locale_language_iso6391: text("en"),
            locale_country_iso31661_alpha2: text("US"),
            ..Default::default()
        }),
        web_info: Some(WebInfo {
            web_sub_platform: Some(web_info::WebSubPlatform::WebBrowser as i32),
            ..Default::default()
        }),
        connect_type: Some(ConnectType::WifiUnknown as i32),
        connect_reason: Some(ConnectReason::UserActivated as i32),
        ..Default::default()
    }
}

fn device_props(config: &ClientConfig) -> DeviceProps {
    let platform = match config.browser {
        Browser::Chrome => PlatformType::Chrome,
        Browser::Edge => PlatformType::Edge,
        Browser::Firefox => PlatformType::Firefox,
        Browser::Safari => PlatformType::Safari,
        Browser::Other => PlatformType::Unknown,
    };
    DeviceProps {
        os: Some(config.name.clone()),
        version: Some(device_props::AppVersion {
            primary: Some(0),
            secondary: Some(1),
            tertiary: Some(0),
            ..Default::default()
        }),
        platform_type: Some(platform as i32),
        require_full_sync: Some(false),
        history_sync_config: Some(HistorySyncConfig {
            storage_quota_mb: Some(HISTORY_QUOTA_MB),
            inline_initial_payload_in_e2ee_msg: Some(true),
            ..Default::default()
        }),
    }
}
