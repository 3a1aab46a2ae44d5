/* SPDX-License-Identifier: MIT */
/* Children without processes, and an owner of them that has a few tenants. */
#ifndef TESTS_CHILDREN_CREW_H
#define TESTS_CHILDREN_CREW_H

#include "children/workers.h"

#define CREW_WORKERS 4
#define CREW_TENANTS 16
#define CREW_ADDRESS "127.0.0.1:1"

struct crew {
    struct loop loop;
    struct children children;
    struct child workers[CREW_WORKERS];
    struct assignment tenants[CREW_TENANTS];
    char names[CREW_TENANTS][16];
    unsigned tenant_count;
    struct ipc_blob *bundle; /* everybody's; NULL: none is in force */
    bool is_patient;         /* with the resolver */
    uint64_t awaited;        /* serial of the resolver's answer */
    unsigned hopeless;       /* how often that was told */
    int listener;            /* everybody's, at 127.0.0.1:1; -1: none */
    uint64_t holders;        /* bit per worker that was sent it */
    uint64_t lacking;        /* those that could not take it */
    ev_timer retry;          /* of what workers lack */
};

/* Workers that do not run. */
void crew_open(struct crew *crew, unsigned workers, unsigned per_tenant);
void crew_close(struct crew *crew);

/* A tenant that is assigned to workers. */
struct assignment *crew_add(struct crew *crew, const char *name);

#endif
