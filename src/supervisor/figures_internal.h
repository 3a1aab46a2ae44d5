/* SPDX-License-Identifier: MIT */
/* What the workers have at the moment, asked of them when somebody wants to know. */
#ifndef SUPERVISOR_FIGURES_INTERNAL_H
#define SUPERVISOR_FIGURES_INTERNAL_H

#include "child_internal.h"

/* Embedded by the supervisor. */
struct figures {
    uint64_t serial; /* of the last question */
    bool is_asking;
    bool is_partial;      /* some worker has not answered the last one */
    uint64_t connections; /* of all tenants, removed ones too */
    ev_timer limit;
};

void figures_init(struct supervisor *supervisor);
void figures_free(struct supervisor *supervisor);

/* Asks all workers of both generations; requests_on_figures follows, perhaps before this returns.
 * One question at a time: who asks while one is under way shares its answer. */
void figures_ask(struct supervisor *supervisor);

/* A worker answers. Returns 0 or ERROR_IPC. */
int figures_on_message(struct supervisor *supervisor, struct child *worker,
                       struct ipc_received *received);

/* It cannot answer any more. */
void figures_on_death(struct supervisor *supervisor, struct child *worker);

#endif
