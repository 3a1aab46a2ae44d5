/* SPDX-License-Identifier: MIT */
/* The examination of one tenant's bundle: from raw files to what workers use without failing. */
#ifndef RESOLVER_EXAMINATION_INTERNAL_H
#define RESOLVER_EXAMINATION_INTERNAL_H

#include "ipc/wire.h"
#include "names_internal.h"
#include "tls/tls.h"

struct examination;

struct examination_result {
    uint64_t serial;
    bool usable;
    bool unresolved; /* all that is wrong is that host names have no address, or, if usable, only
                      * those that they had before */
    bool outdated;   /* a certificate is expired or not yet valid */
    struct wire_writer blob; /* diags, then, if usable, the findings; wiped afterwards */
};

/* What all examinations of a process share. Embedded by its owner. */
struct examiner {
    struct names *names;
    struct tls_contexts *contexts; /* NULL: OpenSSL lacks its default provider; nothing passes */
    /* Comes once per examination, possibly before examination_start returns. */
    void (*on_result)(void *owner, const struct examination_result *result);
    /* It is that one's turn: it has begun, or goes on. */
    void (*on_working)(void *owner, uint64_t serial);
    void *owner;
    TAILQ_HEAD(, examination) running;
};

/* Examines a raw bundle, which is copied (and the copy wiped). Names are waited for; any number of
 * examinations run side by side. */
void examination_start(struct examiner *examiner, uint64_t serial, struct slice bytes);

/* Drops whatever runs, after names_free. */
void examiner_abort(struct examiner *examiner);

#endif
