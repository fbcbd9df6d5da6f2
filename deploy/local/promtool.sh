#!/usr/bin/env bash
# The checker of Prometheus' rules, for the tests of deploy/prometheus.
#
#   promtool.sh path    the program: the machine's own, else the one of Debian's package, unpacked once into the cache
#
# The package is not installed: that would bring a service along, which nobody here wants to run.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/server.sh"
home=$cache/promtool

unpack() { # DIR
    local folder
    folder=$(mktemp -d)
    (cd "$folder" && { download || { update && download; }; } && dpkg-deb --fsys-tarfile prometheus_*.deb | tar -x -C "$1" ./usr/bin/promtool)
    rm -rf "$folder"
}

download() { apt-get -o APT::Sandbox::User=root download -qq prometheus; }

# A machine that has never asked for a package does not know where they are.
update() {
    local as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    $as_root apt-get update -qq
}

case "${1-}" in
    path) command -v promtool || { once "$home" unpack; echo "$home/usr/bin/promtool"; } ;;
    *) usage ;;
esac
