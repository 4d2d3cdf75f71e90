# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wmctl_global_optspecs
    string join \n tenant= database-url= lock-database-url= c/config= o/output= json no-headers q/quiet v/verbose log-level= log-format= color= server= root-key= ca-file= private-proxies simulator= h/help V/version
end

function __fish_wmctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_wmctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_wmctl_using_subcommand
    set -l cmd (__fish_wmctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c wmctl -n "__fish_wmctl_needs_command" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_needs_command" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_needs_command" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_needs_command" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_needs_command" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_needs_command" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_needs_command" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_needs_command" -s V -l version -d 'Print version'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "pair" -d 'Link a device by QR or 8-character code'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "run" -d 'Keep one account connected'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "serve" -d 'Keep every paired tenant connected, and serve the HTTP API'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "tenants" -d 'List, add, start, stop, move and remove tenants'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "hosts" -d 'List the hosts: `wmctl serve` processes that share the tenants'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "keys" -d 'Create, list and revoke API keys'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "lock-status" -d 'Show leases and their holders, and report problems'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "db" -d 'Inspect and prune the database'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "send" -d 'Send messages'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "events" -d 'Read the numbered events of an account'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "webhooks" -d 'Deliver events over HTTP: add, inspect, pause and redeliver webhooks'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "migrate" -d 'Apply schema migrations, and move accounts between databases'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "simulate" -d 'Run a simulated WhatsApp server on this machine'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "demo" -d 'See failover work: a simulated WhatsApp, two processes, one of them killed, no message lost'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "bench" -d 'Measure throughput, cost per message, and start-up time'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "doctor" -d 'Check configuration, database, clock, network and tenants'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "drill" -d 'Rehearse failover on this database and this machine'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "config" -d 'Show the settings and where each comes from'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "man" -d 'Print a manual page, or write all of them to a folder'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "version" -d 'Show the version of wmctl, its features, and the client version it presents to WhatsApp'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "help" -d 'Explain a command or a topic'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l phone -d 'Show an 8-character code to type on the phone with this number, instead of a QR code' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l qr -d 'How to draw the QR code' -r -f -a "auto\t'The largest of these that fits the terminal'
half\t'Two modules per character; needs a UTF-8 terminal'
small\t'Six modules per character, for small terminals; needs UTF-8 and a font with Unicode 13'
ascii\t'Two characters per module'
none\t'Do not draw it'"
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l qr-file -d 'Also write the QR code to this file, which ends in .svg or .png' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l replace -d 'Unlink the current device and pair a new one'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l create -d 'Create the tenant if it does not exist; an empty database needs no --create'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l qr-invert -d 'Swap dark and light, for a light terminal without colour'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ends-with -d 'End at once, without a word, when this process does: it has to be the parent' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l from-seq -d 'Print events from this number on, instead of only new events' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l grace -d 'Time limit for a clean stop' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ha-timeout -d 'With --ha, other processes consider this one dead after this long without a heartbeat' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l stall-timeout -d 'Treat a connection as stalled if a reply is this late while pings are answered' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l http -d 'Answer health checks on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-allow -d 'Allow webhooks in this network, also without TLS, such as 10.0.0.0/8 (can be repeated)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-timeout -d 'Time limit of one delivery attempt' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-attempts -d 'Make an event a dead letter after this many failed attempts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-age -d 'Make a failing event a dead letter once it is older than this' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-wait -d 'Delay before the first retry; it doubles with each failure, up to 15m' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-ca-file -d 'Trust only the TLS roots in this PEM file when delivering events' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l tls-cert -d 'Serve HTTPS with this certificate (PEM, including intermediate certificates)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l tls-key -d 'Private key of --tls-cert (PEM), in a file that other users cannot read' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l no-events -d 'Do not print events'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ha -d 'Stand by while another process runs the account, and take over if it fails'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l no-http -d 'Do not listen for HTTP requests'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l ends-with -d 'End at once, without a word, when this process does: it has to be the parent' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l connecting -d 'Maximum number of tenants that connect at the same time' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l http -d 'Serve the HTTP API on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l rate -d 'Maximum requests per second for each API key, or for each client address without a key' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l name -d 'Name of this host, as `tenants move --to` takes it (default: the machine\'s host name)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l capacity -d 'Maximum number of tenants on this host; hosts share tenants in proportion to it' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l silence -d 'Other hosts consider this one dead after this long without a heartbeat' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l rebalance -d 'How often an overloaded host hands over 1% of its tenants' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l stall-timeout -d 'Treat a connection as stalled if a reply is this late while pings are answered' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l grace -d 'Time limit for a clean stop; up to 7s more if the database hangs' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-allow -d 'Allow webhooks in this network, also without TLS, such as 10.0.0.0/8 (can be repeated)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-timeout -d 'Time limit of one delivery attempt' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-attempts -d 'Make an event a dead letter after this many failed attempts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-age -d 'Make a failing event a dead letter once it is older than this' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-wait -d 'Delay before the first retry; it doubles with each failure, up to 15m' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-ca-file -d 'Trust only the TLS roots in this PEM file when delivering events' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l tls-cert -d 'Serve HTTPS with this certificate (PEM, including intermediate certificates)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l tls-key -d 'Private key of --tls-cert (PEM), in a file that other users cannot read' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l no-http -d 'Do not listen for HTTP requests'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "list" -d 'List tenants: state, device, and which process runs each'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "show" -d 'Show one tenant'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "add" -d 'Add a tenant, or change its settings, and start it'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "start" -d 'Start a tenant'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "stop" -d 'Stop a tenant; its data is kept'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "move" -d 'Pin a tenant to a host while that host is alive'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "drain" -d 'Drain a host: it hands over all its tenants and takes no new ones'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "wait" -d 'Wait until a tenant reaches a state'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "logout" -d 'Unlink a tenant\'s device from the phone; its data is kept'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "rm" -d 'Unlink a tenant\'s device, and delete its keys, sessions and events for good'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "watch" -d 'List tenants every two seconds'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l proxy -d 'Proxy: http:// or socks5://[user:password@]host:port; an empty text removes it' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l device-name -d 'Name under which the phone lists the device' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l platform -d 'What the phone lists the device as: chrome, edge, firefox, safari or other' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l host -d 'Pin the tenant to this host while that host is alive' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l message-ttl -d 'Discard messages that have waited for this long; 0s keeps them for ever (default: 24h)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l to -d 'Name or ID of the host; `any` removes the pin' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l host -d 'Name or ID of the host' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l timeout -d 'Wait at most this long until the host has no tenants' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l undo -d 'Let the host take tenants again'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l for -d 'State to wait for, as `wmctl tenants list` shows it' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l timeout -d 'Wait at most this long' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l yes -d 'Do not ask for confirmation'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l yes -d 'Do not ask for confirmation'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -f -a "add" -d 'Create a key and print it once; the database keeps only its hash'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -f -a "list" -d 'List keys, without their secrets'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -f -a "rm" -d 'Revoke a key'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l only -d 'Limit the key to this tenant (can be repeated; default: all tenants)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l allow -d 'Allow read, write, pair, send or admin (can be repeated; default: read)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l yes -d 'Do not ask for confirmation'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l release -d 'Revoke the lease of this tenant' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l check -d 'Exit with code 10 if there is a problem'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l yes -d 'Do not ask for confirmation'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "connections" -d 'Show database connections: who uses them, the limit, and the recommended number'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "devices" -d 'List the paired devices'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "sessions" -d 'Count the encryption sessions and keys of each device'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "size" -d 'Show how large tables and tenants are, and how they grow'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "check" -d 'Check for orphaned rows, keys of the wrong length and unreadable records'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "prune" -d 'Delete events, sent messages and secrets that exceed the retention limits'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "restored" -d 'Declare that the database was restored from a backup'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "locks" -d 'Show leases and their holders, and report problems (the same as `wmctl lock-status`)'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l by -d 'Show only tables, or only tenants' -r -f -a "table\t'Tables, with their indexes'
tenant\t'Tenants, over all tables'"
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l dry-run -d 'Count what would be deleted, and change nothing'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l all -d 'All tenants that have an account'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s w -l watch -d 'Repeat every two seconds, or at this interval (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l release -d 'Revoke the lease of this tenant' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l check -d 'Exit with code 10 if there is a problem'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l yes -d 'Do not ask for confirmation'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l to -d 'Recipient: a phone number, or the address of a person or group' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l text -d 'Text of the message' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l idempotency-key -d 'Send at most one message with this key: a second one is not queued' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l expires-at -d 'Discard the message if it is not sent by this time, in RFC 3339 (default: the tenant\'s --message-ttl)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l file -d 'Read messages as JSON lines from this file, - for standard input' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l wait -d 'Wait until every message has reached this state' -r -f -a "queued\t'The message is in the outbox'
sent\t'The server has accepted it'
delivered\t'A device of the recipient has received it'
read\t'The recipient has read it'"
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l timeout -d 'Wait at most this long' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l force -d 'Queue the message even if the account is logged out, banned or exported'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l from-seq -d 'Number of the first event: 0 for the oldest one left, `now` for the next new one' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l type -d 'Print only events of this type (can be repeated)' -r -f -a "message\t''
history_message\t''
undecryptable\t''
refused\t''
receipt\t''
sent\t''
send_failed\t''
identity_changed\t''
devices_changed\t''
group_changed\t''
contact_changed\t''
chat_changed\t''
name_changed\t''
history_sync\t''
state\t''"
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l limit -d 'Print at most this many events' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s f -l follow -d 'Keep waiting for new events'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "add" -d 'Add a webhook, and print its signing secret once'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "list" -d 'List webhooks: last delivered event, events waiting, dead letters'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "show" -d 'Show one webhook'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "rm" -d 'Delete a webhook and its dead letters'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "pause" -d 'Pause a webhook; its events wait'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "resume" -d 'Resume a paused webhook, or retry a failing one at once'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "test" -d 'Send a test event, and wait for the result'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "redeliver" -d 'Send dead letters again'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "dead" -d 'List dead letters: events that the receiver did not accept'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l id -d 'ID of the webhook (default: generated)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l type -d 'Deliver only events of this type (can be repeated)' -r -f -a "message\t''
history_message\t''
undecryptable\t''
refused\t''
receipt\t''
sent\t''
send_failed\t''
identity_changed\t''
devices_changed\t''
group_changed\t''
contact_changed\t''
chat_changed\t''
name_changed\t''
history_sync\t''
state\t''"
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l batch -d 'Deliver at most this many events per request' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l from-seq -d 'Start with the event of this number (default: the next new event)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l secret-file -d 'File with the signing secret, - for standard input (default: WMCTL_WEBHOOK_SECRET, or a generated secret)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l yes -d 'Do not ask for confirmation'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l timeout -d 'Wait at most this long' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l seq -d 'Only the event with this number' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l after -d 'Only events after this number' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l limit -d 'Print at most this many' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l api -d 'Use the HTTP API of this host instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "status" -d 'List all migrations, and when they were applied'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "import" -d 'Take an account over from whatsmeow, Baileys, whatsapp-rust, or another database of ours'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "export" -d 'Give an account away as a database of whatsmeow'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "up" -d 'Apply pending migrations; several hosts may run it at the same time'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l check -d 'Exit with code 10 if migrations are pending'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l from -d 'Source: a Baileys folder, sqlite:PATH, file:PATH or postgres://… (password in PGPASSWORD)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l device -d 'Device to import, if the source has several' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l from-tenant -d 'Name of the tenant in the source, if it differs' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l replace -d 'Replace the account that the tenant has here'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l skip-damaged -d 'Skip damaged rows and list them'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l even-in-use -d 'Continue even if other programs have the source open'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l dry-run -d 'Rehearse the import and check everything, but change nothing'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l to -d 'Target: sqlite:PATH, file:PATH or postgres://… (password in PGPASSWORD)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l leave-unsent -d 'Continue even if the outbox has unsent messages; they stay here'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l dry-run -d 'Rehearse the export and check everything, but change nothing'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l undo -d 'Allow wmctl to run the account again; stop the other program for good first'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l dry-run -d 'Print the SQL for psql or sqlite3 instead, and change nothing'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l records -d 'Search all records for whatsmeow\'s format, and convert them'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l port -d 'Port for clients; 0 picks a free one' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l control-port -d 'Port for control requests; 0 picks a free one' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l write-ca -d 'File to write the certificate of the TLS server\'s authority to' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l accounts -d 'Number of accounts whose phones can pair' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l contacts -d 'Number of contacts that write to the accounts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l hourly -d 'Messages per hour that each account receives' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l first-frame-delay -d 'Delay before the first frame; older versions of Baileys need 150ms' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l seed -d 'Seed for all keys and random choices' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l tls -d 'Serve clients over TLS; requires --write-ca'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l messages -d 'Messages in each direction' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l rate -d 'Messages per second in each direction' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l contacts -d 'Number of contacts that chat with the account' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l kills -d 'Number of times the leader is killed' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l accounts -d 'Numbers of concurrent accounts, one measurement for each' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l messages -d 'Messages in each direction per measurement, divided among the accounts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l webhooks -d 'Measure webhooks too, with at most this many events per request' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l postgres -d 'Measure this PostgreSQL database too; it must not contain tenants' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l pgbench -d 'pgbench program to compare with (default: the one on PATH, if any)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l offline -d 'Do not connect to WhatsApp'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l fault -d 'Faults to inject into the leader (default: all; on SQLite kill,drain)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l rounds -d 'Rounds of each fault' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l messages -d 'Messages in each direction in each round' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l rate -d 'Messages per second in each direction' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l ha-timeout -d 'Consider a process dead after this long without a heartbeat' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -f -a "show" -d 'Show every setting, its value and its origin; secrets are hidden'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l dir -d 'Write every page to this folder' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l tenant -l business-id -d 'Tenant to act for (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l database-url -d 'Database to use: sqlite:PATH, or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l lock-database-url -d 'URL for locks: a direct one to the same PostgreSQL, bypassing a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s c -l config -d 'Read only this configuration file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s o -l output -d 'Output format: table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l log-level -d 'Log filter, such as debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l log-format -d 'Format of log lines: text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l color -d 'When to use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l server -d 'Connect to this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l simulator -d 'Connect to the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l no-headers -d 'Print tables without their header line'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s q -l quiet -d 'Print only errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s v -l verbose -d 'Log more; give it twice to log everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l private-proxies -d 'Allow tenants\' proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
