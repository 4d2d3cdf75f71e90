//! Which tenants a host takes, gives away and keeps. Decides and does nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use crate::ids::{HostId, TenantId};

/// Most tenants that are taken at once: one statement each time.
pub const TAKE_MAX: usize = 500;
/// A difference between hosts that is left as it is.
const UNEVEN_MIN: usize = 2;
/// The same as a share of what the fuller one has.
const UNEVEN_SHARE: usize = 20;
/// A host gives so small a part of all tenants away at once.
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

/// One tenant as the rows have it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placed<'a> {
    pub tenant: &'a TenantId,
    /// It is to run.
    pub enabled: bool,
    /// Name or id of the host that it is to run on.
    pub wanted_host: Option<&'a str>,
    pub owner: Option<HostId>,
    /// Its owner was declared dead.
    pub orphaned: bool,
}

/// What a host knows when it decides.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    pub me: HostId,
    /// Hosts that live and take tenants; without `me` while it drains.
    pub peers: &'a [Peer],
    pub plan: &'a [Placed<'a>],
    /// Tenants that run here, or are about to.
    pub here: &'a BTreeSet<TenantId>,
    /// Not to be tried now.
    pub resting: &'a BTreeSet<TenantId>,
    /// One machine: whoever comes first takes all, and a file's lock tells whether a holder lives.
    pub embedded: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    pub stop: Vec<TenantId>,
    pub take: Vec<TenantId>,
    /// Tenants above a fair share, of which a few may be given away: those first that would choose
    /// another host.
    pub give: Vec<TenantId>,
    /// Tenants that nobody has, as far as is known.
    pub orphans: usize,
}

/// Decides by what the rows say; every host comes to compatible decisions by itself.
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
    // A claim whose answer was lost, or a lease that could not be given back: nobody else may have
    // it, so it counts as ours and is run, if only to be given away again.
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
    // Those that would choose this host come first: a host that comes back gets its own again.
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

/// The host that a tenant is to run on, while it is there.
fn pinned_to(view: &View<'_>, placed: &Placed<'_>) -> Option<HostId> {
    let wanted = placed.wanted_host?;
    let peer = view.peers.iter().find(|peer| peer.is_called(wanted))?;
    Some(peer.id)
}

/// The fair share of a host, rounded up, within its capacity.
fn quota(me: &Peer, peers: &[Peer], total: usize) -> usize {
    let all: usize = peers.iter().map(|peer| peer.capacity).sum();
    let share = (total.saturating_mul(me.capacity)).div_ceil(all.max(1));
    share.min(me.capacity)
}

/// Which tenants a host has too many: what is above its capacity, and what is above its share,
/// unless the difference is small or somebody is without a host. One that is to run here stays.
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

/// Whether a host has so many more than another one that it is worth to move some.
fn is_uneven(view: &View<'_>, wanted: &[&Placed<'_>], mine: usize, quota: usize) -> bool {
    // One that waits for room on the host that it is to run on must not keep that host full.
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

/// How fast a host gives tenants away that it has too many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pace {
    every_ms: u64,
    next_ms: u64,
}

impl Pace {
    pub fn new(every_ms: u64, now_ms: u64) -> Self {
        Self {
            every_ms,
            next_ms: now_ms + every_ms,
        }
    }

    /// Those of the surplus that may go now: one in a hundred of all tenants there are.
    pub fn due<'a>(&mut self, now_ms: u64, give: &'a [TenantId], all: usize) -> &'a [TenantId] {
        if give.is_empty() || now_ms < self.next_ms {
            return &[];
        }
        self.next_ms = now_ms + self.every_ms;
        &give[..give.len().min((all / GIVE_SHARE).max(1))]
    }
}

/// The host that a tenant would choose: the same one for everybody who asks, by name.
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

/// FNV-1a with a last mix: the same on every machine and in every version.
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
