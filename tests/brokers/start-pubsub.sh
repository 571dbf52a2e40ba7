#!/usr/bin/env bash
# start-pubsub.sh DIR [PORT]: pstest on 127.0.0.1, which stands for Google Cloud Pub/Sub; its log and pid are in DIR.
#
# Prints PUBSUB_EMULATOR_HOST. It keeps topics, subscriptions and messages in memory: they are gone when it ends. Without
# PORT, a free one the first time; the same one from then on.
. "$(dirname "$0")/common.sh"
mkdir -p "${1:?usage: start-pubsub.sh DIR [PORT]}"
dir=$(cd "$1" && pwd)
server=$ROOT/bin/pstest
if [ ! -x "$server" ]; then
    echo "there is no pstest: run tests/brokers/install.sh pubsub" >&2
    exit 1
fi

exec 9>"$dir/lock"
flock 9
ports "$dir/ports" 1
port=${2:-$(cat "$dir/ports")}
if ! alive "$dir/pid"; then
    spawn "$dir/pid" "$dir/log" "$server" -port "$port"
fi
wait_for 30 "$dir/pid" "$dir/log" port_open "$port"
echo "PUBSUB_EMULATOR_HOST=127.0.0.1:$port"
