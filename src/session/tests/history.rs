//! Histories from phones: read in chunks, downloaded again after failures, imported once.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use prost::Message as _;
use rand::RngExt as _;
use wmctl_proto::history::{
    Conversation, HistorySync, HistorySyncMsg, PhoneNumberToLid, PushName, WebMessageInfo,
};
use wmctl_proto::message::{HistorySyncNotification, Message, MessageKey};

use super::chance;
use super::steps::Bench;
use crate::appstate::blob::{self, Kind};
use crate::session::changes::{Change, EventBody};
use crate::session::input::Input;
use crate::session::output::{Notice, Output};
use crate::session::rows::{Dedupe, HistoryRow, Row, RowKey};
use crate::session::sync::history_reader::{Entry, HistoryReader};

fn packed(plain: &[u8]) -> Vec<u8> {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(plain).unwrap();
    zlib.finish().unwrap()
}

fn text(id: &str, text: &str) -> HistorySyncMsg {
    let head = WebMessageInfo {
        key: Some(MessageKey {
            id: Some(id.to_owned()),
            from_me: Some(false),
            ..MessageKey::default()
        }),
        message: Some(Message {
            conversation: Some(text.to_owned()),
            ..Message::default()
        }),
        message_timestamp: Some(1_700_000_000),
        message_secret: Some(vec![1; 32]),
        ..WebMessageInfo::default()
    };
    HistorySyncMsg {
        message: Some(head),
        msg_order_id: None,
    }
}

fn chat(number: u32, messages: Vec<HistorySyncMsg>) -> Conversation {
    Conversation {
        id: Some(format!("{number}@s.whatsapp.net")),
        tc_token: Some(vec![number as u8]),
        tc_token_timestamp: Some(5),
        messages,
        ..Conversation::default()
    }
}

fn history(chats: u32, messages: u32) -> HistorySync {
    let of = |number: u32| {
        let id = |message: u32| format!("3A{number:06}{message:06}");
        let messages = (0..messages).map(|message| text(&id(message), &format!("past {message}")));
        chat(1_555_000 + number, messages.collect())
    };
    HistorySync {
        conversations: (0..chats).map(of).collect(),
        pushnames: vec![PushName {
            id: Some("1555000@s.whatsapp.net".into()),
            push_name: Some("Zoe".into()),
        }],
        phone_number_to_lid_mappings: vec![PhoneNumberToLid {
            pn_jid: Some("1555000@s.whatsapp.net".into()),
            lid_jid: Some("777@lid".into()),
        }],
        ..HistorySync::default()
    }
}

/// Reads everything from entry `done` on in chunks. Returns the entries and how the history ended.
fn read(packed: Vec<u8>, done: u64) -> (Vec<Entry>, Result<(), &'static str>) {
    read_all(HistoryReader::new(packed), done)
}

fn read_all(mut past: HistoryReader, done: u64) -> (Vec<Entry>, Result<(), &'static str>) {
    let mut entries = Vec::new();
    loop {
        let piece = past.piece(done);
        assert!(piece.entries.len() <= 64);
        entries.extend(piece.entries);
        if let Some(end) = piece.end {
            return (entries, end.map_err(|spoilt| spoilt.0));
        }
    }
}

#[test]
fn a_history_is_read_in_pieces_and_from_any_entry_on() {
    let packed = packed(&history(7, 50).encode_to_vec());
    let (all, end) = read(packed.clone(), 0);
    // Messages, then the other data of their chat; a name and an address pair at the end.
    assert_eq!((all.len(), end), (7 * 51 + 2, Ok(())));
    for done in [1, 51, 64, 200, 359] {
        let (rest, end) = read(packed.clone(), done);
        assert_eq!(end, Ok(()));
        assert_eq!(rest, all[usize::try_from(done).unwrap()..], "after {done}");
    }
}

