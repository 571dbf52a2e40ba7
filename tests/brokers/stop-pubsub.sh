#!/usr/bin/env bash
# stop-pubsub.sh DIR: ends the server that start-pubsub.sh started there.
. "$(dirname "$0")/common.sh"
stop_pid "${1:?usage: stop-pubsub.sh DIR}/pid" 10
