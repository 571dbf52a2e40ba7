#!/usr/bin/env bash
# stop-kafka.sh DIR: ends the server that start-kafka.sh started there.
. "$(dirname "$0")/common.sh"
stop_pid "${1:?usage: stop-kafka.sh DIR}/pid" 30
