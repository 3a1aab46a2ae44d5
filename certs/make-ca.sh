#!/bin/sh
# SPDX-License-Identifier: MIT
# Makes a demo CA in a folder: ca.crt and ca.key. usage: make-ca.sh FOLDER
# For demos and tests only: the key lies unprotected beside the certificate.
set -eu
[ $# -eq 1 ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
folder=$1
umask 077
mkdir -p "$folder"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -sha256 -days 30 \
    -subj "/CN=nsgate demo CA" -addext "keyUsage=critical,keyCertSign,cRLSign" \
    -keyout "$folder/ca.key" -out "$folder/ca.crt" 2>/dev/null
