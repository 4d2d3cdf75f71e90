//! Properties that hold at any time, and at the end.

use wmctl::ids::HostId;

use super::world::{END, REBALANCE, REST, World};

impl World {
    /// Fails if a live host that had the time for a heartbeat is declared dead.
    pub(super) fn check_death(&mut self, host: HostId) {
        let Some(row) = self.rows.hosts.get(&host) else {
            return;
        };
        let process = &self.processes[row.process];
        let is_it = process.alive && process.ids.get(&process.life) == Some(&host);
        if is_it && process.troubled_until < self.now {
            let name = process.name.clone();
            self.fail(format!("{name} is declared dead, although it lives"));
        }
    }

    pub(super) fn check_claim(&mut self, host: HostId, claimed: &[(usize, i64)]) {
        if claimed.is_empty() {
            return;
        }
        if REST <= self.now {
            let name = self.rows.hosts[&host].name.clone();
            self.fail(format!("{name} takes {claimed:?} at rest"));
        }
    }

    /// A host gives away one tenant at a time, because there are fewer than two hundred.
    pub(super) fn check_giving(&mut self, p: usize, count: usize) {
        if count == 0 {
            return;
        }
        let now = self.now;
        let before = self.processes[p].gave.replace(now);
        let soon = before.is_some_and(|before| now < before + REBALANCE);
        if 1 < count || soon {
            self.fail(format!("{count} tenants are given away too fast"));
        }
    }

    /// At the end, each enabled tenant runs exactly once, and each host has its share.
    pub(super) fn check_end(&mut self) {
        self.now = END;
        let mut held = vec![0; self.processes.len()];
        let (mut wrong, mut unplaced) = (Vec::new(), Vec::new());
        let wanted = self
            .rows
            .leases
            .iter()
            .filter(|lease| lease.enabled)
            .count();
        for (tenant, lease) in self.rows.leases.iter().enumerate() {
            let runs = self.processes.iter().enumerate();
            let runs = runs.filter(|(_, one)| one.alive && one.running.contains_key(&tenant));
            let runs: Vec<usize> = runs.map(|(p, _)| p).collect();
            match (lease.enabled, &runs[..]) {
                (true, [p]) if lease.owner == Some(self.processes[*p].id()) => {
                    held[*p] += 1;
                    let place = lease.wanted_host.as_ref();
                    let there = |name: &&String| {
                        let mut all = self.processes.iter();
                        all.any(|one| one.alive && one.name == **name)
                    };
                    if place
                        .filter(there)
                        .is_some_and(|name| *name != self.processes[*p].name)
                    {
                        wrong.push(format!("tenant {tenant} is not at {place:?}"));
                    }
                }
                (false, []) => (),
                // Allowed if no host has room for it.
                (true, []) => unplaced.push(tenant),
                _ => wrong.push(format!(
                    "tenant {tenant} of {:?} runs at {runs:?}",
                    lease.owner
                )),
            }
        }
        if let Some(what) = wrong.first() {
            return self.fail(what.clone());
        }
        if let Some(tenant) = unplaced.into_iter().find(|one| self.has_room(*one, &held)) {
            return self.fail(format!("tenant {tenant} runs nowhere"));
        }
        // Each host has at most its share by capacity, rounded up, or two more than the least
        // loaded host.
        let there = self.processes.iter().zip(held);
        let there = there.filter(|(one, _)| one.alive);
        let there: Vec<(usize, usize)> = there.map(|(one, held)| (one.capacity, held)).collect();
        let all: usize = there.iter().map(|(capacity, _)| capacity).sum();
        let least = there.iter().map(|(_, held)| *held).min().unwrap_or(0);
        for (capacity, held) in there {
            if capacity < held {
                return self.fail(format!("{held} tenants are above a capacity of {capacity}"));
            }
            let share = (wanted * capacity).div_ceil(all).min(capacity);
            if share < held && least + 2.max(held / 20) < held {
                let what =
                    format!("uneven: {held} tenants with a share of {share}, others {least}");
                return self.fail(what);
            }
        }
    }

    /// Returns true if a tenant fits on the host that it is pinned to, or on any host.
    fn has_room(&self, tenant: usize, held: &[usize]) -> bool {
        let there = self.processes.iter().zip(held);
        let there = there.filter(|(one, _)| one.alive);
        let place = self.rows.leases[tenant].wanted_host.as_ref();
        let place = place.filter(|place| there.clone().any(|(one, _)| one.name == **place));
        let mut rooms = there.filter(|(one, held)| **held < one.capacity);
        rooms.any(|(one, _)| place.is_none_or(|place| *place == one.name))
    }
}
