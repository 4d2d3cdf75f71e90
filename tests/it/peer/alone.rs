//! The foreign clients without a server: they are installed, start, and report the error.

use crate::support::baileys::{Baileys, Options, Version};

#[tokio::test]
async fn an_unreachable_server_is_reported() {
    for version in [Version::V7, Version::V6] {
        let folder = tempfile::tempdir().expect("a folder can be made");
        // Port 1 is reserved; nothing listens there.
        let url = "ws://127.0.0.1:1/ws/chat".to_owned();
        let root_key = "00".repeat(32);
        let options = Options {
            version,
            url,
            root_key,
            phone: None,
        };
        let mut client = Baileys::start("nobody", &options, folder.path());
        client.closed(408).await;
        client.quit().await;
    }
}
