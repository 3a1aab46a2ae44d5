#!/bin/sh
# SPDX-License-Identifier: MIT
# Issues a certificate from the demo CA, writing NAME.crt and NAME.key; an existing pair is replaced
# at once (rename), so that a reload in between sees the old or the new one. With --client it is one
# for clients (ssl_verify_client): its subject is CN=NAME, and it has no names of hosts by default.
# usage: make-cert.sh [--client] FOLDER NAME [ec|rsa] [DNS:...|IP:...|email:...]...
#   (default for servers: DNS:NAME)
set -eu
use=serverAuth
if [ "${1-}" = --client ]; then
    use=clientAuth
    shift
fi
[ $# -ge 2 ] || { echo "usage: $0 [--client] FOLDER NAME [ec|rsa] [SAN]..." >&2; exit 2; }
folder=$1 name=$2
shift 2
kind=ec
case ${1-} in ec|rsa) kind=$1; shift ;; esac
names=
[ $use = clientAuth ] || names="DNS:$name"
[ $# -eq 0 ] || names=$(IFS=,; echo "$*")
umask 077
case $kind in
    ec) set -- -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 ;;
    rsa) set -- -newkey rsa:2048 ;;
esac
work=$(mktemp -d "$folder/.make-cert.XXXXXX")
trap 'rm -rf "$work"' EXIT
openssl req -new "$@" -nodes -subj "/CN=$name" -keyout "$work/key" -out "$work/csr" 2>/dev/null
printf 'extendedKeyUsage=%s\n' "$use" > "$work/ext"
[ -z "$names" ] || printf 'subjectAltName=%s\n' "$names" >> "$work/ext"
openssl x509 -req -in "$work/csr" -CA "$folder/ca.crt" -CAkey "$folder/ca.key" -sha256 -days 10 \
    -set_serial "0x$(openssl rand -hex 8)" -extfile "$work/ext" -out "$work/crt" 2>/dev/null
mv "$work/key" "$folder/$name.key"
mv "$work/crt" "$folder/$name.crt"
