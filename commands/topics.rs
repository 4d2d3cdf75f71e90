//! Help topics that concern all commands.

use crate::failure::EXIT_CODES;

/// Name, summary and text of each topic.
pub(crate) const TOPICS: &[(&str, &str)] = &[
    ("environment", ENVIRONMENT),
    ("exit-codes", ""),
    ("output", OUTPUT),
    ("config", CONFIG),
];

/// Returns the text of a topic.
pub(crate) fn text(topic: &str) -> Option<String> {
    let (name, text) = TOPICS.iter().find(|(name, _)| *name == topic)?;
    Some(if *name == "exit-codes" {
        exit_codes()
    } else {
        (*text).to_owned()
    })
}

/// Formats the table of exit codes. It is aligned here because the manual pages contain it too.
pub(crate) fn exit_codes() -> String {
    let mut text = String::from("CODE  RETRY     WHEN\n");
    for (exit, when, retry) in EXIT_CODES {
        text.push_str(&format!("{:<4}  {retry:<8}  {when}\n", exit.code()));
    }
    text.push_str(
        "\n`RestartPreventExitStatus=2 3 4` in a unit file keeps systemd from restarting what\n\
         cannot get better by itself.\n",
    );
    text
}

const ENVIRONMENT: &str = "\
Every global option can be set by WMCTL_ and its name in upper case: WMCTL_TENANT, WMCTL_OUTPUT,
WMCTL_SERVER, WMCTL_LOG_LEVEL. An empty variable counts as unset.

WMCTL_DATABASE_URL, DATABASE_URL     database: sqlite:PATH or postgres://…
…_FILE                               file that contains the value; setting both is an error
WMCTL_TENANT, BUSINESS_ID            tenant to act for (default: default)
HTTP_PORT                            port of the HTTP API (default: 8080)
WMCTL_TLS_CERT, WMCTL_TLS_KEY        certificate and key of the HTTP API, for TLS
WMCTL_PROXY, HTTPS_PROXY, ALL_PROXY  proxy to WhatsApp: http:// or socks5://; `none` for none
WMCTL_NO_PROXY, NO_PROXY             hosts to connect to directly: names, addresses, networks, *
WMCTL_CONFIG                         configuration file, as --config
CREDENTIALS_DIRECTORY                systemd credentials: the file database_url in it is read
STATE_DIRECTORY, XDG_DATA_HOME       folder of the SQLite database if none is set
STATE_DIRECTORY, XDG_STATE_HOME      folder for state that detects restored databases
XDG_CONFIG_HOME                      folder of wmctl/config.toml
NO_COLOR, CLICOLOR_FORCE, TERM       colour

Precedence: option, WMCTL_ name, other name, _FILE, credential, configuration file, default.

Proxy variables may be in lower case, as in other programs. A tenant's own proxy comes first. They
apply to connections to WhatsApp; webhooks and --api connect directly. This machine is never
reached through a proxy.
";

const OUTPUT: &str = "\
-o table   columns for people (the default)
-o json    one JSON document: {\"apiVersion\":\"wmctl/v1\",\"kind\":…,\"items\":[…]}
-o jsonl   one JSON object per line, as soon as it is known
-o name    names only, one per line

On a terminal, tables show times as ages and are never wider than the window: long cells are
wrapped, and less important columns are hidden. In a pipe nothing is shortened, and times are
RFC 3339.

Standard output carries only the answer; logs, progress and prompts go to standard error. With json
and jsonl, an error is one line on standard error:
{\"error\":{\"code\":\"…\",\"message\":\"…\",\"hint\":\"…\",\"exit_code\":6,\"retryable\":true}}

Within wmctl/v1, fields are only added. Times are RFC 3339 in UTC, durations are in seconds.
";

const CONFIG: &str = "\
Read in this order, later ones win: /etc/wmctl/config.toml, then $XDG_CONFIG_HOME/wmctl/config.toml.
--config FILE is read instead of both. An unknown key is an error.

database_url = \"postgres://wmctl@db.example.com/whatsmeow?sslmode=verify-full\"
tenant       = \"acme\"        # or business_id
log_level    = \"info\"
log_format   = \"json\"
device_name  = \"Acme desk\"   # as the phone lists it
keep_events  = \"90d\"         # how long events are kept: see wmctl db prune --help

On SIGHUP, `run` and `serve` read the log filter, the client version and the TLS files again. Other
changes are named in the log and need a restart. Flags and variables keep their values from the
start.

A file that contains a password must not be readable by other users. `wmctl config show` shows the
origin of each value. All keys: wmctl.toml(5).
";
