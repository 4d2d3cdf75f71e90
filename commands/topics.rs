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

WMCTL_DATABASE_URL, DATABASE_URL     where the rows are: sqlite:PATH or postgres://…
…_FILE                               a file that holds the value instead; both set is an error
WMCTL_TENANT, BUSINESS_ID            whose account it is (default: default)
HTTP_PORT                            port of the HTTP API (default: 8080)
WMCTL_TLS_CERT, WMCTL_TLS_KEY        its certificate and key: it speaks TLS with them
WMCTL_CONFIG                         the configuration file, as --config
CREDENTIALS_DIRECTORY                systemd credentials: a file database_url in it is read
STATE_DIRECTORY, XDG_DATA_HOME       folder of the embedded database where none is set
STATE_DIRECTORY, XDG_STATE_HOME      folder of what shows that a database was restored
XDG_CONFIG_HOME                      folder of wmctl/config.toml
NO_COLOR, CLICOLOR_FORCE, TERM       colour

Order: option, WMCTL_ name, the other name, _FILE, credential, configuration file, default.
";

const OUTPUT: &str = "\
-o table   columns for people (the default)
-o json    one JSON document: {\"apiVersion\":\"wmctl/v1\",\"kind\":…,\"items\":[…]}
-o jsonl   one JSON object a line, as soon as it is known
-o name    names only, one a line

Standard output carries the answer and nothing else; logs, progress and prompts go to standard
error. With json and jsonl an error is one line on standard error:
{\"error\":{\"code\":\"…\",\"message\":\"…\",\"hint\":\"…\",\"exit_code\":6,\"retryable\":true}}

Within wmctl/v1 fields are only ever added. Times are RFC 3339 in UTC, lengths of time in seconds.
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

SIGHUP has `run` and `serve` read the log filter again, and the files of TLS. What else has changed
is named in the log and needs a restart. Flags and variables stay what they were at the start.

A file with a password in it must not be readable by everybody. `wmctl config show` tells where each
value comes from. All keys: wmctl.toml(5).
";
