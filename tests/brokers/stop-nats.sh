#!/usr/bin/env bash
# stop-nats.sh DIR: ends the server that start-nats.sh started there.
. "$(dirname "$0")/common.sh"
stop_pid "${1:?usage: stop-nats.sh DIR}/pid" 10
