use super::*;

#[test]
fn flags_beat_variables_beat_files_beat_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    std::fs::write(&config, "tenant = \"filed\"\nhttp_port = 9000\n").unwrap();
    let mut globals = Globals {
        config: Some(config.clone()),
        ..Globals::default()
    };
    check(
        &globals,
        &[],
        "tenant",
        "filed",
        &config.display().to_string(),
    );
    check(
        &globals,
        &[],
        "http_port",
        "9000",
        &config.display().to_string(),
    );
    check(
        &globals,
        &[("BUSINESS_ID", "guide")],
        "tenant",
        "guide",
        "environment BUSINESS_ID",
    );
    let both = [("BUSINESS_ID", "guide"), ("WMCTL_TENANT", "own")];
    check(&globals, &both, "tenant", "own", "environment WMCTL_TENANT");
    check(
        &globals,
        &[("BUSINESS_ID", "")],
        "tenant",
        "filed",
        &config.display().to_string(),
    );
    globals.tenant = Some("typed".to_owned());
    check(&globals, &both, "tenant", "typed", "flag");
    check(&Globals::default(), &[], "tenant", "default", "default");
}

#[test]
fn secrets_come_from_files_and_are_never_shown() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("database_url");
    std::fs::write(&secret, "postgres://me:hunter2@db/w\n").unwrap();
    let path = secret.to_str().unwrap();
    let shown = "postgres://me:***@db/w";
    check(
        &Globals::default(),
        &[("DATABASE_URL_FILE", path)],
        "database_url",
        shown,
        path,
    );
    let credentials = [("CREDENTIALS_DIRECTORY", folder.path().to_str().unwrap())];
    check(
        &Globals::default(),
        &credentials,
        "database_url",
        shown,
        path,
    );
    check(
        &Globals::default(),
        &[("DATABASE_URL", "hunter2")],
        "database_url",
        "***",
        "environment DATABASE_URL",
    );
}

#[test]
fn contradictions_and_unknown_keys_are_refused() {
    let both = [("DATABASE_URL", "a"), ("DATABASE_URL_FILE", "b")];
    refuse(&Globals::default(), &both, Exit::Config, "both set");
    refuse(
        &Globals::default(),
        &[("DATABASE_URL_FILE", "/nowhere")],
        Exit::Config,
        "/nowhere",
    );
    let typed = Globals {
        database_url: Some("postgres://a:hunter2@b/c".to_owned()),
        ..Globals::default()
    };
    refuse(&typed, &[], Exit::Usage, "--database-url holds a password");
    let missing = Globals {
        config: Some("/nowhere.toml".into()),
        ..Globals::default()
    };
    refuse(&missing, &[], Exit::Config, "/nowhere.toml");
    refuse_file("tennant = \"a\"", "did you mean \"tenant\"");
    refuse_file("entirely_else = 1", "config show");
    refuse_file("tenant = []", "must be a text");
    refuse_file("database_url = \"postgres://a:hunter2@b/c\"", "chmod 600");
    refuse_file("\ndatabase_url = \"postgres://a:hunter2", "line 2");
}

fn settings(globals: &Globals, variables: &[(&str, &str)]) -> Result<Settings, Failure> {
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Settings::find(globals, Environment(variables.collect()))
}

fn check(globals: &Globals, variables: &[(&str, &str)], key: &str, value: &str, origin: &str) {
    let shown = settings(globals, variables).unwrap().shown();
    let (_, found, from) = shown.into_iter().find(|(name, ..)| *name == key).unwrap();
    assert_eq!((found.as_str(), from.as_str()), (value, origin));
}

fn refuse(globals: &Globals, variables: &[(&str, &str)], exit: Exit, part: &str) {
    let failure = settings(globals, variables).unwrap_err();
    assert_eq!(failure.exit, exit);
    let text = failure.text();
    assert!(text.contains(part), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

fn refuse_file(text: &str, part: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    refuse(
        &Globals {
            config: Some(path),
            ..Globals::default()
        },
        &[],
        Exit::Config,
        part,
    );
}
