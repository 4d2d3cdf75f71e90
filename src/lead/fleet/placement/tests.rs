use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

/// One tenant as read from the rows.
#[derive(Clone)]
struct Planned {
    tenant: TenantId,
    enabled: bool,
    wanted_host: Option<&'static str>,
    owner: Option<HostId>,
    orphaned: bool,
}

fn host(number: u8) -> HostId {
    HostId::from_random([number; 16])
}

fn peer(number: u8, capacity: usize) -> Peer {
    let name = format!("host-{number}");
    Peer {
        id: host(number),
        name,
        capacity,
    }
}

fn planned(name: &str, owner: Option<u8>) -> Planned {
    Planned {
        tenant: name.parse().unwrap(),
        enabled: true,
        wanted_host: None,
        owner: owner.map(host),
        orphaned: false,
    }
}

fn here(plan: &[Planned], me: u8) -> BTreeSet<TenantId> {
    let mine = plan.iter().filter(|one| one.owner == Some(host(me)));
    mine.map(|one| one.tenant.clone()).collect()
}

fn decided(plan: &[Planned], peers: &[Peer], me: u8) -> Decision {
    let placed = plan.iter().map(|one| Placed {
        tenant: &one.tenant,
        enabled: one.enabled,
        wanted_host: one.wanted_host,
        owner: one.owner,
        orphaned: one.orphaned,
    });
    decide(&View {
        me: host(me),
        peers,
        plan: &placed.collect::<Vec<_>>(),
        here: &here(plan, me),
        resting: &BTreeSet::new(),
        embedded: false,
    })
}

fn names(tenants: &[TenantId]) -> Vec<&str> {
    tenants.iter().map(TenantId::as_str).collect()
}

#[test]
fn one_host_takes_everything_that_is_free() {
    let mut plan = vec![planned("a", None), planned("b", None), planned("c", None)];
    plan[1].enabled = false;
    let peers = [peer(1, 100)];
    let mut take = decided(&plan, &peers, 1).take;
    take.sort();
    assert_eq!(names(&take), ["a", "c"]);
    // A tenant of a live host stays there; a tenant of a dead host is taken.
    plan[0].owner = Some(host(2));
    plan[2].owner = Some(host(3));
    plan[2].orphaned = true;
    assert_eq!(names(&decided(&plan, &peers, 1).take), ["c"]);
    // A draining host stops all tenants and takes none.
    plan[0].owner = Some(host(1));
    let drained = decided(&plan, &[], 1);
    assert_eq!(names(&drained.stop), ["a"]);
    assert_eq!(names(&drained.take), Vec::<&str>::new());
}

#[test]
fn a_tenant_goes_where_it_is_wanted() {
    let mut plan = vec![planned("a", Some(1))];
    let peers = [peer(1, 100), peer(2, 100)];
    plan[0].wanted_host = Some("host-2");
    assert_eq!(names(&decided(&plan, &peers, 1).stop), ["a"]);
    plan[0].owner = None;
    assert_eq!(names(&decided(&plan, &peers, 1).take), Vec::<&str>::new());
    assert_eq!(names(&decided(&plan, &peers, 2).take), ["a"]);
    // While that host is away, any host may take the tenant.
    assert_eq!(names(&decided(&plan, &peers[..1], 1).take), ["a"]);
}

#[test]
fn what_is_uneven_is_given_away_once_everybody_has_a_host() {
    let name = |index: usize| format!("t{index:03}");
    let mut plan: Vec<_> = (0..100).map(|i| planned(&name(i), Some(1))).collect();
    let peers = [peer(1, 1_000), peer(2, 1_000)];
    let give = decided(&plan, &peers, 1).give;
    assert_eq!(give.len(), 50);
    assert_eq!(names(&decided(&plan, &peers, 2).give), Vec::<&str>::new());
    // Tenants that prefer the other host come first.
    let others = |tenant: &&TenantId| favourite(tenant, &peers) == Some(host(2));
    let count = plan.iter().map(|one| &one.tenant).filter(others).count();
    assert!(give.iter().take(count.min(50)).all(|one| others(&one)));
    // Tenants pinned to this host are not given away.
    for one in &mut plan[..99] {
        one.wanted_host = Some("host-1");
    }
    assert_eq!(names(&decided(&plan, &peers, 1).give), ["t099"]);
    for one in &mut plan {
        one.wanted_host = None;
    }
    plan[7].owner = None;
    assert_eq!(names(&decided(&plan, &peers, 1).give), Vec::<&str>::new());
    for one in &mut plan[..49] {
        one.owner = Some(host(2));
    }
    assert_eq!(names(&decided(&plan, &peers, 1).give), Vec::<&str>::new());
}

#[test]
fn little_is_given_away_at_a_time() {
    let give: Vec<TenantId> = (0..9).map(|i| format!("t{i}").parse().unwrap()).collect();
    let mut pace = Pace::new(1_000, 500);
    let mut given = |now_ms, all| pace.due(now_ms, &give, all).len();
    assert_eq!(given(1_499, 40), 0);
    assert_eq!(given(1_500, 40), 1);
    assert_eq!(given(2_499, 500), 0);
    assert_eq!(given(2_500, 500), 5);
    assert_eq!(given(9_000, 5_000), 9);
}

proptest! {
    /// Hosts that decide alone, one after the other, share all tenants by capacity.
    #[test]
    fn all_is_taken_and_fairly(
        count in 1_usize..300,
        capacities in prop::collection::vec(1_usize..400, 1..5),
        order in prop::collection::vec(0_usize..5, 0..20),
    ) {
        let peers: Vec<_> = (1..).zip(&capacities).map(|(n, c)| peer(n, *c)).collect();
        let mut plan: Vec<_> = (0..count).map(|i| planned(&format!("t{i}"), None)).collect();
        for index in order.iter().map(|i| i % peers.len()).chain(0..peers.len()) {
            let me = u8::try_from(index).unwrap() + 1;
            let take: BTreeSet<_> = decided(&plan, &peers, me).take.into_iter().collect();
            for one in plan.iter_mut().filter(|one| take.contains(&one.tenant)) {
                prop_assert_eq!(one.owner, None);
                one.owner = Some(host(me));
            }
        }
        let all: usize = capacities.iter().sum();
        let without = plan.iter().filter(|one| one.owner.is_none()).count();
        prop_assert_eq!(without, count.saturating_sub(all));
        for (number, capacity) in (1..).zip(&capacities) {
            let held = here(&plan, number).len();
            prop_assert!(held <= (count * capacity).div_ceil(all).min(*capacity));
        }
    }
}
