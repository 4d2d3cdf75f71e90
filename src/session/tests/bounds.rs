//! Waiting work is bounded, and stanzas without room are not lost.

use super::steps::Bench;
use crate::ids::Jid;
use crate::session::input::Input;
use crate::session::messages::content;
use crate::session::output::{Close, Notice};
use crate::session::rows::{OutboxRow, Row, RowKey};
use crate::wire::node::Node;

fn retry(number: usize) -> Node {
    let id = format!("3EB0{number:016}");
    let retry = Node::new("retry")
        .attr("id", id.as_str())
        .attr("count", "1")
        .attr("t", "1");
    Node::new("receipt")
        .attr("from", Jid::user("15550002"))
        .attr("id", id)
        .attr("type", "retry")
        .attr("t", "1")
        .with_child(retry)
}

#[test]
fn what_finds_no_room_before_the_end_of_login_comes_again_on_another_link() {
    let mut bench = Bench::new();
    bench.feed(Input::LinkUp);
    let out = bench.node(Node::new("success").attr("t", "1760000000"));
    let mut full = 0;
    for number in 0..4_200 {
        let out = bench.node(retry(number));
        full += usize::from(out.notices.contains(&Notice::LeftOver));
        assert!(out.transmit.is_empty(), "nothing is acked");
    }
    assert_eq!(full, 1);
    let out = bench.counted(&out, "100");
    let out = bench.answer(&out, Node::new("none"));
    let mut acks = 0;
    for held in out.again {
        if matches!(held, Input::Node(_)) {
            let out = bench.feed(held);
            acks += out.transmit.iter().filter(|node| node.tag == "ack").count();
            assert_eq!(out.close, None);
        }
    }
    assert_eq!(acks, 4_096);
    let out = bench.tick_at(bench.session.wake_at().unwrap());
    let again = Close::Retry {
        reason: "left_over",
    };
    assert_eq!(out.close, Some(again));
}

#[test]
fn messages_that_wait_for_questions_are_all_kept() {
    const MESSAGES: usize = 4_500;
    let mut bench = Bench::ready();
    for number in 0..MESSAGES {
        let id: crate::ids::MessageId = format!("3EB0{number:016}").parse().unwrap();
        let to = Jid::user(format!("1555{number:07}"));
        let row = OutboxRow::queued(id.clone(), to, content::text("hello"), 0);
        bench.store(RowKey::Outbox(id.clone()), Row::Outbox(row));
        bench.feed(Input::Send(id));
    }
    let out = bench.tick_at(5_000);
    let sends = out.again.iter();
    let sends = sends.filter(|input| matches!(input, Input::Send(_)));
    // The other sends wait for an answer.
    assert_eq!(sends.count(), MESSAGES - 128);
}
