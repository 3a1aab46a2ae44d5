/* SPDX-License-Identifier: MIT */
/* One examination: what goes in, what comes out, what is told. */
#ifndef TEST_TLS_EXAMINE_RIG_H
#define TEST_TLS_EXAMINE_RIG_H

#include "pki.h"

struct examine_rig {
    struct arena arena;
    struct diag_list diags;
    struct pki pki;
    struct tls_der der; /* of the last examination */
};

extern struct examine_rig examined;

/* For .init and .fini. */
void examine_start(void);
void examine_stop(void);

/* Forgets what was told. */
void examine_forget(void);

/* The certificate stands at a.conf:3:5, the key at a.conf:4:5. */
int examine_text(struct slice chain, struct slice key);
int examine(X509 *const *certificates, int count, EVP_PKEY *key);

/* Exactly one message was told, and it holds that text. */
void assert_told(const char *expected);
void assert_chain(uint32_t index, X509 *expected);

#endif
