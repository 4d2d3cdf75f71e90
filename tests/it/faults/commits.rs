//! Commits whose outcome is unknown, because the connection ends at that moment.

use std::time::Duration;

use super::{Traffic, server};
use crate::support::tap::{Cut, Tap};

/// Repeatedly cuts connections during units of work, in one way.
async fn survives(cut: Cut) {
    const CUTS: u32 = 6;
    let server = server();
    let tap = Tap::before(&server.socket()).await;
    let mut traffic = Traffic::connect(&tap.url("wm"), 100).await;
    let logins = traffic.logins().await;
    traffic.chats().await;
    for round in 1..=CUTS {
        // Several in a row: the next attempt may fail in the same way.
        let row = round % 3 + 1;
        let before = tap.cuts();
        tap.cut((0..row).map(|_| cut));
        traffic.put_in(round * 90 / CUTS).await;
        while tap.cuts() < before + row {
            traffic
                .stage
                .next_confirmation(Duration::from_millis(100))
                .await;
        }
        let violations = traffic.stage.violations().await;
        assert!(violations.is_empty(), "{cut:?}: {violations:#?}");
    }
    assert_eq!(
        traffic.logins().await,
        logins,
        "{cut:?}: the link was given up"
    );
    traffic.settled().await;
}

#[tokio::test]
async fn one_that_never_reached_the_server_is_tried_again() {
    survives(Cut::Before).await;
}

#[tokio::test]
async fn one_that_was_carried_out_is_not_carried_out_again() {
    survives(Cut::After).await;
}

#[tokio::test]
async fn one_that_reaches_the_server_late_finds_its_place_taken() {
    survives(Cut::Late(Duration::from_millis(150))).await;
}
