//! Decides which tenants a host takes, keeps and gives away. Performs nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use crate::ids::{HostId, TenantId};

/// Most tenants that a host takes at once, in one statement.
pub const TAKE_MAX: usize = 500;
/// Largest difference in tenants between two hosts that is accepted.
const UNEVEN_MIN: usize = 2;
/// The same as a fraction, 1/20, of the fuller host's tenants.
const UNEVEN_SHARE: usize = 20;
/// A host gives away at most 1/100 of all tenants at once.
const GIVE_SHARE: usize = 100;

/// A host that takes tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    pub id: HostId,
    pub name: String,
    pub capacity: usize,
}

impl Peer {
    fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted || self.id.to_string() == wanted
    }
}

/// One tenant as read from the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    pub tenant: &'a TenantId,
    /// The tenant is to run.
    pub enabled: bool,
    /// Name or id of the host that the tenant is pinned to.
    pub wanted_host: Option<&'a str>,
    pub owner: Option<HostId>,
    /// The owner was declared dead.
    pub orphaned: bool,
}

/// The facts on which a host decides.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub me: HostId,
    /// Live hosts that take tenants; without `me` while it drains.
    pub peers: &'a [Peer],
    pub plan: &'a [Placed<'a>],
    /// Tenants that run here, or are starting here.
    pub here: &'a BTreeSet<TenantId>,
    /// Tenants that are not to be tried now.
    pub resting: &'a BTreeSet<TenantId>,
    /// All processes are on one machine (SQLite). The first host takes all tenants, and a file lock
    /// shows whether a holder is alive.
    pub embedded: bool,
}

/// What to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub stop: Vec<TenantId>,
    pub take: Vec<TenantId>,
    /// Tenants above a fair share, of which a few may be given away. Those that prefer another host
    /// come first.
    pub give: Vec<TenantId>,
    /// Number of enabled tenants without a live owner, as far as known.
    pub orphans: usize,
}

/// Decides from the rows. All hosts reach compatible decisions without talking to each other.
pub fn decide(view: &View<'_>) -> Decision {
    let me = view.peers.iter().find(|peer| peer.id == view.me);
    let keeps = |placed: &Placed<'_>| {
        let pinned = pinned_to(view, placed);
        placed.enabled && me.is_some() && pinned.is_none_or(|id| id == view.me)
    };
    let wanted: Vec<&Placed<'_>> = view.plan.iter().filter(|one| one.enabled).collect();
    let kept = view.plan.iter().filter(|placed| keeps(placed));
    let kept: BTreeSet<&TenantId> = kept.map(|placed| placed.tenant).collect();
    let stop = view.here.iter().filter(|tenant| !kept.contains(tenant));
    let stop: Vec<TenantId> = stop.cloned().collect();
    let is_free = |placed: &Placed<'_>| {
        let owner = placed.owner.filter(|owner| *owner != view.me);
        owner.is_none() || placed.orphaned || view.embedded
    };
    let free = wanted.iter().copied();
    let free = free.filter(|placed| is_free(placed) && !view.here.contains(placed.tenant));
    let free: Vec<&Placed<'_>> = free.collect();
    let orphans = free.len();
    let Some(me) = me else {
        return Decision {
            stop,
            orphans,
            ..Decision::default()
        };
    };
    // A claim whose answer was lost, or a lease that could not be given back. No other host can
    // take it, so this host runs the tenant, even if only to give it away later.
    let own = |placed: &&Placed<'_>| placed.owner == Some(view.me) && !placed.orphaned;
    let (own, free): (Vec<&Placed<'_>>, Vec<&Placed<'_>>) = free.into_iter().partition(own);
    let mine = view.here.len() - stop.len() + own.len();
    let quota = match view.embedded {
        true => me.capacity,
        false => quota(me, view.peers, wanted.len()),
    };
    let open = free
        .into_iter()
        .filter(|one| kept.contains(one.tenant) && !view.resting.contains(one.tenant));
    let (pinned, mut loose): (Vec<&Placed<'_>>, Vec<&Placed<'_>>) =
        open.partition(|placed| pinned_to(view, placed).is_some());
    // Tenants that prefer this host come first, so that a returning host gets its former tenants.
    loose.sort_by_cached_key(|placed| favourite(placed.tenant, view.peers) != Some(view.me));
    loose.truncate(quota.saturating_sub(mine));
    let room = me.capacity.saturating_sub(mine).min(TAKE_MAX);
    let awake = |placed: &&Placed<'_>| !view.resting.contains(placed.tenant);
    let own = own.into_iter().filter(awake).take(TAKE_MAX);
    let take = own.chain(pinned.into_iter().chain(loose).take(room));
    Decision {
        stop,
        take: take.map(|placed| placed.tenant.clone()).collect(),
        give: surplus(view, &wanted, me, mine, quota),
        orphans,
    }
}

