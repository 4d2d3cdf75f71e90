//! The document of the interface, read by a linter of other people.

use std::path::Path;

use serde_json::Value;
use tokio::process::Command;
use wmctl::api::openapi;

/// The rules that a document breaks, errors and warnings alike.
async fn problems(document: &Value) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("openapi.json");
    std::fs::write(&file, document.to_string()).unwrap();
    let linter = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peers/openapi");
    let missing = "tests/peers/openapi/node_modules is missing: ./test makes it";
    assert!(linter.join("node_modules").exists(), "{missing}");
    let output = Command::new("node")
        .arg(linter.join("lint.mjs"))
        .arg(&file)
        .output()
        .await
        .expect("node starts");
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    let lines = String::from_utf8(output.stdout).unwrap();
    let parsed = lines.lines().map(serde_json::from_str);
    parsed.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn the_document_breaks_no_recommended_rule() {
    let mut document = openapi::document();
    let found = problems(&document).await;
    assert!(found.is_empty(), "{found:#?}");
    // It would tell.
    document["info"].as_object_mut().unwrap().remove("license");
    let found = problems(&document).await;
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0]["rule"], "info-license");
}
