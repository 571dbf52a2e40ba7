# What the scripts of this folder have in common. Sourced.
set -euo pipefail
export LC_ALL=C
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Where downloads are: the brokers' programs (bin/) and their clients (clients/).
ROOT=${BROKERS_ROOT:-$HERE/../../target/brokers}
mkdir -p "$ROOT"
ROOT=$(cd "$ROOT" && pwd)

now_ms() { date +%s%3N; }

# started PID: when the process began, in the kernel's ticks; nothing when there is no such process.
started() { awk '{ print $22 }' "/proc/$1/stat" 2>/dev/null; }

# alive PIDFILE: that process runs, and is the one that was started here, not a later one of the same number.
alive() {
    local pid start
    [ -s "$1" ] || return 1
    read -r pid start <"$1"
    [ "$(started "$pid")" = "$start" ] && [ "$(awk '{ print $3 }' "/proc/$pid/stat" 2>/dev/null)" != Z ]
}

# spawn PIDFILE LOGFILE COMMAND...: starts a daemon, and remembers its number and when it began.
spawn() {
    local file=$1 log=$2
    shift 2
    # The caller's lock (9) is not the daemon's.
    setsid "$@" >>"$log" 2>&1 </dev/null 9>&- &
    echo "$! $(started $!)" >"$file"
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# wait_for SECONDS PIDFILE LOGFILE COMMAND...: until the command succeeds.
wait_for() {
    local end=$(($(now_ms) + $1 * 1000)) file=$2 log=$3
    shift 3
    until "$@" >/dev/null 2>&1; do
        if ! alive "$file"; then
            echo "it ended while starting:" >&2
            tail -30 "$log" >&2
            return 1
        fi
        if (($(now_ms) > end)); then
            echo "it is not ready in time:" >&2
            tail -30 "$log" >&2
            return 1
        fi
        sleep 0.05
    done
}

# stop_pid PIDFILE [SECONDS]: asks it to end, and ends it after that time.
stop_pid() {
    local pid start i
    if ! alive "$1"; then
        rm -f "$1"
        return 0
    fi
    read -r pid start <"$1"
    # One that is paused would not hear it.
    kill -TERM "$pid" 2>/dev/null || true
    kill -CONT "$pid" 2>/dev/null || true
    for ((i = 0; i < ${2:-15} * 20; i++)); do
        if ! alive "$1"; then
            rm -f "$1"
            return 0
        fi
        sleep 0.05
    done
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$1"
}

# ports FILE COUNT: that many free ports, one a line, the first time, and the same ones from then on.
#
# They lie below those that the system hands out, so that nothing takes them while the broker is down, and are kept from
# the other scripts by a file each, for as long as FILE names them.
ports() {
    local file=$1 count=$2 kept=$ROOT/ports port owner found=()
    [ ! -s "$file" ] || return 0
    mkdir -p "$kept"
    while ((${#found[@]} < count)); do
        port=$((10000 + (RANDOM * 32768 + RANDOM) % 20000))
        # The suites' own, which configs name.
        ((port < 18000 || port >= 19000)) || continue
        owner=$(cat "$kept/$port" 2>/dev/null || true)
        if [ -n "$owner" ] && [ ! -e "$owner" ]; then
            rm -f "$kept/$port"
        fi
        if ! port_open "$port" && (set -C && echo "$file" >"$kept/$port") 2>/dev/null; then
            found+=("$port")
        fi
    done
    printf '%s\n' "${found[@]}" >"$file"
}

# certificates FOLDER: an authority (ca.pem), a server's certificate for 127.0.0.1 and localhost (server.pem, server.key)
# and a client's (client.pem, client.key), whose common name is `gateway`.
certificates() {
    [ ! -s "$1/client.pem" ] || return 0
    mkdir -p "$1"
    (
        cd "$1"
        curve=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes)
        openssl req -x509 "${curve[@]}" -keyout ca.key -out ca.pem -days 3650 -subj "/CN=test authority"
        for name in server client; do
            case $name in
            server) subject=/CN=localhost extension="subjectAltName=DNS:localhost,IP:127.0.0.1" ;;
            client) subject=/CN=gateway extension="extendedKeyUsage=clientAuth" ;;
            esac
            openssl req "${curve[@]}" -keyout "$name.key" -out "$name.csr" -subj "$subject"
            openssl x509 -req -in "$name.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 3650 \
                -extfile <(echo "$extension") -out "$name.new"
            mv "$name.new" "$name.pem"
        done
    ) >"$1/log" 2>&1 || {
        echo "openssl makes no certificates:" >&2
        tail -5 "$1/log" >&2
        return 1
    }
}