#[test]
fn what_is_malformed_or_too_much_ends_a_history() {
    let check = |plain: &[u8], entries: usize, end: Result<(), &str>| {
        let (all, ended) = read(packed(plain), 0);
        assert_eq!(
            (all.len(), ended),
            (entries, end),
            "{:02x?}",
            &plain[..plain.len().min(24)]
        );
    };
    let malformed = Err("malformed");
    check(&[], 0, Ok(()));
    check(&[0x0B], 0, malformed);
    check(&[0x80; 12], 0, malformed);
    // A chat that ends before its message does, and one that is longer than the history.
    check(&[0x12, 3, 0x12, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0, malformed);
    check(&[0x12, 9, 0x0A, 1, b'a'], 0, malformed);
    // A length that exceeds all memory, of a skipped field and of an entry.
    let endless = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
    check(&[&[0x1A], &endless[..]].concat(), 0, malformed);
    check(&[&[0x3A], &endless[..]].concat(), 0, malformed);
    check(&[&[0x12], &endless[..]].concat(), 0, malformed);
    // Not zlib at all, and truncated zlib.
    assert_eq!(read(vec![1, 2, 3], 0).1, malformed);
    let mut cut = packed(&history(2, 20).encode_to_vec());
    cut.truncate(cut.len() / 2);
    assert_eq!(read(cut, 0).1, malformed);
    // An entry that is too large is skipped, and the next one is read.
    let mut some = history(1, 0);
    some.conversations[0].messages = vec![text("3A1", &"x".repeat(2 << 20)), text("3A2", "small")];
    check(&some.encode_to_vec(), 4, Ok(()));
    // A zip bomb ends at the limit and is never in memory as a whole.
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&[&[0x1A], &endless[..]].concat()).unwrap();
    zlib.write_all(&vec![0; 12 << 20]).unwrap();
    let bomb = HistoryReader::within(zlib.finish().unwrap(), 8 << 20);
    assert_eq!(read_all(bomb, 0).1, Err("too_large"));
}

/// Runs until no history step is left. Returns all outputs.
fn through(bench: &mut Bench, mut out: Output) -> Output {
    while let Some(input) = out.beside.take() {
        let mut next = bench.run(input);
        out.changes.append(&mut next.changes);
        out.notices.append(&mut next.notices);
        out.fetches.append(&mut next.fetches);
        out.beside = next.beside;
        if out.notices.contains(&Notice::HistoryDone) {
            break;
        }
    }
    out
}

fn row(notification: &HistorySyncNotification, failures: u32, done: u64) -> HistoryRow {
    HistoryRow {
        dedupe: Dedupe("history|x|1".into()),
        at_ms: 7,
        notification: notification.encode_to_vec(),
        done,
        failures,
    }
}

fn bench(row: HistoryRow) -> Bench {
    let mut bench = Bench::ready();
    bench.forget(&RowKey::NextHistory);
    bench.store(RowKey::NextHistory, Row::History(row));
    bench
}

/// Returns the texts of history messages, in order.
fn texts(out: &Output) -> Vec<String> {
    let events = out.changes.iter().filter_map(|change| match change {
        Change::Event(event) => Some(&event.body),
        _ => None,
    });
    events
        .filter_map(|body| match body {
            EventBody::Past(message) => message.text.clone(),
            _ => None,
        })
        .collect()
}

/// Returns the number of messages and the failure in the summary event.
fn summary(out: &Output) -> Option<(u64, Option<&'static str>)> {
    out.changes.iter().find_map(|change| match change {
        Change::Event(event) => match &event.body {
            EventBody::HistorySync {
                messages, failure, ..
            } => Some((*messages, *failure)),
            _ => None,
        },
        _ => None,
    })
}

fn inline(history: &HistorySync) -> HistorySyncNotification {
    HistorySyncNotification {
        initial_hist_bootstrap_inline_payload: Some(packed(&history.encode_to_vec())),
        ..HistorySyncNotification::default()
    }
}

#[test]
fn what_is_taken_in_is_left_out_the_next_time() {
    let notification = inline(&history(2, 100));
    for (done, left) in [(0, 200), (64, 136), (150, 51), (204, 0)] {
        let mut bench = bench(row(&notification, 0, done));
        let out = bench.run(Input::History);
        let out = through(&mut bench, out);
        assert_eq!(texts(&out).len(), left, "after {done}");
        assert_eq!(summary(&out), Some((200, None)));
        let gone = Change::Delete(RowKey::History(Dedupe("history|x|1".into())));
        assert!(out.changes.contains(&gone));
    }
}

