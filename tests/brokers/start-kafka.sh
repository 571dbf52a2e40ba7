#!/usr/bin/env bash
# start-kafka.sh DIR [PORT]: a Kafka server (KRaft) on 127.0.0.1, whose data, log and pid are in DIR.
#
# Prints KAFKA_BROKERS; KAFKA_SASL (SASL_PLAINTEXT), KAFKA_SSL and KAFKA_SASL_SSL, its other addresses; KAFKA_DIR, where
# tls/ has ca.pem, and client.pem and client.key for those who are asked for a certificate. SASL knows `alice` with
# `alice-secret`, by PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, and takes unsigned tokens by OAUTHBEARER. Topics make
# themselves, with one partition. Without PORT, free ports the first time; the same ones from then on. DIR/extra.conf,
# where there is one, is the end of its configuration.
. "$(dirname "$0")/common.sh"
mkdir -p "${1:?usage: start-kafka.sh DIR [PORT]}"
dir=$(cd "$1" && pwd)
if [ ! -d "$ROOT/kafka" ] || ! command -v java >/dev/null; then
    echo "there is no Kafka: run tests/brokers/install.sh kafka" >&2
    exit 1
fi
java=(java -Xmx384m -Xms96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto -cp "$ROOT/kafka/*"
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.log.kafka.server=info)

exec 9>"$dir/lock"
flock 9
ports "$dir/ports" 5
{ read -r port && read -r controller && read -r sasl && read -r ssl && read -r sasl_ssl; } <"$dir/ports"
[ -z "${2:-}" ] || port=$2
certificates "$dir/tls"
touch "$dir/extra.conf"
if ! alive "$dir/pid"; then
    cat "$dir/tls/server.key" "$dir/tls/server.pem" >"$dir/tls/keystore.pem"
    modules=org.apache.kafka.common.security
    plain="$modules.plain.PlainLoginModule required user_alice=\"alice-secret\";"
    scram="$modules.scram.ScramLoginModule required;"
    token="$modules.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub=\"server\";"
    {
        cat <<CONF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller,SASL_PLAINTEXT://127.0.0.1:$sasl,SSL://127.0.0.1:$ssl,SASL_SSL://127.0.0.1:$sasl_ssl
advertised.listeners=PLAINTEXT://127.0.0.1:$port,SASL_PLAINTEXT://127.0.0.1:$sasl,SSL://127.0.0.1:$ssl,SASL_SSL://127.0.0.1:$sasl_ssl
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL_PLAINTEXT:SASL_PLAINTEXT,SSL:SSL,SASL_SSL:SASL_SSL
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER
ssl.client.auth=requested
ssl.keystore.type=PEM
ssl.keystore.location=$dir/tls/keystore.pem
ssl.truststore.type=PEM
ssl.truststore.location=$dir/tls/ca.pem
log.dirs=$dir/data
auto.create.topics.enable=true
num.partitions=1
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
log.cleaner.dedupe.buffer.size=2097152
num.network.threads=1
num.io.threads=2
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
CONF
        for listener in sasl_plaintext sasl_ssl; do
            echo "listener.name.$listener.plain.sasl.jaas.config=$plain"
            echo "listener.name.$listener.scram-sha-256.sasl.jaas.config=$scram"
            echo "listener.name.$listener.scram-sha-512.sasl.jaas.config=$scram"
            echo "listener.name.$listener.oauthbearer.sasl.jaas.config=$token"
        done
        cat "$dir/extra.conf"
    } >"$dir/server.properties"
    : >"$dir/log"
    if [ ! -f "$dir/data/meta.properties" ]; then
        id=$(head -c 16 /dev/urandom | base64 | tr +/ AB | head -c 22)
        "${java[@]}" kafka.tools.StorageTool format --cluster-id "$id" --config "$dir/server.properties" \
            --add-scram 'SCRAM-SHA-256=[name=alice,password=alice-secret]' \
            --add-scram 'SCRAM-SHA-512=[name=alice,password=alice-secret]' >>"$dir/log" 2>&1 || {
            tail -30 "$dir/log" >&2
            exit 1
        }
    fi
    spawn "$dir/pid" "$dir/log" "${java[@]}" kafka.Kafka "$dir/server.properties"
fi
# The port opens before the broker serves; this line comes when it does.
wait_for 90 "$dir/pid" "$dir/log" grep -q 'Kafka Server started' "$dir/log"
echo "KAFKA_BROKERS=127.0.0.1:$port"
echo "KAFKA_SASL=127.0.0.1:$sasl"
echo "KAFKA_SSL=127.0.0.1:$ssl"
echo "KAFKA_SASL_SSL=127.0.0.1:$sasl_ssl"
echo "KAFKA_DIR=$dir"
