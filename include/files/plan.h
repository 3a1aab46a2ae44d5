/* SPDX-License-Identifier: MIT */
/* A tenant's file, read and checked as far as the supervisor does: what it says, nothing that is.
 */
#ifndef FILES_PLAN_H
#define FILES_PLAN_H

#include "base/address.h"
#include "base/fingerprint.h"
#include "cells/memory.h"
#include "config/model.h"
#include "files/dependencies.h"
#include "ipc/channel.h"
#include "logs/place.h"
#include "tenant/bundle.h"

/* A network namespace by its name. */
struct plan_netns {
    enum config_netns_kind kind;
    char *path;   /* NULL for the host's */
    uint32_t pid; /* NETNS_PID */
    char *text;   /* as written; equal means equal */
};

/* An address to listen on. */
struct plan_listener {
    struct address address;
    char *text;  /* config_listen.text */
    char *where; /* "FILE:LINE:COLUMN", in the host's namespace only; else NULL */
    int backlog;
    bool ipv6only;
};

/* A table in the tenant's cells. */
struct plan_cells {
    enum cells_kind kind;
    char *name;
    uint64_t size;
};

/* Certificates of a tenant that are remembered at most: those that expire first. */
#define PLAN_CERTIFICATES 256

/* A certificate of its servers. */
struct plan_certificate {
    char *server;      /* the first name of the first server that has it; "": it has none */
    char *certificate; /* the path of its file; NULL once it was examined */
    char *key;         /* the same */
    enum tls_kind kind;
    int64_t expires; /* seconds since 1970 */
};

/* A value: it may be moved. Zeroed is empty. */
struct plan {
    struct plan_netns netns; /* where the listeners belong */
    struct plan_listener *listeners;
    uint32_t listener_count;
    struct plan_netns *servers; /* where servers are; none twice */
    uint32_t server_count;
    struct plan_cells *cells; /* what its workers share; none twice. Not for the next binary */
    uint32_t cells_count;
    struct log_place *logs; /* where its lines go: log_destinations of its model, in their order */
    uint32_t log_count;
    /* Once they were examined, none has the name and kind of another: only the first to expire. */
    struct plan_certificate *certificates;
    uint32_t certificate_count;
    bool has_names;  /* host names, which may stand for other addresses the next time */
    int64_t expires; /* seconds since 1970: the first of its certificates does; 0: it has none */
    struct dependencies dependencies;
    /* Of the content of its raw bundle; zero: unknown, by another binary. */
    struct fingerprint fingerprint;
    struct ipc_blob *bundle; /* raw at first, what the resolver made of it afterwards */
};

void plan_free(struct plan *plan);

/* Whether the listeners of both belong into the namespace of the same name. */
bool plan_same_netns(const struct plan *a, const struct plan *b);

/* The listener that a socket of the other one can go on as; NULL: there is none. */
struct plan_listener *plan_find_same(const struct plan *plan, const struct plan_listener *other);

/* The listener of that address; NULL: there is none. */
struct plan_listener *plan_find_listener(const struct plan *plan, const char *text);

/* What the resolver has found of its certificates. */
void plan_take_certificates(struct plan *plan, const struct bundle *bundle);

void plan_put(struct wire_writer *writer, const struct plan *plan);
/* The reader tells whether it has failed; free the plan in both cases. It has no fingerprint, and
 * its listeners no place in a file. */
void plan_get(struct wire_reader *reader, struct plan *plan);

#endif
