//! A watchdog for links that answer pings but do nothing else.
//!
//! A connection can be half dead: the server answers pings and nothing more. Three signs of life
//! must arrive in time. They are acks for sent messages, progress of an announced offline queue,
//! and the answer to a harmless periodic request. A missing sign is reported only if another stanza
//! arrived since. If nothing at all arrives, the link is simply lost.

use std::collections::VecDeque;

use crate::ids::MessageId;

/// Maximum number of tracked messages that wait for an ack. Further ones are not tracked.
const SENDS_MAX: usize = 1_024;
/// The periodic request is sent after this multiple of the time allowed for an answer.
const ASKS_APART: u64 = 10;

/// A sign of life that is missing although the link answers pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SignOfLife {
    /// Acks for sent messages.
    Acks,
    /// The rest of an announced offline queue.
    OfflineQueue,
    /// The answer to a request.
    Answers,
}

impl SignOfLife {
    /// Returns a stable word for what is missing.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acks => "no_acks",
            Self::OfflineQueue => "offline_queue",
            Self::Answers => "no_answers",
        }
    }
}

/// The tracked signs of one link. Times are in monotonic ms.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::session) struct LinkWatchdog {
    /// Maximum time for each sign, in ms. Requests are tracked only after login.
    patience_ms: u64,
    sends: VecDeque<(MessageId, u64)>,
    acked_at: u64,
    /// The last progress of the offline queue while it is incomplete.
    offline_since: Option<u64>,
    /// The last progress of pending requests while any is pending.
    asked_at: Option<u64>,
    ask_at: Option<u64>,
    /// The sign that is overdue. If any stanza arrives before it, the link is half dead.
    doubted: Option<SignOfLife>,
    proved: Vec<SignOfLife>,
}

impl LinkWatchdog {
    /// Resets for a new link, with at most `patience_ms` for each sign.
    pub(in crate::session) fn start(&mut self, patience_ms: u64) {
        *self = Self {
            patience_ms,
            ..Self::default()
        };
    }

    /// Starts the periodic requests after login. Answers during login prove nothing, because a
    /// half-dead link gives them too.
    pub(in crate::session) fn logged_in(&mut self, now: u64) {
        self.ask_at = Some(now + self.patience_ms);
    }

    /// Records that a message was sent.
    pub(in crate::session) fn sent(&mut self, now: u64, id: &MessageId) {
        let known = self.sends.iter().any(|(sent, _)| sent == id);
        if !known && self.sends.len() < SENDS_MAX {
            self.sends.push_back((id.clone(), now));
        }
    }

    /// Records an ack. Returns the time in ms since the send, and the sign if it is the first of
    /// its kind. Returns `None` for a message that is not tracked.
    pub(in crate::session) fn acked(
        &mut self,
        now: u64,
        id: &MessageId,
    ) -> Option<(u64, Option<SignOfLife>)> {
        let at = self.sends.iter().position(|(sent, _)| sent == id)?;
        let (_, sent_at) = self.sends.remove(at)?;
        self.acked_at = now;
        Some((now.saturating_sub(sent_at), self.prove(SignOfLife::Acks)))
    }

    /// Records that an offline queue was announced, or that a part of it arrived.
    pub(in crate::session) fn offline(&mut self, now: u64, announced: bool) {
        if announced || self.offline_since.is_some() {
            self.offline_since = Some(now);
        }
    }

    /// Records the end of the offline queue.
    pub(in crate::session) fn offline_done(&mut self) -> Option<SignOfLife> {
        self.offline_since = None;
        self.prove(SignOfLife::OfflineQueue)
    }

    /// Returns whether the periodic request is due.
    pub(in crate::session) fn asks(&self, now: u64) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// Records that a request was sent, if login is complete.
    pub(in crate::session) fn asked(&mut self, now: u64) {
        if self.ask_at.is_some() {
            self.asked_at.get_or_insert(now);
            self.ask_at = Some(now + self.patience_ms * ASKS_APART);
        }
    }

    /// Records an answer. `open` is true if more requests are pending.
    pub(in crate::session) fn answered(&mut self, now: u64, open: bool) -> Option<SignOfLife> {
        self.asked_at.take()?;
        self.asked_at = open.then_some(now);
        self.prove(SignOfLife::Answers)
    }

    /// Returns when to call [`LinkWatchdog::overdue`] and [`LinkWatchdog::asks`] again.
    pub(in crate::session) fn wake_at(&self) -> Option<u64> {
        if self.doubted.is_some() {
            // The keepalive decides what happens next.
            return None;
        }
        let waits = self.waits().map(|(_, since)| since + self.patience_ms);
        waits.chain(self.ask_at).min()
    }

    /// Returns whether a sign is overdue; true only once, when that is first noticed.
    pub(in crate::session) fn overdue(&mut self, now: u64) -> bool {
        if self.doubted.is_some() {
            return false;
        }
        let missing = self
            .waits()
            .find(|(_, since)| since + self.patience_ms <= now);
        self.doubted = missing.map(|(sign, _)| sign);
        self.doubted.is_some()
    }

