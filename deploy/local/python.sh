#!/usr/bin/env bash
# A Python with a Kafka client, for the tests of foreign clients.
#
#   python.sh path    the interpreter; makes its environment once in the cache
#
# The cache is ${SLIPSTREAM_CACHE:-~/.cache/slipstream}. Needs python3 with venv: install.sh brings it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
client=confluent-kafka==2.16.1
home=$cache/python-${client/==/-}

# Only the interpreter is used afterwards, and that one does not mind being moved.
make_environment() { # DIR
    echo "python: installing $client into $home"
    python3 -m venv "$1"
    "$1/bin/python" -m pip install --quiet --only-binary :all: "$client"
}

case "${1-}" in
    path) once "$home" make_environment; echo "$home/bin/python" ;;
    *) usage ;;
esac
