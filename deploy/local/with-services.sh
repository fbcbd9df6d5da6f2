#!/usr/bin/env bash
# Runs a command with real servers beside it, and ends them afterwards whatever happened: success, failure, Ctrl-C, TERM.
#
#   with-services.sh COMMAND…    such as: with-services.sh cargo test -p slipstream-broker
#
# SERVICES (default "kafka registry postgres") chooses. The command finds their addresses in SLIPSTREAM_TEST_KAFKA and
# SLIPSTREAM_TEST_REGISTRY, SLIPSTREAM_TEST_POSTGRES; the folder of the Java clients in SLIPSTREAM_TEST_KAFKA_JARS, and a Python that has a Kafka
# client in SLIPSTREAM_TEST_PYTHON; the checker of Prometheus' rules in SLIPSTREAM_TEST_PROMTOOL.
# The exit status is the command's own. Everything the servers write is in a temporary folder, removed at the end.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
[ $# -gt 0 ] || usage
services=${SERVICES-kafka registry postgres}
folder=$(mktemp -d "${TMPDIR:-/tmp}/slipstream-services.XXXXXX")
command_pid=

# The command is a process group of its own (`set -m` below): its children end with it.
finish() {
    local status=$?
    trap '' INT TERM HUP
    [ -z "$command_pid" ] || kill -TERM -- "-$command_pid" 2>/dev/null || true
    for service in $services; do "$here/$service.sh" stop "$folder/$service"; done
    rm -rf "$folder"
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

for service in $services; do
    address=$("$here/$service.sh" start "$folder/$service")
    export "SLIPSTREAM_TEST_${service^^}=$address"
done
SLIPSTREAM_TEST_KAFKA_JARS=$("$here/kafka.sh" jars)
SLIPSTREAM_TEST_PYTHON=$("$here/python.sh" path)
SLIPSTREAM_TEST_PROMTOOL=$("$here/promtool.sh" path)
export SLIPSTREAM_TEST_KAFKA_JARS SLIPSTREAM_TEST_PYTHON SLIPSTREAM_TEST_PROMTOOL

set -m
"$@" &
command_pid=$!
set +m
status=0
wait "$command_pid" || status=$?
exit "$status"
