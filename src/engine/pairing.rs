//! Pairing: the link of an unpaired device, up to the committed account.

use std::collections::VecDeque;
use std::time::Duration;

use tracing::{debug, info, warn};

use crate::clock::Surroundings;
use crate::crypto::random::Random;
use crate::engine::ledger::{self, AccountStore, AccountStoreError};
use crate::engine::line::{Connector, Hello, Line, LineError};
use crate::engine::stop::Stop;
use crate::ids::Jid;
use crate::session::account::{Account, Ended};
use crate::session::changes::Change;
use crate::session::config::ClientConfig;
use crate::session::input::Now;
use crate::session::link::payload;
use crate::session::output::{Close, Notice, Output};
use crate::session::pairing::{DeviceKeys, PairInput, Pairing};
use crate::session::unit::Context;

/// Most lost connections before pairing is given up.
const ATTEMPTS_MAX: u32 = 5;
/// Wait between two attempts.
const ATTEMPT_PAUSE: Duration = Duration::from_secs(1);

/// Progress of a pairing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PairingStep {
    /// Connecting to the server.
    Connecting,
    /// Text to show as a QR code, valid for `valid_ms` milliseconds.
    Qr {
        text: String,
        valid_ms: u64,
        number: u32,
        last: bool,
    },
    /// Pairing code of eight characters to type on the phone.
    Code(String),
    /// The phone accepted, and the account is committed.
    Accepted(Jid),
    /// The link was lost; pairing is retried.
    Again(String),
}

/// The reason why pairing failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PairingError {
    #[error("the code was not scanned in time")]
    Expired,
    /// The reason is a stable word of the session.
    #[error("pairing was refused: {0}")]
    Refused(&'static str),
    #[error("the server refuses this device")]
    Ended(Ended),
    #[error("connection: {0}")]
    Line(#[from] LineError),
    #[error(transparent)]
    AccountStore(#[from] AccountStoreError),
    #[error("stopped")]
    Stopped,
}

/// Everything that pairing works with.
pub struct PairingDeps<'a, L, D> {
    pub ledger: &'a L,
    pub dial: &'a D,
    pub surroundings: Surroundings,
    pub config: ClientConfig,
    /// The phone number for pairing by code; `None` for pairing by QR code.
    pub phone: Option<Jid>,
    pub stop: Stop,
}

/// How one link ended.
enum Ending {
    Paired,
    Lost(String),
}

/// Pairs a device. The account is committed before the server receives our acceptance.
pub async fn pair<L: AccountStore, D: Connector>(
    parts: PairingDeps<'_, L, D>,
    tell: &mut (dyn FnMut(PairingStep) + Send),
) -> Result<Jid, PairingError> {
    let mut random = parts.surroundings.entropy.random();
    let mut lost = 0;
    loop {
        let pairing = Pairing::new(DeviceKeys::generate(&mut *random), parts.config.clone());
        let mut attempt = Attempt {
            parts: &parts,
            pairing,
            paired: None,
            codes: 0,
        };
        tell(PairingStep::Connecting);
        let reason = match attempt.carry_out(&mut *random, tell).await {
            // Once the account is committed, the end of the link does not matter.
            result if attempt.paired.is_some() => {
                if let Err(error) = result {
                    debug!(%error, "link ended after pairing");
                }
                return attempt.paired.ok_or(PairingError::Stopped);
            }
            Ok(Ending::Paired) => String::from("restart"),
            Ok(Ending::Lost(reason)) => reason,
            Err(PairingError::Line(LineError::Down(reason))) if lost + 1 < ATTEMPTS_MAX => reason,
            Err(error) => return Err(error),
        };
        lost += 1;
        if ATTEMPTS_MAX <= lost {
            return Err(LineError::Down(reason).into());
        }
        warn!(%reason, "connection lost while pairing");
        tell(PairingStep::Again(reason));
        if !parts.stop.sleep(ATTEMPT_PAUSE).await {
            return Err(PairingError::Stopped);
        }
    }
}

/// One link of a pairing.
struct Attempt<'a, L, D> {
    parts: &'a PairingDeps<'a, L, D>,
    pairing: Pairing,
    paired: Option<Jid>,
    codes: u32,
}

