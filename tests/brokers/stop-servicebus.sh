#!/usr/bin/env bash
# stop-servicebus.sh DIR: ends the server that start-servicebus.sh started there.
. "$(dirname "$0")/common.sh"
stop_pid "${1:?usage: stop-servicebus.sh DIR}/pid" 10
