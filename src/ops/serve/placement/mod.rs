//! Which tenants a host takes, gives away and keeps. Decides and does nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hasher;

use crate::ids::{HostId, TenantId};
use crate::store::tenant::Planned;

/// Most tenants that are taken at once: one statement each time.
pub(super) const TAKE_MAX: usize = 500;
/// A difference between hosts that is left as it is.
const UNEVEN_MIN: usize = 2;
/// The same as a share of what the fuller one has.
const UNEVEN_SHARE: usize = 20;

/// A host that takes tenants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) id: HostId,
    pub(super) name: String,
    pub(super) capacity: usize,
}

impl Peer {
    fn is_called(&self, wanted: &str) -> bool {
        self.name == wanted || self.id.to_string() == wanted
    }
}

/// What a host knows when it decides.
pub(super) struct View<'a> {
    pub(super) me: HostId,
    /// Hosts that live and take tenants; without `me` while it drains.
    pub(super) peers: &'a [Peer],
    pub(super) plan: &'a [Planned],
    /// Tenants that run here, or are about to.
    pub(super) here: &'a BTreeSet<TenantId>,
    /// Not to be tried now.
    pub(super) resting: &'a BTreeSet<TenantId>,
    /// One machine: whoever comes first takes all, and a file's lock tells whether a holder lives.
    pub(super) embedded: bool,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) stop: Vec<TenantId>,
    pub(super) take: Vec<TenantId>,
    /// Tenants above a fair share, of which a few may be given away.
    pub(super) surplus: usize,
    /// Tenants that nobody has, as far as is known.
    pub(super) orphans: usize,
}

/// Decides by what the rows say; every host comes to compatible decisions by itself.
pub(super) fn decide(view: &View<'_>) -> Decision {
    let me = view.peers.iter().find(|peer| peer.id == view.me);
    let pinned_to = |planned: &Planned| {
        let wanted = planned.desired.wanted_host.as_deref()?;
        let peer = view.peers.iter().find(|peer| peer.is_called(wanted))?;
        Some(peer.id)
    };
    let keeps = |planned: &&Planned| {
        let pinned = pinned_to(planned);
        planned.desired.enabled && me.is_some() && pinned.is_none_or(|id| id == view.me)
    };
    let wanted: Vec<&Planned> = view.plan.iter().filter(|p| p.desired.enabled).collect();
    let kept: BTreeSet<&TenantId> = view.plan.iter().filter(keeps).map(|p| &p.tenant).collect();
    let stop: Vec<TenantId> = view
        .here
        .iter()
        .filter(|tenant| !kept.contains(tenant))
        .cloned()
        .collect();
    let is_free = |planned: &Planned| {
        let owner = planned.owner.filter(|owner| *owner != view.me);
        owner.is_none() || planned.orphaned || view.embedded
    };
    let free: Vec<&&Planned> = wanted
        .iter()
        .filter(|planned| is_free(planned) && !view.here.contains(&planned.tenant))
        .collect();
    let orphans = free.len();
    let Some(me) = me else {
        let surplus = 0;
        return Decision {
            stop,
            surplus,
            orphans,
            ..Decision::default()
        };
    };
    let mine = view.here.len() - stop.len();
    let quota = match view.embedded {
        true => me.capacity,
        false => quota(me, view.peers, wanted.len()),
    };
    let open = free
        .iter()
        .filter(|p| kept.contains(&p.tenant) && !view.resting.contains(&p.tenant));
    let (pinned, mut loose): (Vec<&Planned>, Vec<&Planned>) = open
        .map(|planned| **planned)
        .partition(|planned| pinned_to(planned).is_some());
    // Those that would choose this host come first: a host that comes back gets its own again.
    loose.sort_by_key(|planned| favourite(&planned.tenant, view.peers) != Some(view.me));
    loose.truncate(quota.saturating_sub(mine));
    let room = me.capacity.saturating_sub(mine).min(TAKE_MAX);
    let take = pinned.into_iter().chain(loose).take(room);
    Decision {
        stop,
        take: take.map(|planned| planned.tenant.clone()).collect(),
        surplus: surplus(view, &wanted, mine, quota),
        orphans,
    }
}

/// The fair share of a host, rounded up, within its capacity.
fn quota(me: &Peer, peers: &[Peer], total: usize) -> usize {
    let all: usize = peers.iter().map(|peer| peer.capacity).sum();
    let share = (total.saturating_mul(me.capacity)).div_ceil(all.max(1));
    share.min(me.capacity)
}

/// How many tenants a host has too many; none while the difference is small or somebody is without
/// a host.
fn surplus(view: &View<'_>, wanted: &[&Planned], mine: usize, quota: usize) -> usize {
    let settled = |p: &&Planned| p.owner.is_some() && !p.orphaned;
    if view.embedded || mine <= quota || !wanted.iter().all(settled) {
        return 0;
    }
    let mut held: BTreeMap<HostId, usize> = view.peers.iter().map(|p| (p.id, 0)).collect();
    for owner in wanted.iter().filter_map(|planned| planned.owner) {
        if let Some(count) = held.get_mut(&owner) {
            *count += 1;
        }
    }
    let least = held.values().copied().min().unwrap_or(mine);
    let difference = mine.saturating_sub(least);
    match difference > UNEVEN_MIN.max(mine / UNEVEN_SHARE) {
        true => mine - quota,
        false => 0,
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
