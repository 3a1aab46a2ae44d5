#!/bin/sh
# SPDX-License-Identifier: MIT
# `cmake --install` puts the binary and the sample configuration where they belong.
# usage: install_test.sh BUILD_FOLDER
set -eu
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
DESTDIR=$root cmake --install "$1" --prefix /usr >/dev/null
test -x "$root/usr/sbin/nsgate"
test -f "$root$(cd "$root" && find . -path '*/nsgate/nsgate.conf' | cut -c2-)"
test -n "$(find "$root" -name acme.conf.sample)"
grep -qx 'ExecStart=/usr/sbin/nsgate' "$root/usr/lib/systemd/system/nsgate.service"
test -f "$root/usr/lib/sysusers.d/nsgate.conf"
"$root/usr/sbin/nsgate" -v 2>&1 | grep -q '^nsgate version: nsgate/'
