//! An account, and one row of every kind.

use rand::SeedableRng as _;
use rand::rngs::StdRng;
use wmctl::crypto::curve::KeyPair;
use wmctl::crypto::xeddsa;
use wmctl::ids::{HostId, Jid, TenantId};
use wmctl::secret::Secret;
use wmctl::session::account::{Account, Ended, PreKey, SignedPreKey};
use wmctl::session::changes::Change;
use wmctl::session::pairing::device_identity::AdvIdentity;
use wmctl::session::rows::*;
use wmctl::signal::bundle::Bundle;
use wmctl::signal::ratchet::Ratchet;
use wmctl::signal::sealed::Identity;
use wmctl::signal::sender_key::SenderKey;
use wmctl::store::lease::{Host, Lease};
use wmctl::store::{Owner, Store};

pub(super) fn tenant() -> TenantId {
    "acme".parse().unwrap()
}

pub(super) fn host(number: u8) -> Host {
    let id = HostId::from_random([number; 16]);
    Host {
        id,
        name: format!("host-{number}"),
        pid: u32::from(number),
        silence: None,
    }
}

pub(super) fn account() -> Account {
    Account {
        jid: Jid::user("4915112345621").with_device(7),
        lid: Some(Jid::lid("99887766").with_device(7)),
        registration_id: 4_000_000_000,
        noise: KeyPair::from_private([1; 32]),
        identity: KeyPair::from_private([2; 32]),
        signed_pre_key: signed(5),
        adv_secret: Secret::new([4; 32]),
        adv: adv(),
        platform: "android".to_owned(),
        business_name: String::new(),
        push_name: "Łukasz 🦀".to_owned(),
        next_pre_key_id: 813,
        routing_info: Some(vec![8, 2, 1]),
        ended: None,
    }
}

/// A device identity with the signatures of a phone and a device.
fn adv() -> AdvIdentity {
    let (phone, device) = (
        KeyPair::from_private([7; 32]),
        KeyPair::from_private([2; 32]),
    );
    let details = vec![5; 40];
    let accepted = [&[6, 0], &details[..], device.public.as_bytes()].concat();
    let accepting = [
        &[6, 1],
        &details[..],
        device.public.as_bytes(),
        phone.public.as_bytes(),
    ];
    AdvIdentity {
        account_signature: xeddsa::sign(&phone.private, &accepted, &[6; 64]),
        account_signature_key: phone.public.0,
        device_signature: xeddsa::sign(&device.private, &accepting.concat(), &[8; 64]),
        details,
    }
}

/// Returns the stored records of a ratchet and of a sender key.
pub(super) fn records() -> (Vec<u8>, Vec<u8>) {
    let random = &mut StdRng::seed_from_u64(1);
    let ours = Identity {
        pair: KeyPair::from_private([2; 32]),
        registration_id: 1,
    };
    let theirs = KeyPair::from_private([20; 32]);
    let signed = SignedPreKey::generate(1, &theirs.private, random);
    let bundle = Bundle {
        registration_id: 2,
        identity: theirs.public,
        signed_id: 1,
        signed_public: signed.pair.public,
        signature: signed.signature,
        one_time: None,
    };
    let ratchet = Ratchet::start(None, &ours, &bundle, random).unwrap();
    (ratchet.encode(), SenderKey::create(random).encode())
}

pub(super) fn signed(id: u32) -> SignedPreKey {
    let (identity, pair) = (
        KeyPair::from_private([2; 32]),
        KeyPair::from_private([3; 32]),
    );
    let signature = xeddsa::sign(&identity.private, &pair.public.to_signal(), &[9; 64]);
    SignedPreKey {
        id,
        pair,
        signature,
    }
}

pub(super) fn pre_key(id: u32) -> PreKey {
    PreKey {
        id,
        pair: KeyPair::from_private([id as u8; 32]),
    }
}

pub(super) fn banned() -> Ended {
    Ended::Banned {
        code: 101,
        until_ms: Some(9_000),
    }
}

pub(super) fn owner() -> Owner {
    Owner {
        tenant: tenant(),
        jid: account().jid,
    }
}

