#!/usr/bin/env bash
# One PostgreSQL on loopback, for tests: logical replication on, no password, nothing of it kept.
#
#   postgres.sh start DIR    starts it with its files in DIR; prints a connection URL once it answers
#   postgres.sh stop DIR     ends it, by its process id
#
# The server refuses root: as root it runs as the account `postgres` that Debian's package makes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"

as_user=()
[ "$(id -u)" -ne 0 ] || as_user=(setpriv --reuid=postgres --regid=postgres --clear-groups)

run() { # DIR PORT
    local binaries
    binaries=$(find /usr/lib/postgresql -name initdb -printf '%h\n' | sort -V | tail -n 1)
    [ -n "$binaries" ] || { echo "postgres: no initdb; install.sh services brings it" >&2; return 1; }
    rm -rf "$1/data"
    mkdir -p "$1/data"
    [ "$(id -u)" -ne 0 ] || { chmod 755 "$1" "$(dirname "$1")"; chown postgres "$1/data"; }
    "${as_user[@]}" "$binaries/initdb" -D "$1/data" -A trust -U postgres -E UTF8 --locale=C.UTF-8 --no-sync >"$1/initdb.log" 2>&1
    launch "$1" "${as_user[@]}" "$binaries/postgres" -D "$1/data" -p "$2" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories= -c wal_level=logical
}

answers() { # DIR PORT
    psql -h 127.0.0.1 -p "$2" -U postgres -c 'select 1'
}

address() { echo "postgres://postgres@127.0.0.1:$1/postgres"; }

case "${1-} ${2-}" in
    "start "?*) start "$2" ;;
    "stop "?*) stop "$2" ;;
    *) usage ;;
esac
