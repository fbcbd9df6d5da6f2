#!/usr/bin/env bash
# Three real Apache Kafka nodes on loopback: everything three times, and two must have it (min.insync.replicas 2).
#
#   three.sh start DIR    starts them with their files in DIR/1, DIR/2, DIR/3; prints the bootstrap addresses once all answer
#   three.sh again DIR N  starts node N again, which a test ended by the process id in DIR/N/pid; returns at once
#   three.sh link DIR N K starts link K to node N again
#   three.sh stop DIR     ends them, by their process ids
#
# With LINKS=K each node has K more listeners, each advertised under the address of a socat before it: a link between one
# client and one node, which a test may stop, wake or end (the process group in DIR/N/link-K/pid). DIR/links has the
# bootstrap addresses of each link, a line each.
#
# 350 MB of memory each, ready in 4 s on an idle machine.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
jars=$("$here/kafka.sh" jars)
nodes=(1 2 3)
links=${LINKS:-0}

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
    [ "$links" -eq 0 ] || link_properties "$2" "$3" "$4"
}

# The way of clients that nobody cuts off stays as it was, and is the brokers' own.
link_properties() { # DIR PORT CONTROLLER
    local k inner outer listen="PLAINTEXT://127.0.0.1:$2" shown="PLAINTEXT://127.0.0.1:$2" map=PLAINTEXT:PLAINTEXT
    for ((k = 1; k <= links; k++)); do
        read -r outer inner <"$1/link-$k/ports"
        listen+=",LINK$k://127.0.0.1:$inner" shown+=",LINK$k://127.0.0.1:$outer" map+=",LINK$k:PLAINTEXT"
    done
    printf '%s\n' "listeners=$listen,CONTROLLER://127.0.0.1:$3" "advertised.listeners=$shown" \
        "listener.security.protocol.map=$map,CONTROLLER:PLAINTEXT" inter.broker.listener.name=PLAINTEXT num.network.threads=1
}

# As many ports in a row: looked for one by one, two of them could be the same.
free_ports() { # COUNT
    local base i
    while :; do
        base=$(free_port)
        for ((i = 1; i < $1; i++)); do
            if (exec 3<>"/dev/tcp/127.0.0.1/$((base + i))") 2>/dev/null; then continue 2; fi
        done
        seq "$base" $((base + $1 - 1))
        return
    done
}

link() { # DIR NODE LINK
    local outer inner at="$1/$2/link-$3"
    read -r outer inner <"$at/ports"
    launch "$at" socat "TCP-LISTEN:$outer,bind=127.0.0.1,fork,reuseaddr,nodelay" "TCP:127.0.0.1:$inner,nodelay"
}

node() { # DIR NODE
    launch "$1/$2" java -Xms256m -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
        -Dlog4j2.configurationFile="$here/log4j2.yaml" -cp "$jars/*" kafka.Kafka "$1/$2/server.properties"
}

# server.sh calls this with one port; the others are found here.
run() { # DIR PORT
    local node k ports id
    mapfile -t ports < <(free_ports $((6 + 6 * links)))
    id=$(storage random-uuid)
    local voters="1@127.0.0.1:${ports[3]},2@127.0.0.1:${ports[4]},3@127.0.0.1:${ports[5]}"
    for node in "${nodes[@]}"; do
        mkdir -p "$1/$node"
        rm -rf "$1/$node/data"
        for ((k = 1; k <= links; k++)); do
            mkdir -p "$1/$node/link-$k"
            echo "${ports[6 * k + node - 1]} ${ports[6 * k + node + 2]}" >"$1/$node/link-$k/ports"
        done
        properties "$node" "$1/$node" "${ports[node - 1]}" "${ports[node + 2]}" "$voters" >"$1/$node/server.properties"
        storage format -t "$id" -c "$1/$node/server.properties" >"$1/$node/format.log" 2>&1
        echo "127.0.0.1:${ports[node - 1]}" >"$1/$node/address"
    done
    for node in "${nodes[@]}"; do
        node "$1" "$node"
        for ((k = 1; k <= links; k++)); do link "$1" "$node" "$k"; done
    done
    for ((k = 1; k <= links; k++)); do
        echo "127.0.0.1:${ports[6 * k]},127.0.0.1:${ports[6 * k + 1]},127.0.0.1:${ports[6 * k + 2]}"
    done >"$1/links"
    # What `start` watches and shows: the first node stands for all.
    cp "$1/1/pid" "$1/pid"
    ln -sf 1/server.log "$1/server.log"
}

answers() { # DIR PORT
    local node first
    for node in "${nodes[@]}"; do
        grep -qs 'Kafka Server started' "$1/$node/server.log" || return 1
    done
    first=$(<"$1/1/address")
    [ "$(kcat -b "$first" -L -m 2 | grep -c '^  broker ')" -eq 3 ]
}

address() { # of all: the PORT is nobody's
    local node all=()
    for node in "${nodes[@]}"; do all+=("$(<"$folder/$node/address")"); done
    (IFS=,; echo "${all[*]}")
}

stop_all() { # DIR
    local node link
    for node in "${nodes[@]}"; do
        # A connection of a link is a process of the link's group; a stopped one takes no other signal.
        for link in "$1/$node"/link-*/; do
            [ ! -f "$link/pid" ] || kill -KILL -- "-$(<"$link/pid")" 2>/dev/null || true
            rm -f "$link/pid"
        done
        # All at once: one alone would wait for the quorum that the others have left.
        [ ! -f "$1/$node/pid" ] || kill "$(<"$1/$node/pid")" 2>/dev/null || true
    done
    for node in "${nodes[@]}"; do stop "$1/$node"; done
    rm -f "$1/pid"
}

case "${1-} ${2-}" in
    "start "?*)
        mkdir -p "$2"
        folder=$(cd "$2" && pwd)
        start "$2" || { stop_all "$2"; exit 1; }
        ;;
    "again "?*) node "$(cd "$2" && pwd)" "$3" ;;
    "link "?*) link "$(cd "$2" && pwd)" "$3" "$4" ;;
    "stop "?*) stop_all "$2" ;;
    *) usage ;;
esac
