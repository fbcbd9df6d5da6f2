# What the scripts of the local servers share; sourced, never run. Each server keeps its files in one folder, its process
# id in `pid` there. Nothing here looks a process up by name: only what a script started itself is ever ended.

cache=${SLIPSTREAM_CACHE:-$HOME/.cache/slipstream}
ready_s=60   # the slowest server takes 4 s on an idle machine; more than this is a fault
attempts=5   # another process may take a port between our look and the server's bind
stop_tenths=100

# A loopback port nobody listens on, below the range the system hands out to clients.
free_port() {
    local port
    while :; do
        port=$((20000 + RANDOM % 12000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { echo "$port"; return; }
    done
}

# once PATH COMMAND…: makes PATH by giving COMMAND a folder to fill, unless it exists. Filled beside it and renamed, under a
# lock: a fetch that breaks off leaves nothing half done, and two at a time do the work once.
once() {
    local path=$1 partial
    shift
    mkdir -p "$cache"
    exec 9>"$path.lock"
    flock 9
    if [ ! -d "$path" ]; then
        partial=$(mktemp -d "$path.XXXXXX")
        "$@" "$partial" >&2
        mv "$partial" "$path"
    fi
    exec 9>&-
}

# launch DIR COMMAND…: in a session of its own, so that Ctrl-C in a terminal reaches the server's user first, the server last.
launch() {
    local dir=$1
    shift
    setsid "$@" >"$dir/server.log" 2>&1 </dev/null 9>&- &
    echo $! >"$dir/pid"
}

# await DIR COMMAND…: until COMMAND succeeds; fails when the server has ended or time is up.
await() {
    local deadline=$((SECONDS + ready_s)) dir=$1
    shift
    until "$@" >"$dir/ready.log" 2>&1; do
        kill -0 "$(<"$dir/pid")" 2>/dev/null && [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.05
    done
}

# start DIR: calls the script's own `run DIR PORT` and `answers DIR PORT`; prints what its `address PORT` says.
start() {
    mkdir -p "$1"
    local dir port attempt
    dir=$(cd "$1" && pwd)
    for ((attempt = 1; attempt <= attempts; attempt++)); do
        port=$(free_port)
        run "$dir" "$port"
        if await "$dir" answers "$dir" "$port"; then
            address "$port"
            return
        fi
        stop "$dir"
        grep -qsi 'address already in use\|port.*already bound' "$dir/server.log" || break
    done
    printf '%s: the server did not start; the end of its log:\n' "$0" >&2
    tail -n 20 "$dir/server.log" >&2
    return 1
}

stop() { # DIR
    local pid i
    [ -f "$1/pid" ] || return 0
    pid=$(<"$1/pid")
    rm -f "$1/pid"
    kill "$pid" 2>/dev/null || return 0
    for ((i = 0; i < stop_tenths; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

# The comment at the head of the script is its help.
usage() {
    sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
