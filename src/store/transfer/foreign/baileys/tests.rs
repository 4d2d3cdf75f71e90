//! Folders that no client wrote: odd, damaged and hostile ones.

use std::os::unix::fs::symlink;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rand::SeedableRng as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::*;
use crate::crypto::curve::KeyPair;
use crate::ids::{Address, Jid};
use crate::session::rows::{Row, RowKey};
use crate::signal::ratchet::Ratchet;

const NOW_S: i64 = 2_000_000_000;

fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

fn buffer(bytes: &[u8]) -> Value {
    json!({"type": "Buffer", "data": base64(bytes)})
}

fn pair(pair: &KeyPair) -> Value {
    json!({"private": buffer(pair.private.expose()), "public": buffer(&pair.public.0)})
}

fn keys(seed: u64) -> KeyPair {
    KeyPair::generate(&mut StdRng::seed_from_u64(seed))
}

/// Returns credentials with invalid signatures.
fn creds() -> Value {
    json!({
        "noiseKey": pair(&keys(1)),
        "signedIdentityKey": pair(&keys(2)),
        "signedPreKey": {"keyPair": pair(&keys(3)), "signature": buffer(&[1; 64]), "keyId": 1},
        "registrationId": 7,
        "advSecretKey": base64(&[2; 32]),
        "nextPreKeyId": 31,
        "firstUnuploadedPreKeyId": 30,
        "account": {
            "details": base64(&[3; 18]),
            "accountSignatureKey": base64(&[4; 32]),
            "accountSignature": base64(&[5; 64]),
            "deviceSignature": base64(&[6; 64]),
        },
        "me": {"id": "491510000001:3@s.whatsapp.net", "lid": "100000000000001:3@lid", "name": "A"},
        "platform": "android",
        "routingInfo": buffer(&[8; 6]),
    })
}

/// Returns a record of one ratchet with the owner of `identity`, whose chain begins with `base`.
fn record(identity: u64, base: u64, more: Value) -> Value {
    let signal = |seed| base64(&keys(seed).public.to_signal());
    let own = keys(base + 1);
    let chain = |kind, counter: i64, keys: Value| {
        json!({
            "chainKey": {"counter": counter, "key": base64(&[9; 32])},
            "chainType": kind,
            "messageKeys": keys,
        })
    };
    let mut session = json!({
        "registrationId": 12,
        "currentRatchet": {
            "ephemeralKeyPair": {
                "pubKey": base64(&own.public.to_signal()),
                "privKey": base64(own.private.expose()),
            },
            "lastRemoteEphemeralKey": signal(base + 2),
            "previousCounter": -1,
            "rootKey": base64(&[10; 32]),
        },
        "indexInfo": {
            "baseKey": signal(base),
            "baseKeyType": 2,
            "closed": -1,
            "used": base,
            "created": 1,
            "remoteIdentityKey": signal(identity),
        },
        "_chains": {
            signal(base + 1): chain(1, 4, json!({})),
            signal(base + 2): chain(2, 6, json!({"3": base64(&[11; 32])})),
        },
    });
    if let Value::Object(more) = more {
        session.as_object_mut().unwrap().extend(more);
    }
    json!({"_sessions": {signal(base): session}, "version": "v1"})
}

