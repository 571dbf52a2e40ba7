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

# Debian's, unpacked like the above: that leaves out the service, and works without rights. One that is installed is taken.
install_rabbitmq() {
    command -v openssl >/dev/null || install_package openssl
    [ ! -x "$ROOT/rabbitmq/usr/bin/erl" ] || return 0
    if compgen -G '/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server' >/dev/null; then
        return 0
    fi
    if ! command -v apt-get >/dev/null; then
        echo "RabbitMQ needs apt-get, or a rabbitmq-server package that is installed" >&2
        return 1
    fi
    [ "$(id -u)" != 0 ] || apt-get update -q
    local new=$ROOT/rabbitmq.new package packages=(rabbitmq-server)
    for package in base asn1 crypto eldap inets mnesia os-mon parsetools public-key runtime-tools ssl syntax-tools tools xmerl; do
        packages+=("erlang-$package")
    done
    rm -rf "$new"
    mkdir -p "$new"
    (cd "$new" && apt-get download -q "${packages[@]}")
    for package in "$new"/*.deb; do
        dpkg -x "$package" "$new"
    done
    rm "$new"/*.deb
    # Erlang looks for itself where the package would have put it.
    sed -i "s|/usr/lib/erlang|$ROOT/rabbitmq/usr/lib/erlang|" "$new/usr/lib/erlang/bin/erl" "$new/usr/lib/erlang/bin/start"
    rm -rf "$ROOT/rabbitmq"
    mv "$new" "$ROOT/rabbitmq"
}

# From Maven Central.
install_kafka() {
    command -v openssl >/dev/null || install_package openssl
    command -v java >/dev/null || install_package default-jre-headless
    [ ! -d "$ROOT/kafka" ] || return 0
    command -v mvn >/dev/null || install_package maven
    rm -rf "$ROOT/kafka.new"
    mvn --quiet --batch-mode --file "$HERE/kafka/pom.xml" dependency:copy-dependencies -DincludeScope=runtime \
        "-DoutputDirectory=$ROOT/kafka.new"
    mv "$ROOT/kafka.new" "$ROOT/kafka"
}

install_package() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$1 is missing: install it" >&2
        return 1
    fi
    apt-get update -q
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$1"
}

# What stands for AWS's SNS and SQS.
install_moto() { python_with moto moto==5.2.5 flask==3.1.3 flask-cors==6.0.5; }

# What stands for Google Cloud Pub/Sub: Google's own, for tests of its client.
install_pubsub() {
    local program=$ROOT/bin/pstest source
    source=$(cat "$HERE"/pubsub/* | sha256sum)
    if [ "$(cat "$program.source" 2>/dev/null)" != "$source" ]; then
        if ! command -v go >/dev/null; then
            echo "pstest needs Go (https://go.dev)" >&2
            return 1
        fi
        GOFLAGS=-buildvcs=false go build -C "$HERE/pubsub" -o "$program" .
        echo "$source" >"$program.source"
    fi
}

# What AMQP 1.0 the stand-in for Azure Service Bus speaks.
install_servicebus() { python_with servicebus python-qpid-proton==0.40.0; }

# Independent clients, to meet the gateway's drivers: clients/*.py.
install_clients() {
    python_with clients nats-py==2.11.0 pika==1.3.2 confluent-kafka==2.12.2 boto3==1.44.8 google-cloud-pubsub==2.44.0 \
        azure-servicebus==7.15.0
    echo "CLIENTS_PYTHON=$ROOT/clients/bin/python" >&3
}

# python_with FOLDER PACKAGE...: a Python environment that has them.
python_with() {
    local folder=$ROOT/$1
    shift
    if [ "$(cat "$folder/installed" 2>/dev/null)" != "$*" ]; then
        python3 -m venv "$folder"
        "$folder/bin/pip" install --quiet --disable-pip-version-check "$@"
        echo "$*" >"$folder/installed"
    fi
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
