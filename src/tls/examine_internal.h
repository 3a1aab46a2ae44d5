/* SPDX-License-Identifier: MIT */
/* What the files of the examination share. */
#ifndef TLS_EXAMINE_INTERNAL_H
#define TLS_EXAMINE_INTERNAL_H

#include "tls/identity.h"

#include <openssl/x509.h>

/* Certificates that one file may have; most need not belong to the chain. */
#define EXAMINE_FOUND_MAX 1024

/* A chain under examination. */
struct examine_chain {
    X509 *found[EXAMINE_FOUND_MAX]; /* as the file has them; owned */
    uint32_t found_count;
    X509 *ordered[TLS_CHAIN_MAX]; /* leaf first; borrowed from found */
    uint32_t ordered_count;
};

/* ---- examine_pem.c ---- */

/* Reads all certificates. Returns 0 or ERROR_CERTIFICATE with the reason told. */
int examine_read_chain(struct slice pem, struct diag_place place, struct examine_chain *chain,
                       struct diag_list *diags);

/* Reads the first key; NULL with the reason told. The caller frees it. */
EVP_PKEY *examine_read_key(struct slice pem, struct diag_place place, struct diag_list *diags);

/* ---- examine_order.c ---- */

/* Finds the leaf by the key and orders what signs it. Returns 0 or ERROR_CERTIFICATE. */
int examine_order(struct examine_chain *chain, const EVP_PKEY *key, struct diag_place certificate,
                  struct diag_place key_place, struct diag_list *diags);

#endif
