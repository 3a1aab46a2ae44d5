#!/bin/bash
# SPDX-License-Identifier: MIT
# Shows nsgate at work: three tenants whose networks all use the same address and port, each with
# its own certificate, and a certificate rotated while another tenant's connection stays open.
# usage: sudo conf/demo/run.sh [--keep]     --keep leaves everything running, and says how to end it
set -euo pipefail
cd "$(dirname "$0")/../.."
keep=no
case ${1-} in
    "") ;;
    --keep) keep=yes ;;
    *) echo "usage: $0 [--keep]" >&2; exit 2 ;;
esac
[ "$(id -u)" -eq 0 ] || { echo "$0: needs root, it makes network namespaces" >&2; exit 1; }

# An array: IFS may be any when a signal comes in the middle of a `read`.
tenants=(alpha beta gamma)
address=10.77.0.1 port=8443
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

say "1. Installing what is missing, and building"
conf/debian-packages.sh demo
cmake -B build -DCMAKE_BUILD_TYPE=Release >/dev/null
cmake --build build --target nsgate -j "$(nproc)" | tail -1

work=$(mktemp -d /tmp/nsgate-demo.XXXXXX)
chmod 755 "$work"
gateway=
cleanup() {
    trap '' INT TERM HUP # a signal must not end the cleaning up
    trap - EXIT
    [ -z "$gateway" ] || { kill "$gateway" 2>/dev/null && wait "$gateway" 2>/dev/null || true; }
    for tenant in "${tenants[@]}"; do
        ip netns del "nsg-demo-$tenant" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap cleanup EXIT
trap "trap '' INT TERM HUP; exit 130" INT TERM HUP

say "2. Three namespaces, all with the address $address"
for tenant in "${tenants[@]}"; do
    ip netns del "nsg-demo-$tenant" 2>/dev/null || true
    ip netns add "nsg-demo-$tenant"
    ip -n "nsg-demo-$tenant" link set lo up
    ip -n "nsg-demo-$tenant" addr add "$address/32" dev lo
    echo "nsg-demo-$tenant"
done

say "3. A demo CA, a certificate and a file per tenant"
certs/make-ca.sh "$work/certs"
mkdir "$work/tenants"
cat > "$work/nsgate.conf" <<CONF
user nobody;
pid nsgate.pid;
error_log stderr notice;
observe 127.0.0.1:9180;
tenants tenants/*.conf;
CONF
for tenant in "${tenants[@]}"; do
    certs/make-cert.sh "$work/certs" "$tenant.test"
    cat > "$work/tenants/$tenant.conf" <<CONF
netns nsg-demo-$tenant;
server {
    listen $address:$port ssl;
    server_name $tenant.test;
    ssl_certificate     certs/$tenant.test.crt;
    ssl_certificate_key certs/$tenant.test.key;
    location / { proxy_pass http://127.0.0.1:9077; }
}
CONF
done
# The backend, on the host's side, needs nothing further: nsgate answers itself.
cat > "$work/tenants/backend.conf" <<'CONF'
netns host;
server {
    listen 127.0.0.1:9077;
    return 200 "the backend saw tenant $http_x_tenant, client $http_x_forwarded_for, $http_x_forwarded_proto://$http_host$request_uri\n";
}
CONF
sed 's/^/    /' "$work/tenants/alpha.conf"

say "4. nsgate, once, in the host's namespace"
build/bin/nsgate -c "$work/nsgate.conf" -t
build/bin/nsgate -c "$work/nsgate.conf" </dev/null >/dev/null 2>"$work/error.log" &
gateway=$!
wait_log() { # wait_log PATTERN COUNT: until the log has COUNT such lines
    for _ in $(seq 200); do
        [ "$(grep -c "$1" "$work/error.log")" -lt "$2" ] || return 0
        kill -0 "$gateway" 2>/dev/null || break
        sleep 0.05
    done
    cat "$work/error.log" >&2
    echo "no line with '$1' in the log" >&2
    return 1
}
wait_log ' started: ' 1
grep ' started: ' "$work/error.log"

serial() { # of the certificate that a tenant's clients see
    ip netns exec "nsg-demo-$1" openssl s_client -connect "$address:$port" -servername "$1.test" \
        </dev/null 2>/dev/null | openssl x509 -noout -serial | cut -d= -f2
}

say "5. A verified HTTPS request from inside each namespace, all to https://$address:$port"
for tenant in "${tenants[@]}"; do
    answer=$(ip netns exec "nsg-demo-$tenant" curl -sS --fail --cacert "$work/certs/ca.crt" \
        --resolve "$tenant.test:$port:$address" "https://$tenant.test:$port/hello")
    echo "$tenant: $answer (certificate $(serial "$tenant"))"
    grep -q "tenant $tenant," <<<"$answer"
done

say "6. Rotating alpha's certificate while a connection of beta stays open"
coproc BETA { ip netns exec nsg-demo-beta openssl s_client -quiet -verify_return_error \
    -CAfile "$work/certs/ca.crt" -connect "$address:$port" -servername beta.test 2>/dev/null; }
ask_beta() { # one request over the open connection
    printf 'GET /%s HTTP/1.1\r\nHost: beta.test\r\n\r\n' "$1" >&"${BETA[1]}"
    local line
    while IFS= read -r -t 10 line <&"${BETA[0]}"; do
        case $line in
            "the backend saw"*) echo "beta, same connection: $line"; return 0 ;;
        esac
    done
    echo "beta's connection is gone" >&2
    return 1
}
ask_beta before
old=$(serial alpha)
certs/make-cert.sh "$work/certs" alpha.test
build/bin/nsgate -c "$work/nsgate.conf" -s reload
new=$(serial alpha)
ask_beta after
echo "alpha's certificate: before $old, now $new"
[ "$old" != "$new" ]
build/bin/nsgate -c "$work/nsgate.conf" -s status
kill "$BETA_PID" 2>/dev/null || true

if [ "$keep" = yes ]; then
    say "Left running (pid $gateway, files in $work). To end it:"
    echo "kill $gateway; for t in ${tenants[*]}; do ip netns del nsg-demo-\$t; done; rm -r $work"
    trap - EXIT
    disown "$gateway"
    exit 0
fi
trap '' INT TERM HUP
say "Done; everything is removed again."
