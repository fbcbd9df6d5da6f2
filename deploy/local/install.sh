#!/usr/bin/env bash
# Installs what is missing on a Debian-like machine, and nothing when nothing is missing.
#
#   install.sh build       what `cargo build` needs: a C compiler, make, pkg-config, OpenSSL headers
#   install.sh services    that, and what the real servers and foreign clients of `make test` need
#   install.sh bench       that, and what compiles the peers of `make bench`
#   install.sh databases   PostgreSQL and Redis, for postgres.sh and redis.sh
#
# As root or through sudo. No running system service is touched, and none is started by what is installed here.
set -euo pipefail

declare -A needs=(
    [build]="build-essential pkg-config libssl-dev"
    [services]="build-essential pkg-config libssl-dev curl openjdk-17-jre-headless maven kcat openssl python3 python3-venv socat util-linux mosquitto mosquitto-clients"
    [bench]="build-essential pkg-config libssl-dev curl openjdk-17-jdk-headless maven kcat openssl python3 python3-venv util-linux"
    [databases]="postgresql redis-server"
)
packages=${needs[${1-}]-}
[ -n "$packages" ] || { sed -n '2,/^[^#]/s/^# \{0,1\}//p' "$0" >&2; exit 2; }

missing=()
for package in $packages; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "install: missing: ${missing[*]}; run as root: apt-get install ${missing[*]}" >&2; exit 1; }
    as_root=sudo
fi

# Debian asks policy-rc.d before it starts a service; ours says no, and stays only while we install.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    trap '$as_root rm -f "$policy"' EXIT
    $as_root chmod +x "$policy"
fi

echo "install: ${missing[*]}" >&2
$as_root apt-get update -qq
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