    /// Returns the sign that is overdue although a stanza has just arrived.
    pub(in crate::session) fn heard(&self) -> Option<SignOfLife> {
        self.doubted
    }

    fn waits(&self) -> impl Iterator<Item = (SignOfLife, u64)> {
        let sends = self.sends.front().map(|(_, at)| (*at).max(self.acked_at));
        let signs = [
            (SignOfLife::Acks, sends),
            (SignOfLife::OfflineQueue, self.offline_since),
            (SignOfLife::Answers, self.asked_at),
        ];
        signs
            .into_iter()
            .filter_map(|(sign, since)| Some((sign, since?)))
    }

    /// Records that a sign arrived. Returns it if it is the first of its kind on this link.
    fn prove(&mut self, sign: SignOfLife) -> Option<SignOfLife> {
        if self.doubted == Some(sign) {
            self.doubted = None;
        }
        let first = !self.proved.contains(&sign);
        if first {
            self.proved.push(sign);
        }
        first.then_some(sign)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: u64 = 1_000;

    fn started() -> LinkWatchdog {
        let mut pulse = LinkWatchdog::default();
        pulse.start(PATIENCE);
        pulse
    }

    fn id(number: u32) -> MessageId {
        format!("3EB0{number:016X}").parse().unwrap()
    }

    #[test]
    fn a_send_that_is_not_acknowledged_is_told_once_the_link_is_known_to_live() {
        let mut pulse = started();
        assert_eq!(pulse.wake_at(), None);
        pulse.sent(10, &id(1));
        assert_eq!(pulse.wake_at(), Some(1_010));
        assert!(!pulse.overdue(1_009));
        assert_eq!(pulse.heard(), None);
        assert!(pulse.overdue(1_010));
        assert!(!pulse.overdue(1_011), "it is noticed once");
        assert_eq!(pulse.wake_at(), None);
        assert_eq!(pulse.heard(), Some(SignOfLife::Acks));
    }

    #[test]
    fn acknowledgements_that_go_on_are_progress() {
        let mut pulse = started();
        for number in 0..3 {
            pulse.sent(0, &id(number));
        }
        assert_eq!(
            pulse.acked(900, &id(0)),
            Some((900, Some(SignOfLife::Acks)))
        );
        assert!(!pulse.overdue(1_800));
        assert_eq!(pulse.acked(1_800, &id(1)), Some((1_800, None)));
        assert_eq!(pulse.acked(1_800, &id(1)), None, "it is acknowledged once");
        assert!(pulse.overdue(2_800));
        // A late ack still counts.
        assert_eq!(pulse.acked(2_801, &id(2)), Some((2_801, None)));
        assert_eq!(pulse.heard(), None);
    }

    #[test]
    fn an_offline_queue_must_go_on_and_end() {
        let mut pulse = started();
        pulse.offline(0, false);
        assert_eq!(pulse.wake_at(), None, "none was announced");
        pulse.offline(0, true);
        pulse.offline(900, false);
        assert!(!pulse.overdue(1_800));
        assert_eq!(pulse.offline_done(), Some(SignOfLife::OfflineQueue));
        assert!(!pulse.overdue(9_000));
        pulse.offline(10_000, true);
        assert!(pulse.overdue(11_000));
        assert_eq!(pulse.heard(), Some(SignOfLife::OfflineQueue));
    }

    #[test]
    fn a_question_now_and_then_must_be_answered() {
        let mut pulse = started();
        pulse.asked(0);
        assert_eq!(pulse.wake_at(), None, "the login has a deadline of its own");
        pulse.logged_in(0);
        assert_eq!(pulse.wake_at(), Some(1_000));
        assert!(pulse.asks(1_000));
        pulse.asked(1_000);
        assert!(!pulse.asks(1_000));
        assert_eq!(pulse.answered(1_500, false), Some(SignOfLife::Answers));
        assert_eq!(pulse.wake_at(), Some(11_000));
        assert!(pulse.asks(11_000));
        pulse.asked(11_000);
        assert!(pulse.overdue(12_000));
        assert_eq!(pulse.heard(), Some(SignOfLife::Answers));
    }

    #[test]
    fn answers_that_go_on_are_progress() {
        let mut pulse = started();
        pulse.logged_in(0);
        pulse.asked(100);
        pulse.asked(200);
        assert_eq!(pulse.answered(1_000, true), Some(SignOfLife::Answers));
        assert!(!pulse.overdue(1_900));
        assert!(pulse.overdue(2_000));
        assert_eq!(pulse.answered(2_001, false), None, "that was known");
        assert_eq!(pulse.heard(), None);
    }

    #[test]
    fn what_is_waited_for_is_bounded() {
        let mut pulse = started();
        for number in 0..5_000 {
            pulse.sent(0, &id(number));
        }
        assert_eq!(pulse.sends.len(), SENDS_MAX);
    }
}
