#!/usr/bin/env bash
# One real Apache Kafka node on loopback, for tests.
#
#   kafka.sh jars         the folder of Kafka's jars; fetches them once into the cache
#   kafka.sh start DIR    starts a node whose files live in DIR; prints its bootstrap address once it answers
#   kafka.sh again DIR    starts a node that was killed once more, on its files and its address
#   kafka.sh stop DIR     ends that node, by its process id
#
# KAFKA_HEAP_OPTS and KAFKA_JVM_PERFORMANCE_OPTS are options of its Java machine, as in Kafka's own scripts; 512 MiB if not set.
# The cache is ${SLIPSTREAM_CACHE:-~/.cache/slipstream}. Needs java (17 or newer), mvn and kcat: install.sh brings them.
# Promises nothing about durability: DIR is meant to be thrown away.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
jars=$cache/kafka-4.3.1

fetch() { # DIR
    echo "kafka: fetching the broker's jars, 54 MB, into $jars"
    mvn -q -B -Dstyle.color=never -f "$here/pom.xml" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$1"
}

storage() {
    java -Xmx128m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$here/log4j2.yaml" -Dlvl=ERROR \
        -cp "$jars/*" kafka.tools.StorageTool "$@"
}

run() { # DIR PORT
    rm -rf "$1/data"
    sed -e "s|@PORT@|$2|g" -e "s|@CONTROLLER@|$(free_port)|g" -e "s|@DATA@|$1/data|" \
        "$here/server.properties" >"$1/server.properties"
    storage format -t "$(storage random-uuid)" -c "$1/server.properties" >"$1/format.log" 2>&1
    node "$1"
}

node() { # DIR
    # shellcheck disable=SC2086 # options are words
    launch "$1" java ${KAFKA_HEAP_OPTS:--Xms512m -Xmx512m} ${KAFKA_JVM_PERFORMANCE_OPTS-} -Dlog4j2.configurationFile="$here/log4j2.yaml" -cp "$jars/*" \
        kafka.Kafka "$1/server.properties"
}

again() { # DIR
    local dir port
    dir=$(cd "$1" && pwd)
    port=$(sed -n 's/^advertised.listeners=.*:\([0-9]*\)$/\1/p' "$dir/server.properties")
    node "$dir"
    await "$dir" answers "$dir" "$port"
}

# The log line alone comes a moment before the listener's first answer.
answers() { # DIR PORT
    grep -qs 'Kafka Server started' "$1/server.log" && kcat -b "127.0.0.1:$2" -L -m 2
}

address() { echo "127.0.0.1:$1"; }

case "${1-} ${2-}" in
    "jars ") once "$jars" fetch; echo "$jars" ;;
    "start "?*) once "$jars" fetch; start "$2" ;;
    "again "?*) again "$2" ;;
    "stop "?*) stop "$2" ;;
    *) usage ;;
esac
