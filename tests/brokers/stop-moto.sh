#!/usr/bin/env bash
# stop-moto.sh DIR: ends the server that start-moto.sh started there.
. "$(dirname "$0")/common.sh"
stop_pid "${1:?usage: stop-moto.sh DIR}/pid" 10