/// Returns the host that a tenant is pinned to, if that host is live.
fn pinned_to(view: &View<'_>, placed: &Placed<'_>) -> Option<HostId> {
    let wanted = placed.wanted_host?;
    let peer = view.peers.iter().find(|peer| peer.is_called(wanted))?;
    Some(peer.id)
}

/// Returns the fair share of a host, rounded up, at most its capacity.
fn quota(me: &Peer, peers: &[Peer], total: usize) -> usize {
    let all: usize = peers.iter().map(|peer| peer.capacity).sum();
    let share = (total.saturating_mul(me.capacity)).div_ceil(all.max(1));
    share.min(me.capacity)
}

/// Returns the tenants that a host should give away: those above its capacity, or above its share.
/// The share is ignored if the difference is small or a tenant has no host. Pinned tenants stay.
fn surplus(
    view: &View<'_>,
    wanted: &[&Placed<'_>],
    me: &Peer,
    mine: usize,
    quota: usize,
) -> Vec<TenantId> {
    let over = mine.saturating_sub(me.capacity);
    let many = match is_uneven(view, wanted, mine, quota) {
        true => mine - quota,
        false => over,
    };
    if many == 0 {
        return Vec::new();
    }
    let loose = |placed: &&&Placed<'_>| {
        view.here.contains(placed.tenant) && pinned_to(view, placed).is_none()
    };
    let mut loose: Vec<&&Placed<'_>> = wanted.iter().filter(loose).collect();
    loose.sort_by_cached_key(|placed| favourite(placed.tenant, view.peers) == Some(view.me));
    let given = loose.into_iter().take(many);
    given.map(|placed| placed.tenant.clone()).collect()
}

/// Returns true if this host has enough more tenants than another to justify moving some.
fn is_uneven(view: &View<'_>, wanted: &[&Placed<'_>], mine: usize, quota: usize) -> bool {
    // A tenant that waits for room on the host that it is pinned to must not stop that host from
    // giving others away.
    let settled = |placed: &&Placed<'_>| {
        (placed.owner.is_some() && !placed.orphaned) || pinned_to(view, placed).is_some()
    };
    if view.embedded || mine <= quota || !wanted.iter().all(settled) {
        return false;
    }
    let mut held: BTreeMap<HostId, usize> = view.peers.iter().map(|p| (p.id, 0)).collect();
    for owner in wanted.iter().filter_map(|placed| placed.owner) {
        if let Some(count) = held.get_mut(&owner) {
            *count += 1;
        }
    }
    let least = held.values().copied().min().unwrap_or(mine);
    let difference = mine.saturating_sub(least);
    UNEVEN_MIN.max(mine / UNEVEN_SHARE) < difference
}

/// The rate at which a host gives away surplus tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    every_ms: u64,
    next_ms: u64,
}

impl Pace {
    /// Creates a pace of one step per `every_ms`, the first one after `every_ms`.
    pub fn new(every_ms: u64, now_ms: u64) -> Self {
        Self {
            every_ms,
            next_ms: now_ms + every_ms,
        }
    }

    /// Returns the part of the surplus to give away now: at most 1/100 of all tenants, and at least
    /// one.
    pub fn due<'a>(&mut self, now_ms: u64, give: &'a [TenantId], all: usize) -> &'a [TenantId] {
        if give.is_empty() || now_ms < self.next_ms {
            return &[];
        }
        self.next_ms = now_ms + self.every_ms;
        &give[..give.len().min((all / GIVE_SHARE).max(1))]
    }
}

/// Returns the host that a tenant prefers, by rendezvous hashing over the hosts' names. All hosts
/// compute the same result.
fn favourite(tenant: &TenantId, peers: &[Peer]) -> Option<HostId> {
    let weight = |peer: &&Peer| {
        let mut hash = Fnv::default();
        hash.write(peer.name.as_bytes());
        hash.write(b"\0");
        hash.write(tenant.as_str().as_bytes());
        hash.finish()
    };
    peers.iter().max_by_key(weight).map(|peer| peer.id)
}

/// FNV-1a with a final mix. The result is the same on each machine and in each version.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }

    fn finish(&self) -> u64 {
        (self.0 ^ (self.0 >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[cfg(test)]
mod tests;
