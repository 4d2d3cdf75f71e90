#!/bin/sh
# whatsapp-rust pairs with the simulator, chats, and wmctl takes its account over. Building the
# package takes long, so that this is run by hand and not with every change.
#
#   tests/peers/whatsapp-rust/run.sh [FOLDER]     FOLDER keeps what was written
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
cargo build --locked --manifest-path "$here/Cargo.toml"
cargo build --manifest-path "$root/Cargo.toml"
folder=${1:-$(mktemp -d)/chat}
exec python3 "$here/chat.py" "$root/target/debug/wmctl" \
    "$here/target/debug/wmctl-peers-whatsapp-rust" "$folder"
