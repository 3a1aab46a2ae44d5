#!/bin/bash
# SPDX-License-Identifier: MIT
# On a fresh machine: in a minimal Debian 12 made by debootstrap, the packages of the list can be
# installed, the demo shows what it shows, and nsgate is installed, twice. The mirror is this
# machine's; everything happens in namespaces of its own, and nothing of it stays.
# usage: sudo tests/fresh.sh
set -euo pipefail
cd "$(dirname "$0")/.."

fail() { echo "fresh.sh: $*" >&2; exit 1; }

# Debian's own repositories that apt is set up with here: "URI RELEASE COMPONENT" lines.
repositories() {
    local codename
    codename=$(. /etc/os-release && echo "$VERSION_CODENAME")
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
        grep -E " $codename(-updates|-security)? main$"
}

inside() { # inside COMMAND...: in the new root, with an environment as after a login
    chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        DEBIAN_FRONTEND=noninteractive "$@"
}

make_root() {
    local base codename
    base=$(repositories | grep -v -e '-updates main$' -e '-security main$' | head -1) ||
        fail "apt knows no repository of this Debian"
    read -r mirror codename _ <<<"$base"
    echo "debootstrap: $codename from $mirror"
    # shellcheck disable=SC2046  # proxies, one word each
    env $(apt-config dump | sed -nE 's/^Acquire::(https?)::Proxy "(.+)";$/\1_proxy=\2/p') \
        debootstrap --variant=minbase --cache-dir=/var/cache/apt/archives "$codename" "$root" \
        "$mirror" >"$work/debootstrap.log" 2>&1 ||
        { tail -20 "$work/debootstrap.log" >&2; fail "debootstrap fails"; }
    repositories | sed 's/^/deb /' >"$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::https?::Proxy ' >"$root/etc/apt/apt.conf.d/00proxy" || true
    echo force-unsafe-io >"$root/etc/dpkg/dpkg.cfg.d/unsafe-io" # it is not kept
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
}

# In a mount namespace of our own: what is mounted here goes with the last process.
mount_all() {
    mount --bind "$root" "$root" # ip(8) changes how `/` propagates, for which it must be a mount
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    # Packages that are here already are not fetched again; some file systems cannot do that.
    mkdir "$work/archives" "$work/overlay"
    mount -t overlay -o "lowerdir=/var/cache/apt/archives,upperdir=$work/archives,workdir=$work/overlay" \
        overlay "$root/var/cache/apt/archives" 2>/dev/null || true
}

copy_sources() {
    mkdir "$root/nsgate"
    tar -c --exclude='./build*' --exclude=./.git --exclude=__pycache__ . | tar -x -C "$root/nsgate"
}

run_all() { # in namespaces of our own
    make_root
    mount_all
    copy_sources
    echo "every listed package can be had"
    inside apt-get update -qq
    inside sh -c 'apt-get install --simulate -qq --no-install-recommends \
        $(/nsgate/conf/debian-packages.sh --list test) >/dev/null'
    echo "the demo"
    inside /nsgate/conf/debian-packages.sh demo >"$work/packages.log" 2>&1 ||
        { tail -20 "$work/packages.log" >&2; fail "the demo's packages cannot be installed"; }
    # Without a way to the network: all that is needed is there. Its port may be taken outside.
    unshare --net sh -c 'ip link set lo up && exec "$@"' - chroot "$root" /usr/bin/env -i \
        HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin /nsgate/conf/demo/run.sh >"$work/demo.log" 2>&1 ||
        { tail -60 "$work/demo.log" >&2; fail "the demo fails"; }
    grep -q 'Done; everything is removed again' "$work/demo.log" || fail "the demo does not end well"
    [ -z "$(inside ip netns list)" ] || fail "the demo leaves namespaces"
    echo "the installation"
    inside /nsgate/tests/install_test.sh /nsgate/build
    inside cmake --install /nsgate/build --prefix /usr >/dev/null
    inside nsgate -t
    echo 'tenants none/*.conf; # ours' >"$root/etc/nsgate/nsgate.conf"
    inside cmake --install /nsgate/build --prefix /usr >/dev/null
    grep -q '# ours$' "$root/etc/nsgate/nsgate.conf" || fail "the second installation overwrites"
    inside nsgate -t
}

if [ "${1-}" = --inside ]; then
    work=$2 root=$2/root
    run_all
    exit 0
fi
[ "$(id -u)" -eq 0 ] || fail "needs root, it makes namespaces"
command -v debootstrap >/dev/null || fail "debootstrap is missing: conf/debian-packages.sh test"
work=$(mktemp -d /tmp/nsg-fresh.XXXXXX)
mkdir "$work/root"
runner=
cleanup() {
    trap '' INT TERM HUP # a signal must not end the cleaning up
    trap - EXIT
    [ -z "$runner" ] || { kill "$runner" 2>/dev/null && wait "$runner" 2>/dev/null || true; }
    rm -rf --one-file-system "$work"
}
trap cleanup EXIT
trap "trap '' INT TERM HUP; exit 130" INT TERM HUP
# The pid namespace ends all that was started in it, whatever becomes of us.
unshare --mount --propagation=private --pid --fork --kill-child -- "$0" --inside "$work" &
runner=$!
wait "$runner"
runner=
