//! Known bytes, round trips, and hostile input.

use bytes::BytesMut;
use proptest::prelude::*;

use crate::ids::{Jid, Server};
use crate::wire::decode::{self, NodeError};
use crate::wire::encode::encode;
use crate::wire::frame::{self, FrameError};
use crate::wire::node::{Content, Node};
use crate::wire::token;

fn known(node: &Node, bytes: &[u8]) {
    assert_eq!(encode(node), bytes, "{node}");
    assert_eq!(decode::decode(bytes).as_ref(), Ok(node));
}

#[test]
fn known_forms_of_words() {
    let id = |text: &str| Node::new("iq").attr("id", text);
    known(&Node::new("iq"), b"\x00\xf8\x01\x19");
    known(&id("1"), b"\x00\xf8\x03\x19\x08\x55");
    known(&id("77777"), b"\x00\xf8\x03\x19\x08\xff\x83\x77\x77\x7f");
    known(&id("AB1"), b"\x00\xf8\x03\x19\x08\xfb\x82\xab\x1f");
    known(&id("x!"), b"\x00\xf8\x03\x19\x08\xfc\x02x!");
    known(&id("1.0-2"), b"\x00\xf8\x03\x19\x08\xff\x83\x1b\x0a\x2f");
    known(&Node::new("active"), b"\x00\xf8\x01\xec\x01");
    known(
        &Node::new("iq").bytes(b"hi".to_vec()),
        b"\x00\xf8\x02\x19\xfc\x02hi",
    );
    let inner = Node::new("iq").with_child(Node::new("iq"));
    known(&inner, b"\x00\xf8\x02\x19\xf8\x01\xf8\x01\x19");
}

#[test]
fn known_forms_of_addresses() {
    let to = |jid: Jid| Node::new("iq").attr("to", jid);
    known(&to(Jid::server()), b"\x00\xf8\x03\x19\x11\xfa\x00\x03");
    known(
        &to(Jid::user("491")),
        b"\x00\xf8\x03\x19\x11\xfa\xff\x82\x49\x1f\x03",
    );
    known(
        &to(Jid::user("491").with_device(7)),
        b"\x00\xf8\x03\x19\x11\xf7\x00\x07\xff\x82\x49\x1f",
    );
    known(
        &to(Jid::lid("491").with_device(7)),
        b"\x00\xf8\x03\x19\x11\xf7\x01\x07\xff\x82\x49\x1f",
    );
    known(
        &to(Jid::new("491", Server::Hosted).with_device(99)),
        b"\x00\xf8\x03\x19\x11\xf7\x80\x63\xff\x82\x49\x1f",
    );
    known(
        &to(Jid::group("120-3")),
        b"\x00\xf8\x03\x19\x11\xfa\xff\x83\x12\x0a\x3f\x1c",
    );
}

#[test]
fn empty_attributes_are_left_out() {
    assert_eq!(
        encode(&Node::new("iq").attr("id", "")),
        encode(&Node::new("iq"))
    );
}

#[test]
fn every_dictionary_word_comes_back() {
    for (word, ..) in token::SORTED {
        let node = Node::new("iq").attr("id", word);
        assert_eq!(decode::decode(&encode(&node)), Ok(node), "{word}");
    }
}

#[test]
fn hostile_nodes_are_refused() {
    let check = |bytes: &[u8], error: NodeError| {
        assert_eq!(decode::decode(bytes), Err(error), "{bytes:?}");
    };
    check(b"", NodeError::CutShort);
    check(b"\x00", NodeError::CutShort);
    check(b"\x00\x00", NodeError::Unexpected { byte: 0 });
    check(b"\x00\xf8\x01\x19\x19", NodeError::Stray { bytes: 1 });
    check(b"\x00\xf8\x02\x19\xfe\xff\xff\xff\xff", NodeError::CutShort);
    check(b"\x00\xf8\x01\xfc\x01\xff", NodeError::Text);
    check(
        b"\x00\xf9\xff\xff\x19",
        NodeError::Limit {
            limit: "attributes",
        },
    );
    check(b"\x02not zlib", NodeError::Inflate);
    let deep: Vec<u8> = std::iter::once(0)
        .chain(b"\xf8\x02\x19\xf8\x01".repeat(decode::DEPTH_MAX + 2))
        .collect();
    check(&deep, NodeError::Limit { limit: "depth" });
}

#[test]
fn addresses_do_not_nest() {
    for byte in [0xfa, 0xf7, 0xf6, 0xf5] {
        let mut bytes = b"\x00\xf8\x03\x19\x04".to_vec();
        // The first word may be an address; its user may not.
        bytes.resize(1 << 20, byte);
        assert!(decode::decode(&bytes).is_err());
    }
}