fn folder(files: &[(&str, Value)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (file, content) in files {
        std::fs::write(folder.path().join(file), content.to_string()).unwrap();
    }
    folder
}

fn read_all(files: &[(&str, Value)]) -> ForeignAccount {
    let mut all = vec![("creds.json", creds())];
    all.extend(files.iter().cloned());
    read(folder(&all).path(), NOW_S).unwrap()
}

fn at(address: &str) -> Address {
    Address::from_stored(address)
}

fn ratchet(foreign: &ForeignAccount, address: &str) -> Option<Ratchet> {
    match foreign.rows.get(&RowKey::Ratchet(at(address))) {
        Some(Row::Record(record)) => Some(Ratchet::decode(record).unwrap()),
        _ => None,
    }
}

#[test]
fn an_account_is_read_whole() {
    let foreign = read_all(&[
        ("pre-key-29.json", pair(&keys(29))),
        ("pre-key-30.json", pair(&keys(30))),
    ]);
    let account = &foreign.account;
    assert_eq!(account.jid.to_string(), "491510000001:3@s.whatsapp.net");
    let lid = account.lid.as_ref().map(Jid::to_string);
    assert_eq!(lid.as_deref(), Some("100000000000001:3@lid"));
    assert_eq!(account.identity, keys(2));
    assert_eq!((account.registration_id, account.next_pre_key_id), (7, 31));
    assert_eq!(account.routing_info.as_deref(), Some(&[8; 6][..]));
    for (id, uploaded) in [(29, true), (30, false)] {
        match foreign.rows.get(&RowKey::PreKey(id)) {
            Some(Row::PreKey(key)) => assert_eq!(key.uploaded, uploaded, "{id}"),
            other => panic!("{id}: {other:?}"),
        }
    }
    assert_eq!(foreign.damaged, []);
}

#[test]
fn counters_are_those_of_the_next_message() {
    let foreign = read_all(&[("session-1002_1.5.json", record(50, 60, Value::Null))]);
    let mut ratchet = ratchet(&foreign, "1002_1:5").expect("it is filed");
    assert_eq!(ratchet.encrypt(b"padded").unwrap().counter, 5);
    let identity = RowKey::Identity(at("1002_1:5"));
    let expected = Row::Identity(keys(50).public.0);
    assert_eq!(foreign.rows.get(&identity), Some(&expected));
}

#[test]
fn a_person_under_two_names_is_one() {
    // Version 6 writes no domain. Both names have the same identity key, and one has answered.
    let pending = json!({"pendingPreKey": {
        "signedKeyId": 1, "baseKey": base64(&keys(70).public.to_signal()), "preKeyId": 3,
    }});
    let foreign = read_all(&[
        ("session-491510000002.1.json", record(50, 60, Value::Null)),
        ("session-100000000000002.1.json", record(50, 70, pending)),
    ]);
    let both = ratchet(&foreign, "100000000000002_1:1").expect("it is filed under the LID");
    assert_eq!(both.base_key(), Some(keys(70).public), "used last");
    assert!(both.is_unanswered());
    assert_eq!(ratchet(&foreign, "491510000002:1"), None);
    let pair = RowKey::LidOf(Jid::user("491510000002"));
    let lid = Row::User(Jid::lid("100000000000002"));
    assert_eq!(foreign.rows.get(&pair), Some(&lid));
}

#[test]
fn what_nobody_can_tell_is_filed_under_both() {
    let foreign = read_all(&[(
        "session-100000000000002.1.json",
        record(50, 60, Value::Null),
    )]);
    for address in ["100000000000002:1", "100000000000002_1:1"] {
        assert!(ratchet(&foreign, address).is_some(), "{address}");
    }
    // Too few digits for a LID. And if names contain domains, a name without one is a phone number.
    let short = read_all(&[("session-49151.1.json", record(50, 60, Value::Null))]);
    assert!(ratchet(&short, "49151_1:1").is_none() && ratchet(&short, "49151:1").is_some());
    let newer = read_all(&[
        (
            "session-100000000000002.1.json",
            record(50, 60, Value::Null),
        ),
        ("session-7_1.0.json", record(51, 70, Value::Null)),
    ]);
    assert!(ratchet(&newer, "100000000000002_1:1").is_none());
}

#[test]
fn a_number_that_moved_has_its_newest_lid() {
    let foreign = read_all(&[
        ("lid-mapping-4915.json", json!("1002")),
        ("lid-mapping-1001_reverse.json", json!("4915")),
        ("lid-mapping-1002_reverse.json", json!("4915")),
        ("session-4915.0.json", record(50, 60, Value::Null)),
    ]);
    assert!(ratchet(&foreign, "1002_1:0").is_some());
}

fn refused(creds: &str) -> TransferError {
    let folder = folder(&[]);
    std::fs::write(folder.path().join("creds.json"), creds).unwrap();
    read(folder.path(), NOW_S).expect_err(creds)
}

#[test]
fn a_folder_without_good_credentials_is_refused() {
    let nothing = folder(&[("pre-key-1.json", pair(&keys(1)))]);
    let error = read(nothing.path(), NOW_S).unwrap_err();
    assert!(matches!(error, TransferError::NoCreds(_)), "{error}");
    let whole = creds().to_string();
    let deep = "[".repeat(100_000);
    let half = &whole[..whole.len() / 2];
    let mut types = creds();
    types["noiseKey"] = json!("no pair");
    let mut other = creds();
    other["noiseKey"]["public"] = buffer(&[0; 32]);
    let mut short = creds();
    short["account"]["accountSignature"] = json!(base64(&[5; 63]));
    let damaged = ["", "null ", &deep, half];
    let damaged = damaged.into_iter().map(String::from);
    for creds in damaged.chain([types, other, short].map(|creds| creds.to_string())) {
        let error = refused(&creds);
        assert!(
            error.to_string().starts_with("creds.json is damaged"),
            "{error}"
        );
        assert!(
            !error.to_string().contains("no pair"),
            "what stood there is a secret"
        );
    }
    for missing in ["me", "account"] {
        let mut creds = creds();
        creds.as_object_mut().unwrap().remove(missing);
        let error = refused(&creds.to_string());
        assert!(matches!(error, TransferError::SourceUnpaired(_)), "{error}");
    }
    let mut phone = creds();
    phone["me"]["id"] = json!("491510000001@s.whatsapp.net");
    let error = refused(&phone.to_string());
    assert!(matches!(error, TransferError::SourceUnpaired(_)), "{error}");
}

/// Checks the error for one bad file beside good credentials.
fn check(file: &str, make: impl FnOnce(&Path), expected: &str) {
    let folder = folder(&[("creds.json", creds())]);
    make(&folder.path().join(file));
    let foreign = read(folder.path(), NOW_S).unwrap();
    let faults: Vec<_> = foreign
        .damaged
        .iter()
        .map(|it| (&it.row[..], it.what))
        .collect();
    assert_eq!(faults, [(file, expected)]);
    assert_eq!(foreign.rows.len(), 0, "{file}: nothing of it is taken");
}

#[test]
fn each_damaged_file_is_named() {
    let write =
        |content: Value| move |path: &Path| std::fs::write(path, content.to_string()).unwrap();
    let session = "session-4915.0.json";
    const NO_FILE: &str = "it is a link, a folder or something else that is no file";
    let link = |path: &Path| symlink("/etc/passwd", path).unwrap();
    check(session, link, NO_FILE);
    check(session, |path| std::fs::create_dir(path).unwrap(), NO_FILE);
    let large = |path: &Path| {
        let file = std::fs::File::create(path).unwrap();
        file.set_len(65 << 20).unwrap();
    };
    check(session, large, "it has more than 64 MiB");
    check(
        session,
        |path| std::fs::write(path, "").unwrap(),
        "it ends too early",
    );
    let deep = format!("{{\"private\":{}", "{\"data\":".repeat(5_000));
    let deep = |path: &Path| std::fs::write(path, deep).unwrap();
    check("pre-key-1.json", deep, "it is not JSON, or too deep");
    const TYPES: &str = "a value is missing or of another type";
    check(session, write(json!({"_sessions": []})), TYPES);
    check(
        session,
        write(json!({"version": "v1"})),
        "it has no sessions",
    );
    let mut other = record(50, 60, Value::Null);
    other["version"] = json!("v2");
    check(session, write(other), "its version is unknown");
    let ratchet = json!({"currentRatchet": {
        "ephemeralKeyPair": {"pubKey": base64(&[5; 33]), "privKey": base64(&[1; 32])},
        "previousCounter": 0, "rootKey": base64(&[10; 32]),
    }});
    let unfit = record(50, 60, ratchet);
    check(session, write(unfit), "its ratchet key does not fit");
    for counter in [i64::MAX, i64::MIN, 1 << 40] {
        let chain = json!({
            "chainKey": {"counter": counter}, "chainType": 2, "messageKeys": {},
        });
        let key = base64(&keys(90).public.to_signal());
        let far = record(50, 60, json!({"_chains": {key: chain}}));
        check(session, write(far), "a counter is out of range");
    }
    check(
        "pre-key-1.json",
        write(json!({"private": {}, "public": {}})),
        "a key has the wrong length",
    );
    check(
        "lid-mapping-4915.json",
        write(json!("../1")),
        "it names no user",
    );
    let name = "app-state-sync-version-regular.json";
    let version = json!({"version": 1, "hash": buffer(&[0; 127]), "indexValueMap": {}});
    check(name, write(version), "the hash has the wrong length");
    let mac = json!({
        "version": 1, "hash": buffer(&[0; 128]), "indexValueMap": {"AAAA": {"valueMac": "AA=="}},
    });
    check(name, write(mac), "a MAC has the wrong length");
    check(
        "session-nobody.json",
        write(json!(null)),
        "its name tells nothing",
    );
}

#[test]
fn other_files_are_let_alone() {
    let folder = folder(&[("creds.json", creds()), ("notes.json", json!("mine"))]);
    symlink("/", folder.path().join("elsewhere")).unwrap();
    std::fs::write(folder.path().join("session-x.json.bak"), "old").unwrap();
    let foreign = read(folder.path(), NOW_S).unwrap();
    assert_eq!((foreign.rows.len(), foreign.damaged), (0, Vec::new()));
}

#[test]
fn a_folder_that_was_just_written_is_told_of() {
    let folder = folder(&[("creds.json", creds())]);
    let written = std::fs::metadata(folder.path().join("creds.json")).unwrap();
    let written_s = std::os::unix::fs::MetadataExt::mtime(&written);
    let changed = |now_s| read(folder.path(), now_s).unwrap().changed_s;
    assert_eq!(changed(written_s + 5), Some(5));
    assert_eq!(changed(written_s + 3_600), None);
}
