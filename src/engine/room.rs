//! Limits the memory for the cached rows of all accounts of a process.
//!
//! Each account caches rows for its next unit of work, up to its own limit. If all accounts
//! together exceed the process's limit, each gets an equal share. An active account then drops its
//! least recently used rows. An idle account drops all of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Most bytes that one account caches between two units of work: the ratchets of about twenty
/// people.
pub const ACCOUNT_BYTES_MAX: usize = 64 << 10;
/// Most bytes that all accounts of a process cache together.
pub const PROCESS_BYTES_MAX: usize = 256 << 20;

/// The memory shared by all accounts of a process; clones share it.
#[derive(Clone, Debug, Default)]
pub struct CacheBudget(Arc<Taken>);

#[derive(Debug, Default)]
struct Taken {
    bytes: AtomicUsize,
    accounts: AtomicUsize,
}

impl CacheBudget {
    /// Registers one more account, until the share is dropped.
    pub fn share(&self) -> CacheShare {
        self.0.accounts.fetch_add(1, Ordering::Relaxed);
        CacheShare {
            room: self.clone(),
            bytes: 0,
        }
    }

    /// Returns the bytes that all accounts cache, approximately.
    pub fn bytes(&self) -> usize {
        self.0.bytes.load(Ordering::Relaxed)
    }
}

/// One account's share.
#[derive(Debug)]
pub struct CacheShare {
    room: CacheBudget,
    bytes: usize,
}

impl CacheShare {
    /// Returns the most bytes that the account may cache now.
    pub fn bytes_max(&self) -> usize {
        if self.room.bytes() <= PROCESS_BYTES_MAX {
            return ACCOUNT_BYTES_MAX;
        }
        let accounts = self.room.0.accounts.load(Ordering::Relaxed).max(1);
        (PROCESS_BYTES_MAX / accounts).min(ACCOUNT_BYTES_MAX)
    }

    /// Records how many bytes the account caches.
    pub fn keeps(&mut self, bytes: usize) {
        let taken = &self.room.0.bytes;
        taken.fetch_add(bytes, Ordering::Relaxed);
        taken.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = bytes;
    }
}

impl Drop for CacheShare {
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
        let room = CacheBudget::default();
        let mut few: Vec<CacheShare> = (0..10).map(|_| room.share()).collect();
        for share in &mut few {
            assert_eq!(share.bytes_max(), ACCOUNT_BYTES_MAX);
            share.keeps(ACCOUNT_BYTES_MAX);
        }
        assert_eq!(room.bytes(), 10 * ACCOUNT_BYTES_MAX);
        let mut many: Vec<CacheShare> = (0..20_000).map(|_| room.share()).collect();
        // Twice: each account's use reduces what is left for the others.
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
