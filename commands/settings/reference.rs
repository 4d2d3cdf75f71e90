//! The tables of settings and of variables in docs/reference/configuration.md.

use super::{KEYS, Key};

/// Descriptions of the settings, in the order of the table.
const MEANINGS: &[(&str, &str)] = &[
    (
        "database_url",
        "Database: `sqlite:PATH` or `postgres://…`. Default: `wmctl.db` in the state folder",
    ),
    (
        "lock_database_url",
        "Direct URL of the same PostgreSQL, for locks, where `database_url` leads to a pooler",
    ),
    (
        "tenant",
        "Tenant to act for: 1 to 64 of `A-Z a-z 0-9 _ . -`",
    ),
    (
        "http_port",
        "Port of the HTTP interface on all addresses. Unset: 127.0.0.1:8080, if it is free",
    ),
    (
        "tls_cert",
        "PEM file with the certificate of the HTTP interface",
    ),
    ("tls_key", "PEM file with its private key"),
    ("api", "URL of a host to ask instead of the database"),
    ("api_key", "API key for that host"),
    (
        "webhook_secret",
        "Secret that a new webhook signs with. Unset: wmctl makes one",
    ),
    ("server", "WebSocket URL to dial instead of WhatsApp"),
    (
        "root_key",
        "Key that signs that server's certificates: 64 hexadecimal digits",
    ),
    ("ca_file", "PEM file with the only TLS roots to trust"),
    (
        "simulator",
        "Control URL of a simulator to use instead of WhatsApp",
    ),
    (
        "proxy",
        "Proxy to WhatsApp for tenants without one: `http://` or `socks5://`; `none` for none",
    ),
    (
        "no_proxy",
        "Hosts to reach without that proxy: names, addresses, networks, `*`, with commas",
    ),
    (
        "private_proxies",
        "Whether tenants' proxies may be on this machine and in private networks",
    ),
    (
        "client_version",
        "Client version to report, like `2.3000.1045649367`. Unset: the one this build knows",
    ),
    ("device_name", "Name that the phone lists the device under"),
    ("keep_events", "Retention of events"),
    (
        "keep_outbox",
        "Retention of messages that were sent or failed",
    ),
    (
        "keep_secrets",
        "Retention of the secrets that later votes and edits need",
    ),
    ("keep_buffer", "Retention of rows that other clients buffer"),
    ("keep_every", "Interval between two retention runs"),
    (
        "output",
        "Format of answers: `table`, `json`, `jsonl` or `name`",
    ),
    ("color", "Colour: `auto`, `always` or `never`"),
    (
        "log_level",
        "Log filter, like `info` or `wmctl::engine=debug`. Unset: `wmctl=info,warn`",
    ),
    ("log_format", "Format of log lines: `text` or `json`"),
];

fn quoted<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let words = words.into_iter().map(|word| format!("`{word}`"));
    words.collect::<Vec<_>>().join(", ")
}

fn own(key: &Key) -> String {
    format!("WMCTL_{}", key.name.to_uppercase())
}

/// Returns the table of settings: key, default, meaning.
pub(crate) fn keys() -> String {
    let mut table = String::from("| Key | Default | Meaning |\n|---|---|---|\n");
    for key in KEYS {
        let (_, meaning) = MEANINGS
            .iter()
            .find(|(name, _)| *name == key.name)
            .expect("every setting has a meaning");
        let names = std::iter::once(key.name).chain(key.aliases.iter().copied());
        let default = key
            .default
            .map_or_else(|| String::from("unset"), |value| quoted([value]));
        table.push_str(&format!("| {} | {default} | {meaning} |\n", quoted(names)));
    }
    table
}

/// Returns the table of variables of each setting, in order of precedence.
pub(crate) fn variables() -> String {
    let mut table = String::from("| Key | Variables | From a file |\n|---|---|---|\n");
    for key in KEYS {
        let own = own(key);
        let names: Vec<&str> = std::iter::once(own.as_str())
            .chain(key.guide.iter().copied())
            .collect();
        let files: Vec<String> = names.iter().map(|name| format!("{name}_FILE")).collect();
        let files = match key.secret || key.file {
            true => format!(
                "{}; systemd credential `{}`",
                quoted(files.iter().map(String::as_str)),
                key.name
            ),
            false => String::from("-"),
        };
        let name = quoted([key.name]);
        table.push_str(&format!("| {name} | {} | {files} |\n", quoted(names)));
    }
    table
}

#[test]
fn meanings_are_those_of_the_settings() {
    let known: Vec<&str> = KEYS.iter().map(|key| key.name).collect();
    let meant: Vec<&str> = MEANINGS.iter().map(|(name, _)| *name).collect();
    assert_eq!(meant, known);
    let page = include_str!("../../man/wmctl.toml.5");
    let heads = page
        .split("\n.TP\n")
        .filter_map(|entry| entry.lines().next());
    let heads = heads.collect::<Vec<_>>().join(" ");
    let named: Vec<&str> = heads.split([' ', ',', '(', ')']).collect();
    for name in known {
        assert!(named.contains(&name), "{name} is not in man/wmctl.toml.5");
    }
}

/// Covers variables that are not settings, such as folders. The page must name every variable that
/// the code reads.
#[test]
fn every_variable_that_is_read_is_on_the_page() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = root.join("docs/reference/configuration.md");
    let page = std::fs::read_to_string(page).unwrap();
    let code = include_str!("mod.rs");
    let mut words: Vec<&str> = code.split('"').skip(1).step_by(2).collect();
    words.retain(|word| {
        let is_name = |byte: u8| byte.is_ascii_uppercase() || byte == b'_';
        3 < word.len() && word.bytes().all(is_name)
    });
    // Error codes have the same form.
    let is_code = |word: &&str| {
        code.contains(&format!("Exit::Config,\n                \"{word}\""))
            || code.contains(&format!("Exit::Config, \"{word}\""))
            || code.contains(&format!("Exit::Usage, \"{word}\""))
            || code.contains(&format!("            \"{word}\",\n"))
    };
    words.retain(|word| !is_code(word));
    assert!(words.contains(&"STATE_DIRECTORY"), "{words:?}");
    for word in words {
        assert!(
            page.contains(&format!("`{word}`")),
            "{word} is not on the page"
        );
    }
}
