//! How much memory the rows of all accounts of a process may take.
//!
//! Each account keeps rows at hand for its next unit of work. It has a limit of its own, and where
//! all of them together are over the process's, each its even share: those that work on forget
//! what they used longest ago, and those that do nothing for a while forget everything.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What one account keeps at most between two units of work: the ratchets of some twenty people.
pub const ACCOUNT_BYTES_MAX: usize = 64 << 10;
/// The same of all accounts of a process.
pub const PROCESS_BYTES_MAX: usize = 256 << 20;

/// What all accounts of a process share; clones are the same room.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<Taken>);

#[derive(Debug, Default)]
struct Taken {
    bytes: AtomicUsize,
    accounts: AtomicUsize,
}

impl Room {
    /// One account more; until the share is dropped.
    pub fn share(&self) -> Share {
        self.0.accounts.fetch_add(1, Ordering::Relaxed);
        Share {
            room: self.clone(),
            bytes: 0,
        }
    }

    /// What all of them keep, about.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }
}

/// One account's part.
#[derive(Debug)]
pub struct Share {
    room: Room,
    bytes: usize,
}

impl Share {
    /// What the account may keep now.
    pub fn bytes_max(&self) -> usize {
        if self.room.bytes() <= PROCESS_BYTES_MAX {
            return ACCOUNT_BYTES_MAX;
        }
        let accounts = self.room.0.accounts.load(Ordering::Relaxed).max(1);
        (PROCESS_BYTES_MAX / accounts).min(ACCOUNT_BYTES_MAX)
    }

    /// What it keeps.
    pub fn keeps(&mut self, bytes: usize) {
        let taken = &self.room.0.bytes;
        taken.fetch_add(bytes, Ordering::Relaxed);
        taken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.keeps(0);
        self.room.0.accounts.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_share_evenly_what_they_have_together() {
        let room = Room::default();
        let mut few: Vec<Share> = (0..10).map(|_| room.share()).collect();
        for share in &mut few {
            assert_eq!(share.bytes_max(), ACCOUNT_BYTES_MAX);
            share.keeps(ACCOUNT_BYTES_MAX);
        }
        assert_eq!(room.bytes(), 10 * ACCOUNT_BYTES_MAX);
        let mut many: Vec<Share> = (0..20_000).map(|_| room.share()).collect();
        // Over and over: what one keeps leaves less for the others.
        for _ in 0..2 {
            for share in many.iter_mut().chain(&mut few) {
                let most = share.bytes_max();
                share.keeps(most);
            }
        }
        assert!(room.bytes() <= PROCESS_BYTES_MAX + ACCOUNT_BYTES_MAX);
        assert!(PROCESS_BYTES_MAX / 2 < room.bytes());
        drop(many);
        assert_eq!(few[0].bytes_max(), ACCOUNT_BYTES_MAX);
        drop(few);
        assert_eq!(room.bytes(), 0);
    }
}
