# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_wmctl_global_optspecs
    string join \n tenant= database-url= c/config= o/output= json no-headers q/quiet v/verbose log-level= log-format= color= server= root-key= ca-file= simulator= h/help V/version
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
complete -c wmctl -n "__fish_wmctl_needs_command" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_needs_command" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_needs_command" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_needs_command" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_needs_command" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_needs_command" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_needs_command" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_needs_command" -s V -l version -d 'Print version'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "config" -d 'Show the settings and where each comes from'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "completions" -d 'Print the completion script of a shell'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "man" -d 'Print a manual page, or write all of them to a folder'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "version" -d 'Show what this binary is'
complete -c wmctl -n "__fish_wmctl_needs_command" -f -a "help" -d 'Explain a command or a topic'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and not __fish_seen_subcommand_from show" -f -a "show" -d 'Show every setting, its value and its origin; secrets are hidden'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand config; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand completions" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l dir -d 'Write every page to this folder' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand man" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand version" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l tenant -l business-id -d 'Act for this tenant (default: default)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l database-url -d 'Keep the rows here: sqlite:PATH or postgres://… without a password' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s c -l config -d 'Read this configuration file only' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s o -l output -d 'Print the answer as table, json, jsonl or name' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l log-level -d 'Log what this filter lets through, like debug or wmctl::engine=trace' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l log-format -d 'Write log lines as text or json' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l color -d 'Use colour: auto, always or never' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l server -d 'Dial this server instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l root-key -d 'Trust certificates signed by this key instead of WhatsApp\'s (64 hexadecimal digits)' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l ca-file -d 'Trust only the TLS roots in this PEM file' -r -F
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l simulator -d 'Dial the simulator with this control URL instead of WhatsApp' -r
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l json -d 'Same as --output json'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -l no-headers -d 'Leave out the heads of tables'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s q -l quiet -d 'Say nothing but errors'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s v -l verbose -d 'Log more; twice for everything'
complete -c wmctl -n "__fish_wmctl_using_subcommand help" -s h -l help -d 'Print help (see more with \'--help\')'
