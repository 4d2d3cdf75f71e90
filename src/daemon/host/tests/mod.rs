mod panics;

use super::*;

#[tokio::test]
async fn a_panic_ends_one_tenant_and_says_why() {
    let tenant: TenantId = "acme".parse().unwrap();
    let ended = unpanicked(&tenant, async { panic!("a fault of ours") }).await;
    let Stopped::Broken(why) = ended else {
        panic!("{ended:?}");
    };
    assert!(why.contains("panicked"), "{why}");
    let ended = unpanicked(&tenant, async { Stopped::Asked }).await;
    assert_eq!(ended, Stopped::Asked);
}
