//! A small run of the demonstration.

use serde_json::Value;

use crate::support::wmctl::Wmctl;

#[tokio::test]
async fn the_demonstration_loses_and_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wmctl = Wmctl::in_folder(folder.path());
    let report = wmctl
        .done(&["demo", "--messages", "40", "--kills", "2", "--json"])
        .await;
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(
        (&report["sent"], &report["received"], &report["kills"]),
        (&Value::from(40), &Value::from(40), &Value::from(2)),
        "{report}"
    );
    for (what, list) in report["violations"].as_object().unwrap() {
        assert_eq!(list, &Value::Array(Vec::new()), "{what}");
    }
    assert_eq!(report["recovery_s"].as_array().unwrap().len(), 2);
    assert!(!wmctl.database().exists(), "it has a database of its own");
}