/// Pairs an account in the store and returns a lease on it.
pub(super) async fn paired(store: &Store) -> Lease {
    let host = host(1);
    store.register(&host, 1).await.unwrap();
    let lease = store.claim(&tenant(), host.id, 2).await.unwrap();
    let change = Change::Paired(Box::new(account()));
    store.commit(&lease, &owner(), &[change]).await.unwrap();
    lease
}

/// Returns one row of every kind that a unit of work may write.
pub(super) fn rows() -> Vec<(RowKey, Row)> {
    let their = Jid::user("491600").with_device(3).address();
    let group = Jid::group("120363");
    let id = || "3EB0C431".parse().unwrap();
    let sender = their.clone();
    vec![
        (RowKey::Ratchet(their.clone()), Row::Record(records().0)),
        (RowKey::Identity(their.clone()), Row::Identity([3; 32])),
        (
            RowKey::SenderKey {
                chat: group.clone(),
                sender,
            },
            Row::Record(records().1),
        ),
        (
            RowKey::SenderKeyShare(group.clone()),
            Row::SenderKeyShare(SenderKeyShare {
                key_id: u32::MAX,
                devices: vec![their],
            }),
        ),
        (
            RowKey::PreKey(16_777_214),
            Row::PreKey(PreKeyRow {
                private: Secret::new([6; 32]),
                uploaded: true,
            }),
        ),
        (
            RowKey::LidOf(Jid::user("491600")),
            Row::User(Jid::lid("777")),
        ),
        (
            RowKey::Devices(Jid::user("491600")),
            Row::Devices(DeviceList {
                devices: vec![(0, 0), (3, 12)],
                fetched_ms: 77,
            }),
        ),
        (RowKey::Group(group.clone()), Row::Group(group_info())),
        (
            RowKey::Contact(Jid::user("491600")),
            Row::Contact(Contact {
                push_name: Some("Ann".to_owned()),
                redacted_phone: Some("+49∙∙∙∙00".to_owned()),
                ..Contact::default()
            }),
        ),
        (
            RowKey::Retry(Dedupe("m:a:b:c".to_owned())),
            Row::Retry(RetryRow {
                count: 2,
                first_ms: 5,
                unread: Some(Unread {
                    chat: Jid::group("120363"),
                    sender: Jid::lid("777"),
                    id: id(),
                    asked: true,
                }),
            }),
        ),
        (
            RowKey::MessageSecret {
                chat: group,
                sender: Jid::user("491600"),
                id: id(),
            },
            Row::MessageSecret(vec![9; 32]),
        ),
        (
            RowKey::PrivacyToken(Jid::user("491600")),
            Row::PrivacyToken {
                token: vec![1, 2],
                timestamp_s: 1_700_000_000,
            },
        ),
        (
            RowKey::ChatSettings(Jid::user("491600")),
            Row::ChatSettings(ChatSettings {
                muted_until_s: -1,
                pinned: true,
                archived: false,
            }),
        ),
        (
            RowKey::AppStateKey(vec![0, 1]),
            Row::AppStateKey(AppStateKey {
                data: vec![1; 32],
                fingerprint: vec![2],
                timestamp: 1_700_000_000,
            }),
        ),
        (
            RowKey::AppStateVersion(Collection::RegularLow),
            Row::AppStateVersion {
                version: 3,
                hash: vec![4; 128],
            },
        ),
        (
            RowKey::AppStateMac {
                collection: Collection::RegularLow,
                index_mac: [1; 32],
            },
            Row::AppStateMac {
                version: 3,
                value_mac: [2; 32],
            },
        ),
    ]
}

fn group_info() -> GroupInfo {
    GroupInfo {
        subject: "Team \"quoted\"".to_owned(),
        addressing: Addressing::Lid,
        participants: vec![
            Participant {
                jid: Jid::lid("777"),
                pn: Some(Jid::user("491600")),
                lid: None,
                admin: true,
            },
            Participant {
                jid: Jid::lid("778"),
                pn: None,
                lid: None,
                admin: false,
            },
        ],
        fetched_ms: 3,
    }
}
