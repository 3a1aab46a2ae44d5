/* SPDX-License-Identifier: MIT */
/* Bundles at the resolver: sent, awaited, and sent again when it dies. */
#ifndef SUPERVISOR_EXAMINE_INTERNAL_H
#define SUPERVISOR_EXAMINE_INTERNAL_H

#include "child_internal.h"
#include "record_internal.h"

struct examination {
    TAILQ_ENTRY(examination) next;
    struct record *record;
    struct plan plan; /* its bundle is the raw one */
    uint64_t serial;
    bool is_sent;
    unsigned turns;  /* how often the resolver has said that it works on this */
    unsigned deaths; /* of the resolver, while it worked on this */
    double sent_at;  /* loop_now() */
};

/* Embedded by the supervisor. */
struct examiner {
    TAILQ_HEAD(examination_list, examination) pending; /* in the order in which they came */
    unsigned count;
    uint64_t serial; /* of the last one */
    ev_timer watch;  /* over an answer that does not come */
};

void examiner_init(struct supervisor *supervisor);
void examiner_free(struct supervisor *supervisor);

/* Takes the plan over. adopt_accepted or round_refused follows. */
void examine_submit(struct supervisor *supervisor, struct record *record, struct plan *plan);

/* Whether another may be submitted now: raw bundles take memory while they wait. */
bool examine_has_room(const struct supervisor *supervisor);

/* Gives the record's examination up, if there is one. */
void examine_forget(struct supervisor *supervisor, struct record *record);

/* Whether a resolver has work: bundles, or containers to follow. */
bool examine_is_wanted(const struct supervisor *supervisor);

/* Starts one that has work, and ends one that has none, in a moment. */
void examine_see_to_resolver(struct supervisor *supervisor);

/* Whether all that the resolver has is one bundle that one has died over before. */
bool examine_is_of_suspect(const struct supervisor *supervisor);

/* Whether the resolver owes the answer of that serial. */
bool examine_is_pending(const struct supervisor *supervisor, uint64_t serial);

/* The resolver works on that one. Returns 0, or ERROR_IPC when it has said so too often. */
int examine_on_working(struct supervisor *supervisor, uint64_t serial);

/* The resolver runs again, or is gone. */
void examine_on_start(struct supervisor *supervisor);
void examine_on_death(struct supervisor *supervisor);

/* A message of the resolver. Returns 0 or ERROR_IPC. */
int examine_on_message(struct supervisor *supervisor, struct ipc_received *received);

#endif
