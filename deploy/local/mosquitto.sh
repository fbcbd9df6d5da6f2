#!/usr/bin/env bash
# One Mosquitto on loopback, for tests: an MQTT broker with TLS, for one user, in memory only.
#
#   mosquitto.sh start DIR    starts it with its files in DIR; prints its address once it answers
#   mosquitto.sh stop DIR     ends it, by its process id
#
# DIR/ca.pem is what it is trusted by, and DIR/login has user and password, which are made anew with each start. Tests that kill their broker start one of
# their own; this one is for those who want to try `push` by hand.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
PATH=$PATH:/usr/sbin

certificates() { # DIR
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 30 -subj "/CN=tests" \
        -keyout "$1/ca-key.pem" -out "$1/ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj "/CN=localhost" \
        -keyout "$1/key.pem" -out "$1/request.pem" 2>/dev/null
    openssl x509 -req -in "$1/request.pem" -CA "$1/ca.pem" -CAkey "$1/ca-key.pem" -CAcreateserial -days 30 \
        -extfile <(echo 'subjectAltName=DNS:localhost,IP:127.0.0.1') -out "$1/server.pem" 2>/dev/null
}

run() { # DIR PORT
    [ -f "$1/server.pem" ] || certificates "$1"
    printf 'slipstream %s\n' "$(openssl rand -hex 16)" >"$1/login"
    local user word
    read -r user word <"$1/login"
    rm -f "$1/words"
    touch "$1/words"
    chmod 600 "$1/words" "$1/login"
    mosquitto_passwd -b "$1/words" "$user" "$word"
    # Started by root it would become somebody who may not read the folder.
    printf '%s\n' "listener $2 127.0.0.1" "certfile $1/server.pem" "keyfile $1/key.pem" "password_file $1/words" \
        'allow_anonymous false' 'persistence false' 'user root' >"$1/mosquitto.conf"
    launch "$1" mosquitto -c "$1/mosquitto.conf"
}

answers() { # DIR PORT
    local user word
    read -r user word <"$1/login"
    mosquitto_pub -h localhost -p "$2" --cafile "$1/ca.pem" -u "$user" -P "$word" -q 1 -t ready -n
}

address() { echo "localhost:$1"; }

case "${1-} ${2-}" in
    "start "?*) start "$2" ;;
    "stop "?*) stop "$2" ;;
    *) usage ;;
esac
