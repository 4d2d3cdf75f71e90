//! The rows of hosts and leases, and the locks of hosts, with the features that the fleet uses.

use std::collections::{BTreeMap, BTreeSet};

use wmctl::ids::HostId;

#[derive(Clone, Debug)]
pub(super) struct HostRow {
    /// Index among the processes.
    pub(super) process: usize,
    pub(super) name: String,
    pub(super) capacity: usize,
    pub(super) beats: i64,
    pub(super) dead: bool,
    pub(super) draining: bool,
    pub(super) locks: bool,
    pub(super) silence_ms: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct LeaseRow {
    pub(super) epoch: i64,
    pub(super) owner: Option<HostId>,
    pub(super) enabled: bool,
    pub(super) wanted_host: Option<String>,
}

#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) hosts: BTreeMap<HostId, HostRow>,
    pub(super) leases: Vec<LeaseRow>,
    /// Sessions that hold a host's lock, with the time of their last request.
    pub(super) locks: BTreeMap<HostId, u64>,
    /// All tokens ever issued.
    tokens: BTreeSet<(usize, i64)>,
}

impl Rows {
    pub(super) fn lives(&self, host: HostId) -> bool {
        self.hosts.get(&host).is_some_and(|row| !row.dead)
    }

    /// Counts a heartbeat. Returns false for a host that was declared dead.
    pub(super) fn beat(&mut self, host: HostId) -> bool {
        match self.hosts.get_mut(&host) {
            Some(row) if !row.dead => {
                row.beats += 1;
                true
            }
            _ => false,
        }
    }

    pub(super) fn declare(&mut self, host: HostId, beats: i64) -> bool {
        match self.hosts.get_mut(&host) {
            Some(row) if !row.dead && row.beats == beats => {
                row.dead = true;
                true
            }
            _ => false,
        }
    }

    /// Takes leases like the store's statement. Returns each with its epoch.
    pub(super) fn claim(
        &mut self,
        host: HostId,
        tenants: &[usize],
    ) -> Result<Vec<(usize, i64)>, String> {
        let mut claimed = Vec::new();
        for tenant in tenants {
            let owner = self.leases[*tenant].owner;
            let free = owner.is_none_or(|owner| owner == host || !self.lives(owner));
            if !free {
                continue;
            }
            let lease = &mut self.leases[*tenant];
            lease.epoch += 1;
            lease.owner = Some(host);
            if !self.tokens.insert((*tenant, lease.epoch)) {
                return Err(format!("the token of tenant {tenant} was given out twice"));
            }
            claimed.push((*tenant, lease.epoch));
        }
        Ok(claimed)
    }

    /// The fence of a unit of work.
    pub(super) fn holds(&self, host: HostId, tenant: usize, epoch: i64) -> bool {
        let lease = &self.leases[tenant];
        (lease.owner, lease.epoch) == (Some(host), epoch)
    }

    pub(super) fn release(&mut self, host: HostId, tenant: usize, epoch: i64) -> bool {
        let holds = self.holds(host, tenant, epoch);
        if holds {
            let lease = &mut self.leases[tenant];
            (lease.epoch, lease.owner) = (epoch + 1, None);
        }
        holds
    }
}