#[test]
fn compressed_nodes_are_inflated_within_limits() {
    use std::io::Write;
    let zip = |bytes: &[u8]| {
        let mut out = flate2::write::ZlibEncoder::new(vec![2], flate2::Compression::best());
        out.write_all(bytes).unwrap();
        out.finish().unwrap()
    };
    let node = Node::new("iq").bytes(vec![7; 100_000]);
    assert_eq!(decode::decode(&zip(&encode(&node)[1..])), Ok(node));
    let bomb = zip(&vec![0; decode::NODE_BYTES_MAX + 1]);
    assert_eq!(
        decode::decode(&bomb),
        Err(NodeError::Limit { limit: "bytes" })
    );
}

#[test]
fn splits_only_whole_frames() {
    let check = |bytes: &[u8], frame: Option<&[u8]>, rest: &[u8]| {
        let mut buffer = BytesMut::from(bytes);
        assert_eq!(frame::split_frame(&mut buffer).unwrap().as_deref(), frame);
        assert_eq!(&buffer[..], rest);
    };
    check(b"", None, b"");
    check(b"\x00\x00\x02a", None, b"\x00\x00\x02a");
    check(b"\x00\x00\x02abc", Some(b"ab"), b"c");
    let mut long = BytesMut::from(&b"\xff\xff\xff"[..]);
    assert_eq!(
        frame::split_frame(&mut long),
        Err(FrameError::TooLong { length: 0xff_ffff })
    );
}

#[test]
fn the_intro_comes_once_with_or_without_routing() {
    for info in [None, Some(&b"\x08\x02"[..])] {
        let mut whole = BytesMut::new();
        frame::put_intro(info, &mut whole);
        for cut in 0..whole.len() {
            let mut part = BytesMut::from(&whole[..cut]);
            assert_eq!(frame::split_intro(&mut part), Ok(None), "{cut}");
        }
        whole.extend_from_slice(b"rest");
        assert_eq!(frame::split_intro(&mut whole), Ok(Some(())));
        assert_eq!(&whole[..], b"rest");
    }
    let mut other = BytesMut::from(&b"GET / HTTP/1.1"[..]);
    assert_eq!(frame::split_intro(&mut other), Err(FrameError::Header));
}

#[test]
fn an_empty_list_is_no_content_in_either_form() {
    for bytes in [&[0, 248, 2, 210, 0][..], &[0, 248, 2, 210, 248, 0]] {
        let node = decode::decode(bytes).unwrap();
        assert_eq!(node.content, Content::None, "{bytes:?}");
    }
}

#[test]
fn logs_show_no_content() {
    let node = Node::new("enc")
        .attr("type", "msg")
        .bytes(b"secret".to_vec());
    assert_eq!(node.to_string(), "<enc type=\"msg\"><!-- 6 bytes --></enc>");
}

/// Any node that a client may build. Text content is what the decoder returns for dictionary words.
fn any_node() -> impl Strategy<Value = Node> {
    let word = prop_oneof![
        "[a-z]{1,8}",
        "[0-9.-]{1,40}",
        "[0-9A-F]{1,130}",
        "[ -~]{1,300}"
    ];
    let server = proptest::sample::select(Server::ALL.map(|(server, _)| server).to_vec());
    let jid = ("[0-9]{1,15}", server, 0_u16..=255).prop_map(|(user, server, device)| {
        let device = if server.domain().is_some() { device } else { 0 };
        let user = if server == Server::Interop {
            format!("7-{user}")
        } else {
            user
        };
        Jid::new(user, server).with_device(device)
    });
    let attrs = proptest::collection::vec(
        (word.clone(), word.clone(), proptest::option::of(jid)),
        0..5,
    );
    let leaf = (
        word,
        attrs,
        proptest::option::of(proptest::collection::vec(any::<u8>(), 0..400)),
    )
        .prop_map(|(tag, attrs, bytes)| {
            let mut node = Node::new(tag);
            for (name, text, jid) in attrs {
                node = match jid {
                    Some(jid) => node.attr(name, jid),
                    None => node.attr(name, text),
                };
            }
            node.content = bytes.map_or(Content::None, Content::Bytes);
            node
        });
    leaf.prop_recursive(4, 64, 8, |inner| {
        proptest::collection::vec(inner, 1..8)
            .prop_map(|nodes| Node::new("list").with_children(nodes))
    })
}

proptest! {
    #[test]
    fn decoding_inverts_encoding(node in any_node()) {
        prop_assert_eq!(decode::decode(&encode(&node)), Ok(node));
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(node) = decode::decode(&bytes) {
            // An accepted node can be rendered and encoded again.
            let again = decode::decode(&encode(&node));
            prop_assert!(again.is_ok(), "{} {:?}", node, again);
        }
    }

    #[test]
    fn damaged_nodes_never_panic(node in any_node(), at in any::<usize>(), byte: u8) {
        let mut bytes = encode(&node);
        let at = at % bytes.len();
        bytes[at] = byte;
        let _ = decode::decode(&bytes);
    }
}