#[test]
fn a_message_that_came_alive_is_not_told_again() {
    let notification = inline(&history(1, 3));
    let mut bench = bench(row(&notification, 0, 0));
    let alive = Dedupe("message|1555000@s.whatsapp.net|3A000000000001".into());
    bench.store(RowKey::Seen(alive), Row::Seen(4));
    let out = bench.run(Input::History);
    let out = through(&mut bench, out);
    assert_eq!(texts(&out), ["past 0", "past 2"]);
    // Its secrets are stored all the same.
    let secrets = out.changes.iter();
    let secrets = secrets.filter(|one| matches!(one, Change::Put(_, Row::MessageSecret(_))));
    assert_eq!(secrets.count(), 3);
}

#[test]
fn a_blob_is_asked_for_again_until_it_is_given_up() {
    let plain = packed(&history(1, 3).encode_to_vec());
    let path = String::from("/mms/1");
    let (reference, _) = blob::seal(Kind::History, &plain, path, &mut chance(3));
    let notification = HistorySyncNotification {
        media_key: Some(reference.media_key.expose().to_vec()),
        direct_path: Some(reference.direct_path.clone()),
        file_sha256: Some(reference.plain_sha256.to_vec()),
        file_enc_sha256: Some(reference.sealed_sha256.to_vec()),
        ..HistorySyncNotification::default()
    };
    for (failures, have, expected) in [
        (0, true, Some((3, None))),
        (8, true, Some((3, None))),
        (0, false, None),
        (7, false, None),
        (8, false, Some((0, Some("unavailable")))),
    ] {
        let mut bench = bench(row(&notification, failures, 0));
        let out = bench.run(Input::History);
        assert_eq!(out.fetches.len(), 1);
        assert_eq!(out.fetches[0].reference, reference);
        let blob = have.then(|| plain.clone());
        let out = bench.run(Input::Blob {
            id: out.fetches[0].id,
            blob,
        });
        let out = through(&mut bench, out);
        assert_eq!(summary(&out), expected, "{failures} {have}");
        let noted = out.changes.iter().find_map(|change| match change {
            Change::Put(_, Row::HistoryDone { failures, .. }) => Some(*failures),
            _ => None,
        });
        let failed = !have && expected.is_none();
        assert_eq!(noted, failed.then_some(failures + 1));
        assert!(out.notices.contains(&Notice::HistoryDone));
    }
}

#[test]
fn an_announcement_without_a_place_is_reported() {
    let nothing = HistorySyncNotification::default();
    let mut bench = bench(row(&nothing, 0, 0));
    let out = bench.run(Input::History);
    assert_eq!(summary(&out), Some((0, Some("nothing_there"))));
}

#[test]
fn a_row_that_cannot_be_read_is_told_of_and_goes() {
    let mut bench = Bench::ready();
    let dedupe = Dedupe("history|x|1".into());
    bench.forget(&RowKey::NextHistory);
    bench.store(RowKey::NextHistory, Row::SpoiltHistory(dedupe.clone()));
    let out = bench.run(Input::History);
    assert_eq!(summary(&out), Some((0, Some("unreadable"))));
    let gone = Change::Delete(RowKey::History(dedupe));
    assert!(out.changes.contains(&gone));
    assert!(out.beside.is_some(), "the next one has its turn");
}

#[test]
fn changed_bytes_end_in_an_error_and_never_in_a_panic() {
    let plain = history(2, 10).encode_to_vec();
    let mut rng = chance(5);
    for _ in 0..500 {
        let mut changed = plain.clone();
        for _ in 0..3 {
            let at = rng.random_range(0..changed.len());
            changed[at] = rng.random();
        }
        changed.truncate(rng.random_range(0..=changed.len()));
        let (entries, _) = read(packed(&changed), 0);
        assert!(entries.len() <= plain.len());
        // The same for damaged compressed data.
        let mut zlib = packed(&plain);
        let at = rng.random_range(0..zlib.len());
        zlib[at] = rng.random();
        let (entries, _) = read(zlib, 0);
        assert!(entries.len() <= plain.len());
    }
}
