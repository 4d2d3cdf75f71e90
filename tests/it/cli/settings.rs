use serde_json::Value;

use super::wmctl;

#[test]
fn each_setting_tells_where_it_comes_from() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".config/wmctl");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "business_id = \"filed\"\n").unwrap();
    let check = |variables: &[(&str, &str)], arguments: &[&str], value: &str, origin: &str| {
        let arguments = [arguments, &["config", "show", "-o", "json"]].concat();
        let shown = wmctl(home.path(), variables, &arguments);
        assert_eq!((shown.code, shown.words.as_str()), (0, ""));
        let list: Value = serde_json::from_str(&shown.answer).unwrap();
        let items = list["items"].as_array().unwrap();
        let tenant = items.iter().find(|item| item["key"] == "tenant").unwrap();
        assert_eq!(tenant["value"], value);
        let found = tenant["origin"].as_str().unwrap();
        assert!(found.ends_with(origin), "{found}");
    };
    check(&[], &[], "filed", ".config/wmctl/config.toml");
    check(
        &[("BUSINESS_ID", "guide")],
        &[],
        "guide",
        "environment BUSINESS_ID",
    );
    check(
        &[("WMCTL_TENANT", "own"), ("BUSINESS_ID", "guide")],
        &[],
        "own",
        "WMCTL_TENANT",
    );
    check(
        &[("BUSINESS_ID", "guide")],
        &["--business-id", "typed"],
        "typed",
        "flag",
    );
}

#[test]
fn no_secret_is_ever_shown() {
    let home = tempfile::tempdir().unwrap();
    let secret = home.path().join("url");
    std::fs::write(&secret, "postgres://me:hunter2@127.0.0.1:1/w\n").unwrap();
    let file = [("DATABASE_URL_FILE", secret.to_str().unwrap())];
    let variable = [(
        "DATABASE_URL",
        "postgres://me:hunter2@127.0.0.1:1/w?password=hunter2",
    )];
    let wrong = [("DATABASE_URL", "mysql://me:hunter2@db")];
    let commands: [&[&str]; 6] = [
        &["config", "show"],
        &["config", "show", "-o", "json"],
        &["--help"],
        &["config", "show", "-vv"],
        &[
            "--database-url",
            "postgres://me:hunter2@db/w",
            "config",
            "show",
        ],
        &[
            "--database-url",
            "postgres://me:hunter2@db/w",
            "-o",
            "json",
            "config",
            "show",
        ],
    ];
    for variables in [&file[..], &variable, &wrong] {
        for command in commands {
            let ended = wmctl(home.path(), variables, command);
            let said = ended.answer + &ended.words;
            assert!(!said.contains("hunter2"), "{command:?}: {said}");
        }
    }
}

#[test]
fn wrong_settings_exit_3_and_name_the_place() {
    let home = tempfile::tempdir().unwrap();
    let config = home.path().join("wmctl.toml");
    std::fs::write(&config, "tennant = \"a\"").unwrap();
    let unknown = wmctl(home.path(), &[], &["--config", "wmctl.toml", "version"]);
    assert_eq!(unknown.code, 3);
    assert!(
        unknown.words.contains("did you mean \"tenant\"?"),
        "{}",
        unknown.words
    );
    let both = [("DATABASE_URL", "sqlite:a"), ("DATABASE_URL_FILE", "b")];
    assert_eq!(wmctl(home.path(), &both, &["version"]).code, 3);
    let form = [("WMCTL_OUTPUT", "csv")];
    assert_eq!(wmctl(home.path(), &form, &["version"]).code, 3);
    let filter = [("WMCTL_LOG_LEVEL", "a=b=c")];
    assert_eq!(wmctl(home.path(), &filter, &["version"]).code, 3);
}
