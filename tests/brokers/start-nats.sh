#!/usr/bin/env bash
# start-nats.sh DIR [PORT]: a NATS server with JetStream on 127.0.0.1, whose data, log and pid are in DIR.
#
# Prints NATS_SERVER_URL. Without PORT, a free one the first time and the same one from then on, so that a server that was
# killed comes back where its clients look for it. DIR/extra.conf, where there is one, is part of its configuration.
. "$(dirname "$0")/common.sh"
mkdir -p "${1:?usage: start-nats.sh DIR [PORT]}"
dir=$(cd "$1" && pwd)
port=${2:-$(cat "$dir/port" 2>/dev/null || echo -1)}
server=${NATS_SERVER_BIN:-$ROOT/bin/nats-server}
if [ ! -x "$server" ]; then
    echo "there is no nats-server: run tests/brokers/install.sh nats" >&2
    exit 1
fi
touch "$dir/extra.conf"

# The server picks a free port itself and says which: nothing can come in between.
ports() { sed -nE 's|.*"nats":\["[a-z]+://127.0.0.1:([0-9]+)".*|\1|p' "$dir"/*.ports 2>/dev/null | grep .; }

exec 9>"$dir/lock"
flock 9
if ! alive "$dir/pid"; then
    rm -f "$dir"/*.ports
    cat >"$dir/nats.conf" <<CONF
listen: "127.0.0.1:$port"
http: "127.0.0.1:-1"
ports_file_dir: "$dir"
server_name: "nats"
jetstream { store_dir: "$dir/jetstream", max_mem: 256MB, max_file: 1GB }
include "extra.conf"
CONF
    spawn "$dir/pid" "$dir/log" "$server" -c "$dir/nats.conf"
fi
wait_for 20 "$dir/pid" "$dir/log" ports
ports >"$dir/port"
wait_for 20 "$dir/pid" "$dir/log" port_open "$(cat "$dir/port")"
echo "NATS_SERVER_URL=nats://127.0.0.1:$(cat "$dir/port")"
