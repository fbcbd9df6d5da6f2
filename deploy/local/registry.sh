#!/usr/bin/env bash
# One schema registry with the Confluent API on loopback, for tests: Apicurio Registry, in memory.
#
#   registry.sh start DIR    starts it with its files in DIR; prints the URL for SLIPSTREAM_REGISTRY once it answers
#   registry.sh stop DIR     ends it, by its process id
#
# The cache is ${SLIPSTREAM_CACHE:-~/.cache/slipstream}. Needs java (17 or newer), mvn and curl: install.sh brings them.
# 3.0.9 and not newer: later ones need Java 21, which Debian 12 does not have.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
release=apicurio-registry-app-3.0.9
home=$cache/$release
artifact=io.apicurio:apicurio-registry-app:3.0.9:tar.gz:all

fetch() { # DIR
    echo "registry: fetching Apicurio Registry, 109 MB, into $home"
    mvn -q -B -Dstyle.color=never dependency:get -Dtransitive=false -Dartifact="$artifact"
    mvn -q -B -Dstyle.color=never dependency:copy -Dartifact="$artifact" -DoutputDirectory="$1"
    tar -xzf "$1/$release-all.tar.gz" -C "$1"
    rm "$1/$release-all.tar.gz"
}

# Canonical hashes: without them a schema that differs in blanks alone gets a second id, which Confluent's does not do.
run() { # DIR PORT
    launch "$1" java -Xmx256m -Dquarkus.http.host=127.0.0.1 -Dquarkus.http.port="$2" -Dquarkus.http.access-log.enabled=false \
        -Dapicurio.ccompat.use-canonical-hash=true -jar "$(find "$home" -name "$release-runner.jar")"
}

# Confluent's default compatibility is BACKWARD, Apicurio's is none at all.
answers() { # DIR PORT
    curl -sSf -X PUT -H 'Content-Type: application/json' -d '{"compatibility":"BACKWARD"}' "$(address "$2")/config"
}

address() { echo "http://127.0.0.1:$1/apis/ccompat/v7"; }

case "${1-} ${2-}" in
    "start "?*) once "$home" fetch; start "$2" ;;
    "stop "?*) stop "$2" ;;
    *) usage ;;
esac
