#!/usr/bin/env bash
# start-rabbitmq.sh DIR [PORT]: a RabbitMQ server on 127.0.0.1, whose data, log and pid are in DIR.
#
# Prints RABBIT_SERVER_URL (user `guest`, password `guest`); RABBIT_TLS_URL, which wants a client's certificate: ca.pem,
# client.pem and client.key in RABBIT_DIR/tls; RABBIT_DIR, for rabbitmqctl.sh. There are the virtual hosts `/` and `other`,
# and the user `gateway`, who logs in with that certificate (SASL EXTERNAL). Without PORT, free ports the first time; the
# same ones from then on. DIR/extra.conf, where there is one, is the end of its configuration.
#
# RABBIT_JOIN=DIR of another one: a second node of its cluster.
. "$(dirname "$0")/common.sh"
mkdir -p "${1:?usage: start-rabbitmq.sh DIR [PORT]}"/{data,log,home}
dir=$(cd "$1" && pwd)
programs=$(echo "$ROOT"/rabbitmq/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin)
erlang=$ROOT/rabbitmq/usr/bin:
if [ ! -d "$programs" ]; then
    # Not those of /usr/sbin, which change the user.
    programs=$(echo /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin)
    erlang=
fi
if [ ! -d "$programs" ]; then
    echo "there is no RabbitMQ: run tests/brokers/install.sh rabbitmq" >&2
    exit 1
fi

exec 9>"$dir/lock"
flock 9
ports "$dir/ports" 4
{ read -r port && read -r tls && read -r names && read -r between; } <"$dir/ports"
[ -z "${2:-}" ] || port=$2
certificates "$dir/tls"
touch "$dir/extra.conf"
if ! alive "$dir/pid"; then
    if [ -n "${RABBIT_JOIN:-}" ]; then
        names=$(sed -n 's/^export ERL_EPMD_PORT=//p' "$RABBIT_JOIN/env")
        install -m 400 "$RABBIT_JOIN/home/.erlang.cookie" "$dir/home/"
    fi
    cat >"$dir/rabbitmq.conf" <<CONF
listeners.tcp.1 = 127.0.0.1:$port
listeners.ssl.1 = 127.0.0.1:$tls
ssl_options.cacertfile = $dir/tls/ca.pem
ssl_options.certfile = $dir/tls/server.pem
ssl_options.keyfile = $dir/tls/server.key
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
ssl_cert_login_from = common_name
auth_mechanisms.1 = PLAIN
auth_mechanisms.2 = AMQPLAIN
auth_mechanisms.3 = EXTERNAL
load_definitions = $dir/definitions.json
vm_memory_high_watermark.absolute = 1GiB
disk_free_limit.absolute = 50MB
log.file = server.log
log.file.level = warning
CONF
    cat "$dir/extra.conf" >>"$dir/rabbitmq.conf"
    cat >"$dir/definitions.json" <<'JSON'
{
  "users": [
    {"name": "guest", "password": "guest", "tags": "administrator"},
    {"name": "gateway", "password_hash": "", "tags": ""}
  ],
  "vhosts": [{"name": "/"}, {"name": "other"}],
  "permissions": [
    {"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "guest", "vhost": "other", "configure": ".*", "write": ".*", "read": ".*"},
    {"user": "gateway", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}
  ]
}
JSON
    echo '[rabbitmq_auth_mechanism_ssl].' >"$dir/enabled_plugins"
    cat >"$dir/env" <<ENV
export PATH="$erlang$PATH" HOME="$dir/home" RABBITMQ_HOME="${programs%/sbin}"
export RABBITMQ_NODENAME="rabbit$port@localhost" RABBITMQ_CONF_ENV_FILE=/dev/null
export RABBITMQ_CONFIG_FILE="$dir/rabbitmq.conf" RABBITMQ_ENABLED_PLUGINS_FILE="$dir/enabled_plugins"
export RABBITMQ_MNESIA_BASE="$dir/data" RABBITMQ_LOG_BASE="$dir/log"
export ERL_EPMD_PORT=$names
export ERL_EPMD_ADDRESS=127.0.0.1 RABBITMQ_DIST_PORT=$between
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none"
# The server is to be the process that was started, not a child of it.
export RUNNING_UNDER_SYSTEMD=true
export ERL_CRASH_DUMP="$dir/log/erl_crash.dump"
export RABBITMQ_CTL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1} +S 1:1"
programs="$programs"
ENV
    . "$dir/env"
    # Erlang's list of names, on a port of its own: no other Erlang program is met, and nothing is left when it stops.
    if [ -z "${RABBIT_JOIN:-}" ] && ! alive "$dir/epmd.pid"; then
        spawn "$dir/epmd.pid" "$dir/epmd.log" epmd -port "$names" -address 127.0.0.1
        wait_for 20 "$dir/epmd.pid" "$dir/epmd.log" port_open "$names"
    fi
    spawn "$dir/pid" "$dir/log/console" "$programs/rabbitmq-server"
fi
wait_for 90 "$dir/pid" "$dir/log/console" port_open "$port"
if [ -n "${RABBIT_JOIN:-}" ] && [ ! -e "$dir/joined" ]; then
    . "$dir/env"
    for action in stop_app reset "join_cluster $(sed -nE 's/^export RABBITMQ_NODENAME="([^"]*)".*/\1/p' "$RABBIT_JOIN/env")" start_app; do
        # shellcheck disable=SC2086
        "$programs/rabbitmqctl" -q $action >&2
    done
    touch "$dir/joined"
    wait_for 90 "$dir/pid" "$dir/log/console" port_open "$port"
fi
echo "RABBIT_SERVER_URL=amqp://guest:guest@127.0.0.1:$port/"
echo "RABBIT_TLS_URL=amqps://guest:guest@127.0.0.1:$tls/"
echo "RABBIT_DIR=$dir"
