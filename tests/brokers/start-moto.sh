#!/usr/bin/env bash
# start-moto.sh DIR [PORT]: moto on 127.0.0.1, which stands for AWS's SNS and SQS; its log and pid are in DIR.
#
# Prints AWS_ENDPOINT_URL_SQS and AWS_ENDPOINT_URL_SNS, which are one address, and a login and a region, of which it takes any.
# It keeps queues, topics and messages in memory: they are gone when it ends. Without PORT, a free one the first time; the
# same one from then on.
. "$(dirname "$0")/common.sh"
mkdir -p "${1:?usage: start-moto.sh DIR [PORT]}"
dir=$(cd "$1" && pwd)
server=$ROOT/moto/bin/moto_server
if [ ! -x "$server" ]; then
    echo "there is no moto: run tests/brokers/install.sh moto" >&2
    exit 1
fi

exec 9>"$dir/lock"
flock 9
ports "$dir/ports" 1
port=${2:-$(cat "$dir/ports")}
if ! alive "$dir/pid"; then
    spawn "$dir/pid" "$dir/log" env -u AWS_PROFILE "$server" -H 127.0.0.1 -p "$port"
fi
wait_for 60 "$dir/pid" "$dir/log" curl --fail --silent --max-time 5 "http://127.0.0.1:$port/moto-api/data.json"
echo "AWS_ENDPOINT_URL_SQS=http://127.0.0.1:$port"
echo "AWS_ENDPOINT_URL_SNS=http://127.0.0.1:$port"
echo "AWS_ACCESS_KEY_ID=test"
echo "AWS_SECRET_ACCESS_KEY=test"
echo "AWS_REGION=us-east-2"
echo "AWS_DEFAULT_REGION=us-east-2"
