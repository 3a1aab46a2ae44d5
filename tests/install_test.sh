#!/bin/sh
# SPDX-License-Identifier: MIT
# `cmake --install` puts everything where it belongs, and never touches a configuration that exists.
# usage: install_test.sh BUILD_FOLDER
set -eu
build=$1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT

fail() { echo "install_test.sh: $*" >&2; exit 1; }

install_into() { # install_into STAGE [PREFIX]: a staged installation, as packages are made by
    DESTDIR=$1 cmake --install "$build" --prefix "${2:-/usr}" >"$root/log" ||
        { cat "$root/log" >&2; fail "cmake --install failed"; }
}

# The first one: everything is there, and there is something to start from.
stage=$root/stage
install_into "$stage"
etc=$(dirname "$(find "$stage" -name nsgate.conf.sample)")
for file in usr/sbin/nsgate usr/share/nsgate/certs/make-ca.sh usr/share/nsgate/certs/make-cert.sh; do
    test -x "$stage/$file" || fail "no program $file"
done
for file in CONFIG.md ARCHITECTURE.md THREAT_MODEL.md METRICS.md OBSERVING.md README.md \
    CHANGELOG.md LICENSE examples/logrotate/nsgate examples/observability/prometheus.yml \
    examples/observability/rules.yml examples/observability/alerts.yml \
    examples/observability/grafana-dashboard.json; do
    test -f "$stage/usr/share/doc/nsgate/$file" || fail "no document $file"
done
grep -o '](\([^):]*\))' "$stage/usr/share/doc/nsgate/README.md" | tr -d '])(' | while read -r link; do
    test -f "$stage/usr/share/doc/nsgate/$link" || fail "README.md leads to $link, which is not there"
done
grep -qx 'ExecStart=/usr/sbin/nsgate' "$stage/usr/lib/systemd/system/nsgate.service"
test -f "$stage/usr/lib/sysusers.d/nsgate.conf"
test -f "$etc/tenants/acme.conf.sample"
cmp "$etc/nsgate.conf" "$etc/nsgate.conf.sample"
"$stage/usr/sbin/nsgate" -v 2>&1 | grep -q '^nsgate version: nsgate/'
"$stage/usr/sbin/nsgate" -t -c "$etc/nsgate.conf" || fail "what is installed first is not good"

# The second one: the operator's files stay, byte for byte and with their modes; samples are new.
echo 'user root; # ours' >"$etc/nsgate.conf"
chmod 600 "$etc/nsgate.conf"
touch -d 2001-01-01 "$etc/nsgate.conf"
echo 'netns host;' >"$etc/tenants/acme.conf"
echo 'old' | tee "$etc/nsgate.conf.sample" >"$etc/tenants/acme.conf.sample"
before=$(stat -c '%a %u %g %Y %i' "$etc/nsgate.conf")
install_into "$stage"
test "$(cat "$etc/nsgate.conf")" = 'user root; # ours' || fail "the configuration was overwritten"
test "$(stat -c '%a %u %g %Y %i' "$etc/nsgate.conf")" = "$before" || fail "it was touched"
test "$(cat "$etc/tenants/acme.conf")" = 'netns host;' || fail "a tenant's file was overwritten"
! grep -qx old "$etc/nsgate.conf.sample" "$etc/tenants/acme.conf.sample" || fail "samples stay old"

# Neither does another prefix, nor what a link leads to, nor a link that leads nowhere.
install_into "$stage" /usr/local
test "$(cat "$etc/nsgate.conf")" = 'user root; # ours' || fail "another prefix overwrites it"
mv "$etc/nsgate.conf" "$root/elsewhere.conf"
ln -s "$root/elsewhere.conf" "$etc/nsgate.conf"
install_into "$stage"
test -L "$etc/nsgate.conf" || fail "the link was replaced"
test "$(cat "$root/elsewhere.conf")" = 'user root; # ours' || fail "what the link leads to was"
rm "$root/elsewhere.conf"
install_into "$stage"
test -L "$etc/nsgate.conf" || fail "a link that leads nowhere was replaced"
test ! -e "$root/elsewhere.conf" || fail "a file was made where a link leads"