impl<L: AccountStore, D: Connector> Attempt<'_, L, D> {
    async fn carry_out(
        &mut self,
        random: &mut (dyn Random + Send),
        tell: &mut (dyn FnMut(PairingStep) + Send),
    ) -> Result<Ending, PairingError> {
        let keys = self.pairing.keys();
        let hello = Hello {
            noise: keys.noise.clone(),
            payload: payload::registration_payload(keys, &self.parts.config),
            routing_info: None,
        };
        let mut line = tokio::select! {
            biased;
            () = self.parts.stop.asked() => return Err(PairingError::Stopped),
            line = self.parts.dial.dial(&hello) => line?,
        };
        let mut queue = VecDeque::from([PairInput::LinkUp]);
        queue.extend(self.parts.phone.clone().map(PairInput::UsePhone));
        let ending = loop {
            match self.turn(&mut line, &mut queue, random, tell).await {
                Ok(None) => (),
                Ok(Some(ending)) => break Ok(ending),
                Err(error) => break Err(error),
            }
        };
        line.close().await;
        ending
    }

    async fn turn(
        &mut self,
        line: &mut D::Line,
        queue: &mut VecDeque<PairInput>,
        random: &mut (dyn Random + Send),
        tell: &mut (dyn FnMut(PairingStep) + Send),
    ) -> Result<Option<Ending>, PairingError> {
        if queue.is_empty() {
            self.wait(line, queue).await?;
        }
        let clock = &self.parts.surroundings.clock;
        let mut out = Output::default();
        if let Some(input) = queue.pop_front() {
            let now = Now {
                mono_ms: clock.mono_ms(),
                unix_ms: clock.unix_ms(),
            };
            let mut cx = Context { now, rng: random };
            self.pairing.handle(&mut cx, input, &mut out);
        }
        if !out.changes.is_empty() {
            let first = ledger::Attempt::First;
            self.parts.ledger.commit(first, &out.changes).await?;
        }
        let mut accounts = out.changes.into_iter().filter_map(|change| match change {
            Change::Paired(account) => Some(account.jid),
            _ => None,
        });
        if let Some(jid) = accounts.next_back() {
            info!("account is committed");
            self.paired = Some(jid.clone());
            tell(PairingStep::Accepted(jid));
        }
        line.send(&out.transmit).await?;
        for notice in out.notices {
            self.notice(notice, queue, tell).await?;
        }
        match out.close {
            None => Ok(None),
            Some(Close::Restart) => Ok(Some(Ending::Paired)),
            Some(Close::Retry { reason }) => Ok(Some(Ending::Lost(reason.to_owned()))),
            Some(Close::Stalled(sign)) => Ok(Some(Ending::Lost(sign.word().to_owned()))),
            Some(Close::Replaced) => Ok(Some(Ending::Lost(String::from("replaced")))),
            Some(Close::Ended(ended)) => Err(PairingError::Ended(ended)),
            Some(Close::Asked) => Err(PairingError::Stopped),
            // Nothing is compared before there are keys.
            Some(Close::Older { .. }) => Ok(Some(Ending::Lost(String::from("older")))),
        }
    }

    async fn wait(
        &self,
        line: &mut D::Line,
        queue: &mut VecDeque<PairInput>,
    ) -> Result<(), PairingError> {
        let now = self.parts.surroundings.clock.mono_ms();
        let tick = self
            .pairing
            .wake_at()
            .map(|at| Duration::from_millis(at.saturating_sub(now)));
        tokio::select! {
            biased;
            () = self.parts.stop.asked() => return Err(PairingError::Stopped),
            nodes = line.receive() => queue.extend(nodes?.into_iter().map(PairInput::Node)),
            () = tokio::time::sleep(tick.unwrap_or_default()), if tick.is_some() => {
                queue.push_back(PairInput::Tick);
            }
        }
        Ok(())
    }

    async fn notice(
        &mut self,
        notice: Notice,
        queue: &mut VecDeque<PairInput>,
        tell: &mut (dyn FnMut(PairingStep) + Send),
    ) -> Result<(), PairingError> {
        match notice {
            Notice::Qr {
                text,
                valid_ms,
                last,
            } => {
                self.codes += 1;
                tell(PairingStep::Qr {
                    text,
                    valid_ms,
                    number: self.codes,
                    last,
                });
            }
            Notice::PairingCode(code) => tell(PairingStep::Code(code)),
            Notice::DeriveCode(work) => {
                // The derivation takes tens of milliseconds. It must not occupy a thread that
                // serves sockets.
                let derived = tokio::task::spawn_blocking(move || work.derive()).await;
                let key = derived.map_err(|_| PairingError::Refused("derivation"))?;
                queue.push_back(PairInput::Derived(key));
            }
            Notice::PairingFailed("expired") => return Err(PairingError::Expired),
            Notice::PairingFailed(reason) => return Err(PairingError::Refused(reason)),
            other => debug!(kind = other.kind(), "notice"),
        }
        Ok(())
    }
}

/// Returns true if pairing may replace the stored account without an explicit request.
pub fn is_free(account: Option<&Account>) -> bool {
    account.is_none_or(|account| matches!(account.ended, Some(Ended::LoggedOut { .. })))
}
