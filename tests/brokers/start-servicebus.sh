#!/usr/bin/env bash
# start-servicebus.sh DIR [PORT]: a stand-in for Azure Service Bus on 127.0.0.1 (servicebus/standin.py), whose log and pid
# are in DIR.
#
# Prints SERVICEBUS_CONNECTION_STRING, and SERVICEBUS_ENTITIES: DIR/extra.conf, a file with a line for each queue or topic.
# Whoever wants another one appends its line, and may use it at once. There are the queue `myqueue`, and the topic `mytopic`
# with the subscription `mysubscription`. It keeps messages in memory: they are gone when it ends. Without PORT, a free one
# the first time; the same one from then on.
. "$(dirname "$0")/common.sh"
mkdir -p "${1:?usage: start-servicebus.sh DIR [PORT]}"
dir=$(cd "$1" && pwd)
python=$ROOT/servicebus/bin/python
if [ ! -x "$python" ]; then
    echo "there is no stand-in for Service Bus: run tests/brokers/install.sh servicebus" >&2
    exit 1
fi

exec 9>"$dir/lock"
flock 9
ports "$dir/ports" 1
port=${2:-$(cat "$dir/ports")}
touch "$dir/extra.conf"
if ! alive "$dir/pid"; then
    spawn "$dir/pid" "$dir/log" "$python" -B -u "$HERE/servicebus/standin.py" --port "$port" --key gateway=secret \
        --entities "$dir/extra.conf"
fi
wait_for 30 "$dir/pid" "$dir/log" port_open "$port"
login="SharedAccessKeyName=gateway;SharedAccessKey=secret"
echo "SERVICEBUS_CONNECTION_STRING=Endpoint=sb://127.0.0.1:$port;$login;UseDevelopmentEmulator=true"
echo "SERVICEBUS_ENTITIES=$dir/extra.conf"
