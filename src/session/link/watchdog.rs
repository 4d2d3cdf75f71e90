//! Whether a link that answers pings does anything else.
//!
//! A session can be connected and dead: the server answers pings and nothing more. Three things
//! must come back: acknowledgements of what was sent, the whole of an offline queue that was
//! announced, and now and then the answer to a harmless question. What is missing for too long is
//! told only when something else was heard since: a link on which nothing is heard is simply lost.

use std::collections::VecDeque;

use crate::ids::MessageId;

/// Most messages whose acknowledgement is waited for; of more, the first ones tell enough.
const SENDS_MAX: usize = 1_024;
/// A question is asked so many times less often than its answer may take.
const ASKS_APART: u64 = 10;

/// What does not come although the link lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// Acknowledgements of what was sent.
    Acks,
    /// The rest of an offline queue that was announced.
    OfflineQueue,
    /// The answer to a question.
    Answers,
}

impl Sign {
    /// A stable word for what is missing.
    pub fn word(self) -> &'static str {
        match self {
            Self::Acks => "no_acks",
            Self::OfflineQueue => "offline_queue",
            Self::Answers => "no_answers",
        }
    }
}

/// What is waited for on one link. Times are monotonic milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::session) struct Pulse {
    /// How long each of them may take; no time is waited before the login.
    patience_ms: u64,
    sends: VecDeque<(MessageId, u64)>,
    acked_at: u64,
    /// Since when nothing of the offline queue came.
    offline_since: Option<u64>,
    /// Since when a question is open and none was answered.
    asked_at: Option<u64>,
    ask_at: Option<u64>,
    /// Missing for too long: the next sign of life decides that the link is half dead.
    doubted: Option<Sign>,
    proved: Vec<Sign>,
}

impl Pulse {
    /// A new link, on which each sign may take so long.
    pub(in crate::session) fn start(&mut self, patience_ms: u64) {
        *self = Self {
            patience_ms,
            ..Self::default()
        };
    }

    /// The login is complete. That its questions were answered proves nothing: it comes before
    /// everything that a half-dead link leaves out.
    pub(in crate::session) fn logged_in(&mut self, now: u64) {
        self.ask_at = Some(now + self.patience_ms);
    }

    /// A message left.
    pub(in crate::session) fn sent(&mut self, now: u64, id: &MessageId) {
        let known = self.sends.iter().any(|(sent, _)| sent == id);
        if !known && self.sends.len() < SENDS_MAX {
            self.sends.push_back((id.clone(), now));
        }
    }

    /// The server acknowledged a message: how long that took, and whether it proves something.
    pub(in crate::session) fn acked(
        &mut self,
        now: u64,
        id: &MessageId,
    ) -> Option<(u64, Option<Sign>)> {
        let at = self.sends.iter().position(|(sent, _)| sent == id)?;
        let (_, sent_at) = self.sends.remove(at)?;
        self.acked_at = now;
        Some((now.saturating_sub(sent_at), self.prove(Sign::Acks)))
    }

    /// An offline queue was announced, or a part of it came.
    pub(in crate::session) fn offline(&mut self, now: u64, announced: bool) {
        if announced || self.offline_since.is_some() {
            self.offline_since = Some(now);
        }
    }

    /// The offline queue came to its end.
    pub(in crate::session) fn offline_done(&mut self) -> Option<Sign> {
        self.offline_since = None;
        self.prove(Sign::OfflineQueue)
    }

    /// Whether a question is due, as none was asked for long.
    pub(in crate::session) fn asks(&self, now: u64) -> bool {
        self.ask_at.is_some_and(|at| at <= now)
    }

    /// A question was asked, after the login.
    pub(in crate::session) fn asked(&mut self, now: u64) {
        if self.ask_at.is_some() {
            self.asked_at.get_or_insert(now);
            self.ask_at = Some(now + self.patience_ms * ASKS_APART);
        }
    }

    /// A question was answered; `open` says whether there are more.
    pub(in crate::session) fn answered(&mut self, now: u64, open: bool) -> Option<Sign> {
        self.asked_at.take()?;
        self.asked_at = open.then_some(now);
        self.prove(Sign::Answers)
    }

    /// When [`Pulse::overdue`] and [`Pulse::asks`] are to be asked again.
    pub(in crate::session) fn wake_at(&self) -> Option<u64> {
        if self.doubted.is_some() {
            // The keep-alive decides.
            return None;
        }
        let waits = self.waits().map(|(_, since)| since + self.patience_ms);
        waits.chain(self.ask_at).min()
    }

    /// Whether something is missing for too long; true once, when it is noticed.
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

    /// Something was heard: what is missing all the same.
    pub(in crate::session) fn heard(&self) -> Option<Sign> {
        self.doubted
    }

    fn waits(&self) -> impl Iterator<Item = (Sign, u64)> {
        let sends = self.sends.front().map(|(_, at)| (*at).max(self.acked_at));
        let signs = [
            (Sign::Acks, sends),
            (Sign::OfflineQueue, self.offline_since),
            (Sign::Answers, self.asked_at),
        ];
        signs
            .into_iter()
            .filter_map(|(sign, since)| Some((sign, since?)))
    }

    /// What was missing came; whether it came on this link for the first time.
    fn prove(&mut self, sign: Sign) -> Option<Sign> {
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

    fn started() -> Pulse {
        let mut pulse = Pulse::default();
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
        assert_eq!(pulse.heard(), Some(Sign::Acks));
    }

    #[test]
    fn acknowledgements_that_go_on_are_progress() {
        let mut pulse = started();
        for number in 0..3 {
            pulse.sent(0, &id(number));
        }
        assert_eq!(pulse.acked(900, &id(0)), Some((900, Some(Sign::Acks))));
        assert!(!pulse.overdue(1_800));
        assert_eq!(pulse.acked(1_800, &id(1)), Some((1_800, None)));
        assert_eq!(pulse.acked(1_800, &id(1)), None, "it is acknowledged once");
        assert!(pulse.overdue(2_800));
        // Late is better than never.
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
        assert_eq!(pulse.offline_done(), Some(Sign::OfflineQueue));
        assert!(!pulse.overdue(9_000));
        pulse.offline(10_000, true);
        assert!(pulse.overdue(11_000));
        assert_eq!(pulse.heard(), Some(Sign::OfflineQueue));
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
        assert_eq!(pulse.answered(1_500, false), Some(Sign::Answers));
        assert_eq!(pulse.wake_at(), Some(11_000));
        assert!(pulse.asks(11_000));
        pulse.asked(11_000);
        assert!(pulse.overdue(12_000));
        assert_eq!(pulse.heard(), Some(Sign::Answers));
    }

    #[test]
    fn answers_that_go_on_are_progress() {
        let mut pulse = started();
        pulse.logged_in(0);
        pulse.asked(100);
        pulse.asked(200);
        assert_eq!(pulse.answered(1_000, true), Some(Sign::Answers));
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
