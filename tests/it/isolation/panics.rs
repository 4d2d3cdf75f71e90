//! A tenant whose actor panics again and again. Only a build with the feature `mutants` can.

use super::{comes, count, one_host, says};
use crate::api::fleet::Fleet;

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_of_one_ends_no_other() {
    let mut fleet = Fleet::start(2).await;
    one_host(&mut fleet).await;
    says(&fleet, 0, "panic, please").await;
    let why = |list: &[serde_json::Value]| list[0]["last_error"] == "panicked";
    let list = fleet.until("it says why", why).await;
    assert_eq!(list[1]["state"], "connected");
    for round in 0..5 {
        let text = format!("meanwhile {round}");
        says(&fleet, 1, &text).await;
        comes(&fleet, 1, &text, 1).await;
    }
    let given_up = |list: &[serde_json::Value]| {
        list[0]["last_error"]
            .as_str()
            .is_some_and(|why| why.contains("again and again"))
    };
    let list = fleet.until("it is left alone for a while", given_up).await;
    assert_eq!(list[1]["state"], "connected");
    assert_eq!(list[0]["role"], "none");
    assert_eq!(count(&fleet, 0, "panic, please"), 0);
}
