# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wmctl_global_optspecs
    string join \n tenant= database-url= lock-database-url= c/config= o/output= json no-headers q/quiet v/verbose log-level= log-format= color= server= root-key= ca-file= simulator= h/help V/version
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

complete -c wmctl -n "__fish_wmctl_needs_command" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_needs_command" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_needs_command" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_needs_command" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_needs_command" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_needs_command" -s V -l version -d 'Print version'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "pair" -d 'Link a device by QR or 8-character code'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "run" -d 'Keep one account connected'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "serve" -d 'Keep every paired tenant connected, and answer over HTTP'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "tenants" -d 'List, add, start, stop, move and remove tenants'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "hosts" -d 'List the processes that serve the database'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "keys" -d 'Make, list and remove keys of the HTTP interface'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "lock-status" -d 'Show who holds which lease, and what is wrong'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "db" -d 'Look into the database'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "send" -d 'Send messages'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "events" -d 'Read the numbered events of an account'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "webhooks" -d 'Deliver events over HTTP: set webhooks up, look at them, deliver again'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "migrate" -d 'Show or apply changes of the database schema'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "simulate" -d 'Serve a simulated WhatsApp on this machine'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "demo" -d 'See it work: simulated WhatsApp, two processes, a kill, nothing lost'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "bench" -d 'Measure messages a second, what they cost, and how long a start takes'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "doctor" -d 'Check configuration, database, clock, network and tenants'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "drill" -d 'Rehearse failover on this database and this machine'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "config" -d 'Show the settings and where each comes from'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "man" -d 'Print a manual page, or write all of them to a folder'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "version" -d 'Show what this binary is'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "help" -d 'Explain a command or a topic'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l phone -d 'Show a code to type on the phone with this number, instead of a QR code' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l qr -d 'Draw the QR code like this' -r -f -a "half\t'Two modules a character; needs a terminal that knows UTF-8'
ascii\t'Two characters a module'
none\t'Do not draw it'"
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l replace -d 'Unlink the device that is there and pair a new one'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l qr-invert -d 'Swap dark and light, for light terminals without colour'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand pair" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ends-with -d 'End at once, without a word, when this process does: it has to be the parent' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l from-seq -d 'Print events from this number on, instead of only new ones' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l grace -d 'Take at most this long for a clean stop' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ha-timeout -d 'With --ha, let others consider this process dead after this long without a heartbeat' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l stall-timeout -d 'Treat a connection as stalled if a reply is this late although pings are answered' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l http -d 'Answer health checks on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-allow -d 'Let webhooks reach this network, also without TLS: 10.0.0.0/8 (can be repeated)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-timeout -d 'Give one attempt this long (milliseconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-attempts -d 'Make an event a dead letter after so many failed attempts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-age -d 'Make an event that fails a dead letter if it is older than this (seconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-wait -d 'Wait this long after a first failure (milliseconds); it doubles up to 15 minutes' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l webhook-ca-file -d 'Trust only the TLS roots in this PEM file when events are delivered' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l tls-cert -d 'Serve HTTPS with this certificate (PEM, including intermediate certificates)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l tls-key -d 'Private key of --tls-cert (PEM), in a file that other users cannot read' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l no-events -d 'Print no events'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l ha -d 'Stand by while another process runs the account, and take over when it is gone'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l no-http -d 'Answer nothing over HTTP'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l ends-with -d 'End at once, without a word, when this process does: it has to be the parent' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l connecting -d 'Let at most this many tenants connect at the same time' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l http -d 'Answer the HTTP interface on this address; HTTP_PORT=8080 is the same as --http 0.0.0.0:8080' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l rate -d 'Limit requests per second of each API key, or client address without a key' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l name -d 'Name of this host, which `tenants move --to` takes (default: the machine\'s name)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l capacity -d 'Run at most this many tenants here; hosts share them out by it' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l silence -d 'Let others consider this host dead after this long without a heartbeat' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l rebalance -d 'How often an overloaded host hands over 1% of its tenants' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l stall-timeout -d 'Treat a connection as stalled if a reply is this late although pings are answered' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l grace -d 'Take at most this long for a clean stop, and 7 s more if the database hangs' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-allow -d 'Let webhooks reach this network, also without TLS: 10.0.0.0/8 (can be repeated)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-timeout -d 'Give one attempt this long (milliseconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-attempts -d 'Make an event a dead letter after so many failed attempts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-age -d 'Make an event that fails a dead letter if it is older than this (seconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-wait -d 'Wait this long after a first failure (milliseconds); it doubles up to 15 minutes' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l webhook-ca-file -d 'Trust only the TLS roots in this PEM file when events are delivered' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l tls-cert -d 'Serve HTTPS with this certificate (PEM, including intermediate certificates)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l tls-key -d 'Private key of --tls-cert (PEM), in a file that other users cannot read' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l no-http -d 'Answer nothing over HTTP'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l private-proxies -d 'Let tenants have proxies on this machine and in private networks'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "list" -d 'List tenants: state, device, and which process runs each'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "show" -d 'Show one tenant'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "add" -d 'Have a tenant run, with these settings'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "start" -d 'Have a tenant run'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "stop" -d 'Have a tenant not run; its rows are kept'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "move" -d 'Have a tenant run on a host while that one lives'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "drain" -d 'Have a host give all its tenants away and take none'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "wait" -d 'Wait until a tenant is in a state; exit code 10 if the time is up'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "logout" -d 'Unlink a tenant\'s device: the phone does not list it any more, its rows are kept'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "rm" -d 'Unlink a tenant\'s device and delete its keys, sessions and events for good'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and not __fish_seen_subcommand_from list show add start stop move drain wait logout rm watch" -f -a "watch" -d 'List tenants every two seconds'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l proxy -d 'Connect through http://… or socks5://[user:password@]host:port; an empty text is none' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l device-name -d 'Have the phone list the device under this name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l platform -d 'Have the phone list it as chrome, edge, firefox, safari or other' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l host -d 'Run it on this host while that one lives' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l message-ttl -d 'Give messages up that waited for it so long, such as 30m or 7d; 0s is never (default: 24h)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from start" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from stop" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l to -d 'Name or id of the host; `any` for no one in particular' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from move" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l host -d 'Name or id of the host' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l timeout -d 'Wait at most this long until it has none (seconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l undo -d 'Take tenants again instead'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from drain" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l for -d 'connected, stopped, orphaned and others, as `list` shows them' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l timeout -d 'Wait at most this long (seconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from wait" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l yes -d 'Do not ask'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from logout" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l yes -d 'Do not ask'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand tenants; and __fish_seen_subcommand_from watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand hosts" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -f -a "add" -d 'Make a key and print it, once; the database keeps only its hash'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -f -a "list" -d 'List keys, without what is secret'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and not __fish_seen_subcommand_from add list rm" -f -a "rm" -d 'Forget a key: it is refused from then on'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l only -d 'For this tenant only (can be repeated; default: all)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l allow -d 'Let it read, write, pair, send or admin (can be repeated; default: read)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l yes -d 'Do not ask'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand keys; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l release -d 'Take the lease of this tenant away from its holder' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l check -d 'Exit with code 10 if something is wrong'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l yes -d 'Do not ask'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand lock-status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "connections" -d 'Show who is connected, how many may be and how many should be'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "devices" -d 'List the paired devices'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "sessions" -d 'Count the sessions and keys of each device'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "size" -d 'Show how large tables and tenants are, and how they grow'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "check" -d 'Look for rows that belong to nobody, keys of a wrong length and records that nobody can read'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "prune" -d 'Forget events, sent messages and secrets that are over the limits'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "restored" -d 'Say that the database was restored from a backup'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and not __fish_seen_subcommand_from connections devices sessions size check prune restored locks" -f -a "locks" -d 'Show who holds which lease, and what is wrong (the same as `wmctl lock-status`)'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from connections" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from devices" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from sessions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l by -d 'Only tables, or only tenants' -r -f -a "table\t''
tenant\t''"
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from size" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l dry-run -d 'Count what would go, and change nothing'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from prune" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l all -d 'Every tenant that has an account'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from restored" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s w -l watch -d 'Look again every two seconds, or as often as given (-w=500ms), until Ctrl-C' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l release -d 'Take the lease of this tenant away from its holder' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l check -d 'Exit with code 10 if something is wrong'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l yes -d 'Do not ask'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand db; and __fish_seen_subcommand_from locks" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l to -d 'Phone number, or address of a person or group' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l text -d 'What to say' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l idempotency-key -d 'Take the same key twice as the same message' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l expires-at -d 'Do not send it after this time (RFC 3339); as long as the tenant\'s messages wait by default' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l file -d 'Read messages as JSON lines from this file, - for standard input' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l wait -d 'Wait until every message has come that far' -r -f -a "queued\t'Taken in'
sent\t'The server has it'
delivered\t'A device of the recipient has it'
read\t'The recipient read it'"
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l timeout -d 'Wait at most this long (seconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l force -d 'Queue it although the account is logged out, banned or exported'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand send" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l from-seq -d 'Start with this number; 0 is the first that there is, `now` what comes next' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l type -d 'Show only events of this type (can be repeated)' -r -f -a "message\t''
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
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l limit -d 'Show at most so many' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s f -l follow -d 'Wait for more at the end'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand events" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "add" -d 'Have events delivered to a URL, and print what requests are signed with, once'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "list" -d 'List webhooks: how far each has come, what waits, what is dead'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "show" -d 'Show one webhook'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "rm" -d 'Forget a webhook and its dead letters'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "pause" -d 'Send nothing for a while; events wait'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "resume" -d 'Go on, at once'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "test" -d 'Have a test sent, and wait for its outcome; exit code 9 if it failed, 10 if the time is up'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "redeliver" -d 'Have dead letters sent once more'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and not __fish_seen_subcommand_from add list show rm pause resume test redeliver dead" -f -a "dead" -d 'List dead letters: events that a webhook did not take'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l id -d 'Call it so (default: made up)' -r
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
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l batch -d 'Deliver up to so many events in one request' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l from-seq -d 'Begin with the event of this number (default: the next one)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l secret-file -d 'Sign with the secret in this file, - is standard input (default: WMCTL_WEBHOOK_SECRET, or one is made)' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from add" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from list" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l yes -d 'Do not ask'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from rm" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l timeout -d 'Wait at most this long (seconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from test" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l seq -d 'Only the event of this number' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from redeliver" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l after -d 'Those after this number' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l limit -d 'At most so many' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l api -d 'Ask this host\'s HTTP interface instead of the database' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand webhooks; and __fish_seen_subcommand_from dead" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "status" -d 'Show every migration and when it was applied'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "import" -d 'Take an account over from whatsmeow, Baileys, whatsapp-rust, or another database of ours'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "export" -d 'Give an account away as a database of whatsmeow'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and not __fish_seen_subcommand_from status import export up" -f -a "up" -d 'Apply what is pending; many hosts may start it at once'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l check -d 'Exit with 10 if any is pending'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l from -d 'Read this: a folder of Baileys, sqlite:PATH, file:PATH or postgres://… (its password in PGPASSWORD)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l device -d 'Take this device, where the source has several' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l from-tenant -d 'The tenant\'s name in the source, if it is another there' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l replace -d 'Take the place of the account that the tenant has here'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l skip-damaged -d 'Leave damaged rows behind and list them'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l even-in-use -d 'Go on although other programs have the source open'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l dry-run -d 'Do and check everything, and take it back'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from import" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l to -d 'Write this database: sqlite:PATH, file:PATH or postgres://… (its password in PGPASSWORD)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l leave-unsent -d 'Go on although messages in the outbox are not sent: they stay here'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l dry-run -d 'Do and check everything, and take it back'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l undo -d 'Run the account here again; whatever ran it elsewhere must be stopped for good'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from export" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l dry-run -d 'Print the SQL for psql or sqlite3 instead, and change nothing'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l records -d 'Look through all records for whatsmeow\'s form, and write them in ours'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand migrate; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l port -d 'Listen for clients on this port; 0 takes a free one' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l control-port -d 'Listen for control requests on this port; 0 takes a free one' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l write-ca -d 'Write the certificate authority of the TLS server here' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l accounts -d 'Accounts whose phones can pair' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l contacts -d 'People who write to the accounts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l hourly -d 'Messages an hour that each account gets' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l first-frame-delay -d 'Wait this long before the first frame; older Baileys needs 150 (milliseconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l seed -d 'Take all keys and all chance from this number' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l tls -d 'Serve clients over TLS; needs --ca-file'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand simulate" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l messages -d 'Messages each way' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l rate -d 'Messages a second, each way' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l contacts -d 'People to chat with' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l kills -d 'How often the process that leads is killed' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l accounts -d 'Accounts at the same time: one measurement for each number' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l messages -d 'Messages each way in each measurement, shared out over the accounts' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l webhooks -d 'Measure webhooks too, with up to so many events in a request' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l postgres -d 'Measure this PostgreSQL database too; it must hold no tenants' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l pgbench -d 'Compare with this program on the PostgreSQL server; without it with the one on PATH, if any' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand bench" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l offline -d 'Do not dial WhatsApp'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand doctor" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l fault -d 'Do this to the leader (default: kill,drain,stop and the partitions; on SQLite kill,drain)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l rounds -d 'Rehearse each fault so often' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l messages -d 'Messages each way in each round' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l rate -d 'Messages a second, each way' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l ha-timeout -d 'Take a process for dead that says nothing for this long (milliseconds)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand drill" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -f -a "show" -d 'Show every setting, its value and its origin; secrets are hidden'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l dir -d 'Write every page to this folder' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l lock-database-url -d 'Hold locks over this URL: a direct one to the same PostgreSQL, past a pooler' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l ca-file -l ca -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
