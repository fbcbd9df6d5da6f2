#!/usr/bin/env bash
# Kafka Streams, of the same version as the local broker, for `make bench`.
#
#   streams.sh jars    the folder of its jars; fetches them once into the cache
#
# The cache is ${SLIPSTREAM_CACHE:-~/.cache/slipstream}. Needs mvn: install.sh brings it.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
jars=$cache/kafka-streams-4.3.1

fetch() { # DIR
    echo "streams: fetching Kafka Streams, 90 MB, into $jars"
    mvn -q -B -Dstyle.color=never -f "$here/streams.pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1"
}

case "${1-}" in
    jars) once "$jars" fetch; echo "$jars" ;;
    *) usage ;;
esac
