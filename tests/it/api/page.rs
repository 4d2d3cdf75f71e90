//! The web page in a real browser: signing in, live updates, and linking a device.

use std::path::Path;

use serde_json::{Value, json};
use tokio::process::Command;

use super::fleet::{Fleet, phone, tenant};
use crate::support::baileys::node;
use crate::support::program::Program;

/// Chromium with the page, driven by `tests/peers/browser/page.mjs`.
struct Page {
    program: Program,
}

impl Page {
    async fn open(origin: &str, folder: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/browser/page.mjs");
        let mut command = Command::new(node());
        command.arg(script).arg(origin);
        let program = Program::start("the browser", command, &folder.join("browser.log"));
        let mut page = Self { program };
        page.order(json!({ "do": "open" })).await;
        page
    }

    async fn order(&mut self, order: Value) -> Value {
        self.program.say(&order).await;
        let ended = |line: &Value| line["type"] == "done" || line["type"] == "failed";
        let answer = self.program.expect(&order.to_string(), ended).await;
        assert_eq!(answer["type"], "done", "{order}: {answer}");
        answer
    }

    async fn sees(&mut self, selector: &str, text: &str) {
        self.order(json!({ "do": "wait", "selector": selector, "text": text }))
            .await;
    }

    /// Checks that nothing is wider than the screen, at several sizes.
    async fn fits(&mut self, folder: &Path, what: &str) {
        for (name, width, height, scheme) in [
            ("desktop-light", 1280, 800, "light"),
            ("desktop-dark", 1280, 800, "dark"),
            ("phone-light", 390, 844, "light"),
            ("phone-dark", 390, 844, "dark"),
        ] {
            let path = folder.join(format!("{what}-{name}.png"));
            let order = json!({ "do": "picture", "path": path, "width": width,
                "height": height, "scheme": scheme });
            let shown = self.order(order).await;
            assert!(
                shown["wide"].as_i64() <= shown["room"].as_i64(),
                "{name}: {shown}"
            );
        }
    }
}

/// `WMCTL_PAGE_PICTURES` names a folder that keeps the screenshots.
#[tokio::test]
async fn a_browser_shows_tenants_live_and_links_a_device() {
    let mut fleet = Fleet::start(1).await;
    let address = fleet.join("host-a").await;
    fleet.sim.add_account(&phone(1), "Somebody").await.unwrap();
    let all = ["read", "write", "pair", "send", "admin"].map(|word| ["--allow", word]);
    let key = fleet
        .wmctl
        .key(&[&["ops"], all.as_flattened()].concat())
        .await;
    let folder = tempfile::tempdir().unwrap();
    let pictures = folder.path();
    let origin = format!("http://{address}");
    let mut page = Page::open(&origin, pictures).await;
    // Nothing is shown without a key or with a wrong one.
    page.sees("#say", "key").await;
    page.order(json!({ "do": "enter", "key": "wmk_wrong" }))
        .await;
    page.sees("#say", "no key").await;
    page.order(json!({ "do": "enter", "key": key })).await;
    let row = |name: &str| format!("tr[data-tenant=\"{name}\"]");
    let first = row(&tenant(0));
    page.sees(&first, "connected").await;
    page.sees("#hosts", "host-a").await;
    page.sees("#locks", &tenant(0)).await;
    page.fits(pictures, "tables").await;
    // The page shows changes made by commands at once, and commands show changes made on the page.
    fleet.wmctl.done(&["tenants", "stop", &tenant(0)]).await;
    page.sees(&first, "stopped").await;
    page.order(json!({ "do": "act", "name": tenant(0), "button": "Start" }))
        .await;
    page.sees(&first, "connected").await;
    page.order(json!({ "do": "add", "name": "newcomer" })).await;
    let shown = page
        .order(json!({ "do": "pair", "name": "newcomer" }))
        .await;
    assert!(0 < shown["width"].as_i64().unwrap(), "{shown}");
    page.fits(pictures, "pairing").await;
    let code = shown["code"].as_str().unwrap();
    fleet.sim.scan(&phone(1), code).await.unwrap();
    page.sees("#step", "Paired as").await;
    page.order(json!({ "do": "close" })).await;
    page.sees(&row("newcomer"), "connected").await;
    // The content security policy blocks all requests to other hosts.
    let other = format!("http://{}/live", fleet.join("host-b").await);
    let escaped = page.order(json!({ "do": "escape", "url": other })).await;
    assert_eq!(escaped["blocked"], true);
    page.program.say(&json!({ "do": "end" })).await;
    page.program
        .expect("the end", |line| line["type"] == "ended")
        .await;
    let requests = page.program.heard(|line| line["type"] == "request");
    assert!(3 < requests.len());
    for request in requests {
        let url = request["url"].as_str().unwrap();
        let tried = url == other;
        assert!(tried || url.starts_with(&format!("{origin}/")), "{url}");
    }
    assert!(
        page.program
            .heard(|line| line["type"] == "error")
            .is_empty()
    );
    assert_eq!(fleet.sim.breaches().await.unwrap(), []);
}
