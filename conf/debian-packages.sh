#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the Debian 12 packages that are missing: `build` for what compiling needs, `demo` for
# what the demo needs besides, `test` for what the tests need. --list only prints their names.
# usage: debian-packages.sh [--list] build|demo|test
set -eu
list=no
[ "${1-}" != --list ] || { list=yes; shift; }
build="gcc cmake make pkg-config libc6-dev libssl-dev libev-dev libpcre2-dev libc-ares-dev
    libcap-ng-dev libseccomp-dev uthash-dev libnghttp2-dev libjansson-dev zlib1g-dev"
demo="curl openssl iproute2 procps"
test="clang clang-format clang-tidy libclang-rt-14-dev libcriterion-dev python3 python3-pytest
    python3-websockets python3-h2 python3-grpcio nghttp2-client nghttp2-server nginx-light chromium
    strace git podman runc netavark aardvark-dns busybox-static systemd
    iptables logrotate debootstrap docker.io prometheus jq"
case ${1-} in
    build) want=$build ;;
    demo) want="$build $demo" ;;
    test) want="$build $demo $test" ;;
    *) echo "usage: $0 [--list] build|demo|test" >&2; exit 2 ;;
esac
if [ "$list" = yes ]; then
    # shellcheck disable=SC2086  # a list of words
    printf '%s\n' $want
    exit 0
fi
missing=
for package in $want; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
echo "installing:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of words
apt-get install -y -qq --no-install-recommends $missing >/dev/null
