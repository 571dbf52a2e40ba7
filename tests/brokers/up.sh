# Brokers for a script's own life: sourced by tests/run and tests/brokers/with.
#
# brokers_up NAME... installs and starts, exports what the gateway and the tests need to find each, and adds to BROKERS the
# names of those that are there: a test of one that is not has to say that it was skipped, and one that is there may not be.
# What cannot be had is in brokers_skipped. They are stopped when the script ends, in whatever way.
brokers=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
brokers_dir=
brokers_started=()
brokers_skipped=()
export BROKERS=

brokers_up() {
    local name environment line
    if [ -z "$brokers_dir" ]; then
        brokers_dir=$(mktemp -d) || exit 1
        trap brokers_down EXIT
    fi
    for name in "$@"; do
        [[ " $BROKERS ${brokers_skipped[*]-} " != *" $name "* ]] || continue
        if environment=$(broker_up "$name"); then
            while read -r line; do
                [ -z "$line" ] || export "${line?}"
            done <<<"$environment"
            BROKERS="${BROKERS:+$BROKERS }$name"
            [ ! -x "$brokers/stop-$name.sh" ] || brokers_started+=("$name")
        else
            echo "SKIPPED: $name cannot be started here" >&2
            brokers_skipped+=("$name")
        fi
    done
}

broker_up() {
    "$brokers/install.sh" "$1" || return 1
    [ ! -x "$brokers/start-$1.sh" ] || "$brokers/start-$1.sh" "$brokers_dir/$1"
}

brokers_down() {
    local name
    for name in "${brokers_started[@]}"; do
        "$brokers/stop-$name.sh" "$brokers_dir/$name" || echo "$name did not stop" >&2
    done
    brokers_started=()
    [ -z "$brokers_dir" ] || rm -rf "$brokers_dir"
}
