#!/usr/bin/env bash
# One Redis on loopback, for tests: in memory only.
#
#   redis.sh start DIR    starts it with its files in DIR; prints its URL once it answers
#   redis.sh stop DIR     ends it, by its process id
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"

run() { # DIR PORT
    launch "$1" redis-server --port "$2" --bind 127.0.0.1 --dir "$1" --save '' --appendonly no
}

answers() { # DIR PORT
    [ "$(redis-cli -p "$2" ping)" = PONG ]
}

address() { echo "redis://127.0.0.1:$1"; }

case "${1-} ${2-}" in
    "start "?*) start "$2" ;;
    "stop "?*) stop "$2" ;;
    *) usage ;;
esac
