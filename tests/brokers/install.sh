#!/usr/bin/env bash
# install.sh NAME...: fetches brokers, and the clients of other languages, into BROKERS_ROOT (target/brokers).
#
# What is there already is left alone. Prints the environment that a test needs of what has no start-NAME.sh.
. "$(dirname "$0")/common.sh"

# From the module proxy where there is Go, otherwise Debian's (2.9, which will do).
install_nats() {
    [ ! -x "$ROOT/bin/nats-server" ] || return 0
    mkdir -p "$ROOT/bin"
    if command -v go >/dev/null && GOBIN=$ROOT/bin GOFLAGS=-buildvcs=false go install github.com/nats-io/nats-server/v2@v2.15.2; then
        return 0
    fi
    if command -v apt-get >/dev/null; then
        [ "$(id -u)" != 0 ] || apt-get update -q
        # Unpacked, not installed: that needs no rights and starts no service.
        (cd "$ROOT" && apt-get download -q nats-server && dpkg -x nats-server_*.deb debian && rm nats-server_*.deb)
        ln -s ../debian/usr/sbin/nats-server "$ROOT/bin/nats-server"
        return 0
    fi
    echo "nats-server needs Go (https://go.dev) or apt-get" >&2
    return 1
}

# Independent clients, to meet the gateway's drivers: clients/*.py.
install_clients() {
    local wanted="nats-py==2.11.0"
    if [ "$(cat "$ROOT/clients/installed" 2>/dev/null)" != "$wanted" ]; then
        python3 -m venv "$ROOT/clients"
        # shellcheck disable=SC2086
        "$ROOT/clients/bin/pip" install --quiet --disable-pip-version-check $wanted
        echo "$wanted" >"$ROOT/clients/installed"
    fi
    echo "CLIENTS_PYTHON=$ROOT/clients/bin/python" >&3
}

exec 3>&1 1>&2 9>"$ROOT/lock"
flock 9
for name in "$@"; do
    if ! declare -F "install_$name" >/dev/null; then
        echo "install.sh: there is no '$name'" >&2
        exit 2
    fi
    "install_$name"
done
