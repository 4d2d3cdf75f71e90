//! Hosts are replaced one after another, as in a rollout, while all tenants chat.

use std::time::Duration;

use super::scale::{MESSAGES, Scale, phone};
use crate::support::number;

const TENANTS: usize = 6;
const HOSTS: [&str; 3] = ["a", "b", "c"];

/// Every second host is drained before it is stopped.
async fn replace(scale: &mut Scale, turn: usize) {
    let name = HOSTS[turn % HOSTS.len()];
    let drained = turn % 2 == 1;
    if drained {
        scale
            .wmctl
            .done(&["tenants", "drain", "--host", name])
            .await;
        assert_eq!(scale.held(name), 0, "a drained host holds nothing");
    }
    let mut host = scale.hosts.remove(name).unwrap();
    host.terminate().await;
    assert_eq!(host.ended().await.code(), Some(0), "{name}");
    scale.join(name).await;
}

/// `WMCTL_HA_ROUNDS` sets how many times all hosts are replaced.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hosts_are_replaced_one_after_the_other() {
    let rounds = number("WMCTL_HA_ROUNDS", 1);
    let (mut scale, _) = Scale::set(TENANTS).await;
    for name in HOSTS {
        scale.join(name).await;
    }
    scale.all_connected("three hosts share them").await;
    let mut talkers = scale.busy(TENANTS).await;
    for round in 0..rounds {
        for (index, one) in talkers.iter().enumerate() {
            let (every, to) = (Duration::from_millis(500), phone(index));
            let chat = scale.sim.phone_chats(&one.contact, &to, MESSAGES, every);
            chat.await.unwrap();
        }
        for message in 0..MESSAGES {
            for one in &mut talkers {
                one.put_in(format!("answer {message} of round {round}"))
                    .await;
            }
            if message % 3 == 1 {
                replace(&mut scale, (round * MESSAGES / 3 + message / 3) as usize).await;
            }
        }
    }
    scale.settled(&talkers, rounds * MESSAGES).await;
    scale.all_connected("all are back").await;
    let journal = scale.sim.journal().await.unwrap();
    let ended = journal.iter().filter(|entry| entry.tag == "stream:error");
    // A host closes a tenant's connection before it hands the tenant over, so none was replaced.
    assert_eq!(ended.count(), TENANTS, "pairing alone ends a stream");
}
