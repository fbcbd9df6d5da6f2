#!/usr/bin/env bash
# Three real Apache Kafka nodes on loopback: everything three times, and two must have it (min.insync.replicas 2).
#
#   three.sh start DIR    starts them with their files in DIR/1, DIR/2, DIR/3; prints the bootstrap addresses once all answer
#   three.sh stop DIR     ends them, by their process ids
#
# 350 MB of memory each, ready in 4 s on an idle machine. A test may end one by the process id in DIR/N/pid.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
jars=$("$here/kafka.sh" jars)
nodes=(1 2 3)

storage() {
    java -Xmx128m -XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile="$here/log4j2.yaml" -Dlvl=ERROR \
        -cp "$jars/*" kafka.tools.StorageTool "$@"
}

properties() { # NODE DIR PORT CONTROLLER VOTERS
    sed -e "s|@PORT@|$3|g" -e "s|@DATA@|$2/data|" -e "s|^node.id=.*|node.id=$1|" \
        -e "s|^controller.quorum.voters=.*|controller.quorum.voters=$5|" -e "s|@CONTROLLER@|$4|g" \
        -e 's|^\(offsets.topic.replication.factor\)=.*|\1=3|' -e 's|^\(transaction.state.log.replication.factor\)=.*|\1=3|' \
        -e 's|^\(transaction.state.log.min.isr\)=.*|\1=2|' "$here/server.properties"
    printf 'default.replication.factor=3\nmin.insync.replicas=2\n'
}

# server.sh calls this with one port; the others are found here.
run() { # DIR PORT
    local node ports=("$2" "$(free_port)" "$(free_port)") controllers=("$(free_port)" "$(free_port)" "$(free_port)")
    local id voters="1@127.0.0.1:${controllers[0]},2@127.0.0.1:${controllers[1]},3@127.0.0.1:${controllers[2]}"
    id=$(storage random-uuid)
    for node in "${nodes[@]}"; do
        mkdir -p "$1/$node"
        rm -rf "$1/$node/data"
        properties "$node" "$1/$node" "${ports[node - 1]}" "${controllers[node - 1]}" "$voters" >"$1/$node/server.properties"
        storage format -t "$id" -c "$1/$node/server.properties" >"$1/$node/format.log" 2>&1
        echo "127.0.0.1:${ports[node - 1]}" >"$1/$node/address"
    done
    for node in "${nodes[@]}"; do
        launch "$1/$node" java -Xms256m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
            -Dlog4j2.configurationFile="$here/log4j2.yaml" -cp "$jars/*" kafka.Kafka "$1/$node/server.properties"
    done
    # What `start` watches and shows: the first node stands for all.
    cp "$1/1/pid" "$1/pid"
    ln -sf 1/server.log "$1/server.log"
}

answers() { # DIR PORT
    local node
    for node in "${nodes[@]}"; do
        grep -qs 'Kafka Server started' "$1/$node/server.log" || return 1
    done
    [ "$(kcat -b "127.0.0.1:$2" -L -m 2 | grep -c '^  broker ')" -eq 3 ]
}

address() { # the first node's PORT; the others' are in their folders
    local node all=()
    for node in "${nodes[@]}"; do all+=("$(<"$folder/$node/address")"); done
    (IFS=,; echo "${all[*]}")
}

stop_all() { # DIR
    local node
    for node in "${nodes[@]}"; do stop "$1/$node"; done
    rm -f "$1/pid"
}

case "${1-} ${2-}" in
    "start "?*)
        mkdir -p "$2"
        folder=$(cd "$2" && pwd)
        start "$2" || { stop_all "$2"; exit 1; }
        ;;
    "stop "?*) stop_all "$2" ;;
    *) usage ;;
esac
