//! Inputs whose changes the database refuses. Each becomes an event with its bytes and is acked, so
//! that it does not arrive again and block everything behind it.

use crate::crypto::hash::sha256;
use crate::ids::{Jid, MessageId};
use crate::session::changes::{Change, Event, EventBody, MessageEvent};
use crate::session::input::{Input, Now};
use crate::session::machine::{Session, outgoing};
use crate::session::messages::ack::{ack, refused};
use crate::session::messages::origin;
use crate::session::output::Output;
use crate::session::rows::{Dedupe, OutboxRow, OutboxState, Row, RowKey, Rows};
use crate::wire::encode::encode;
use crate::wire::node::Node;

/// The error code of a message that was not sent because the database refuses it or its changes.
pub const REFUSED: &str = "refused";

impl Session {
    /// Returns what to commit and transmit instead of the refused changes. Returns `None` if the
    /// account cannot continue without this input.
    ///
    /// `made` are the refused changes, and `reason` is the database's error text. Discard the
    /// session afterwards, because its state is ahead of its rows.
    pub fn refuse(
        &self,
        now: Now,
        input: &Input,
        made: &[Change],
        rows: &Rows,
        reason: &str,
    ) -> Option<Output> {
        let mut out = Output::default();
        match input {
            Input::Node(node) | Input::MoreOf { receipt: node, .. } => {
                // Without these there is no link.
                if matches!(node.tag.as_str(), "success" | "failure" | "stream:error") {
                    return None;
                }
                refuse_node(now, node, input.word(), made, reason, &mut out);
            }
            Input::Send(id) => self.refuse_send(now, id, rows, reason, &mut out),
            Input::LinkUp | Input::LinkDown | Input::Logout => return None,
            Input::History => {
                // Keep the progress: the next chunk may be accepted.
                out.changes.extend(made.iter().filter(is_progress).cloned());
                refuse_other(now, input.word(), reason, &mut out);
            }
            Input::Tick
            | Input::MarkRead { .. }
            | Input::SyncAppState
            | Input::ApplyAppState(_)
            | Input::AskAppStateKeys
            | Input::AskPhone
            | Input::Blob { .. } => refuse_other(now, input.word(), reason, &mut out),
        }
        Some(out)
    }

    fn refuse_send(&self, now: Now, id: &MessageId, rows: &Rows, reason: &str, out: &mut Output) {
        let key = RowKey::Outbox(id.clone());
        let known = match rows.knows(&key).then(|| rows.row(&key)).flatten() {
            Some(Row::Outbox(row)) => Some(row.clone()),
            _ => None,
        };
        // Neither its recipient nor its body is ever written again.
        let row = known.clone().unwrap_or_else(|| {
            let nobody = self.account.jid.bare();
            OutboxRow::queued(id.clone(), nobody, Vec::new(), now.unix_ms)
        });
        let failed = OutboxRow {
            state: OutboxState::Failed,
            stanza: None,
            error: Some(String::from(REFUSED)),
            ..row
        };
        out.changes
            .push(Change::Put(key, Row::Outbox(failed.clone())));
        let (dedupe, body) = match known {
            Some(row) => {
                let code = String::from(REFUSED);
                let (chat, id) = (row.to, id.clone());
                let body = EventBody::SendFailed { chat, id, code };
                (outgoing("send_failed", &row.id), body)
            }
            None => {
                let body = EventBody::Refused {
                    input: "send",
                    chat: None,
                    sender: None,
                    id: Some(id.clone()),
                    reason: reason.to_owned(),
                    payload: Vec::new(),
                    decrypted: false,
                };
                (outgoing("refused", id), body)
            }
        };
        push(out, Some(dedupe), now.unix_ms, body);
    }
}

fn push(out: &mut Output, dedupe: Option<Dedupe>, at_ms: i64, body: EventBody) {
    let event = Event {
        dedupe,
        at_ms,
        alt: None,
        body,
    };
    out.changes.push(Change::Event(Box::new(event)));
}

fn refuse_node(
    now: Now,
    node: &Node,
    input: &'static str,
    made: &[Change],
    reason: &str,
    out: &mut Output,
) {
    let stanza = encode(node);
    let dedupe = dedupe_of(&stanza);
    // The decrypted content is more useful than the ciphertext.
    let decrypted = made.iter().find_map(|change| match change {
        Change::Event(event) => match &event.body {
            EventBody::Message(message) => Some(message),
            _ => None,
        },
        _ => None,
    });
    let said = |name| node.attr_jid(name).map(|jid: Jid| jid.bare());
    let body = EventBody::Refused {
        input,
        chat: said("from"),
        sender: said("participant").or_else(|| said("from")),
        id: origin::message_id(node),
        reason: reason.to_owned(),
        decrypted: decrypted.is_some(),
        payload: decrypted.map_or(stanza, |message: &MessageEvent| message.payload.clone()),
    };
    push(out, Some(dedupe), origin::at_ms(node, now.unix_ms), body);
    match input {
        "message" => out.transmit.extend(ack(node, Some(refused::DATABASE))),
        "receipt" | "notification" | "call" => out.transmit.extend(ack(node, None)),
        _ => (),
    }
}

fn is_progress(change: &&Change) -> bool {
    match change {
        Change::Put(key, _) | Change::Delete(key) => {
            matches!(key, RowKey::History(_) | RowKey::HistoryDone(_))
        }
        Change::Event(event) => matches!(event.body, EventBody::HistorySync { .. }),
        _ => false,
    }
}

/// Returns a dedupe key from bytes: equal bytes are one event, even if they arrive again.
fn dedupe_of(bytes: &[u8]) -> Dedupe {
    let digest = sha256(&[bytes]);
    Dedupe(format!("refused|{}", hex::encode(&digest[..16])))
}

/// Reports an input that is not a stanza: one event for each reason.
fn refuse_other(now: Now, input: &'static str, reason: &str, out: &mut Output) {
    let dedupe = dedupe_of(format!("{input} {reason}").as_bytes());
    let body = EventBody::Refused {
        input,
        chat: None,
        sender: None,
        id: None,
        reason: reason.to_owned(),
        payload: Vec::new(),
        decrypted: false,
    };
    push(out, Some(dedupe), now.unix_ms, body);
}
