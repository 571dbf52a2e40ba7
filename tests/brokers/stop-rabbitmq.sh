#!/usr/bin/env bash
# stop-rabbitmq.sh DIR: ends the server that start-rabbitmq.sh started there.
. "$(dirname "$0")/common.sh"
stop_pid "${1:?usage: stop-rabbitmq.sh DIR}/pid" 30
stop_pid "$1/epmd.pid" 5
