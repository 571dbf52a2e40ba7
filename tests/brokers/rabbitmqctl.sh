#!/usr/bin/env bash
# rabbitmqctl.sh DIR ARGUMENT...: rabbitmqctl for the server that start-rabbitmq.sh started there.
. "$(dirname "$0")/common.sh"
dir=${1:?usage: rabbitmqctl.sh DIR ARGUMENT...}
shift
. "$dir/env"
exec "${programs:?}/rabbitmqctl" -q "$@"
