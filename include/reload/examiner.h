/* SPDX-License-Identifier: MIT */
/* Bundles at the resolver: sent, awaited, and sent again when it dies. */
#ifndef RELOAD_EXAMINER_H
#define RELOAD_EXAMINER_H

#include "reload/record.h"

#include "io/deadline.h"
#include "ipc/channel.h"

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

/* The resolver's answer. */
struct examined {
    struct ipc_blob *bundle; /* for workers; NULL: it is not usable */
    bool is_outdated;        /* a certificate is expired, or not yet valid */
    bool is_unresolved;      /* host names have no address */
    struct diag_list diags;
};

/* How the resolver is reached. Every function is there. */
struct examiner_resolver {
    /* NULL: it does not run. */
    struct ipc_channel *(*channel)(void *owner);
    /* There is work: one is started if it may be; examiner_advance follows. */
    void (*on_work)(void *owner);
    /* There has been no work for a while. */
    void (*on_idle)(void *owner);
    /* It does not answer this one, and must be killed. */
    void (*on_overdue)(void *owner, uint64_t serial);
    /* Whether it has other work than bundles. */
    bool (*has_other_work)(void *owner);
};

struct examiner_events {
    /* The resolver has answered: takes over the plan's parts and the bundle; the rest is freed. */
    void (*on_examined)(void *owner, struct record *record, struct plan *plan,
                        struct examined *examined);
    /* The resolver has died over it twice: may take over the plan's parts. */
    void (*on_deadly)(void *owner, struct record *record, struct plan *plan);
};

/* Embedded by its owner. */
struct examiner {
    struct loop *loop;
    struct claims *claims;
    const struct examiner_resolver *resolver;
    void *resolver_owner;
    const struct examiner_events *events;
    void *owner;
    TAILQ_HEAD(examination_list, examination) pending; /* in the order in which they came */
    unsigned count;
    uint64_t serial; /* of the last one */
    bool is_single;  /* -t: one after the other, so that all is told in the order of the files */
    struct deadline watch; /* over an answer that does not come */
};

/* claims: given up with an examination. */
void examiner_init(struct examiner *examiner, struct loop *loop, struct claims *claims);
/* Both before the first examiner_submit. */
void examiner_connect(struct examiner *examiner, const struct examiner_resolver *resolver,
                      void *owner);
void examiner_tell(struct examiner *examiner, const struct examiner_events *events, void *owner);
void examiner_free(struct examiner *examiner);

/* Takes the plan over. on_examined or on_deadly follows. */
void examiner_submit(struct examiner *examiner, struct record *record, struct plan *plan);

/* Whether another may be submitted now: raw bundles take memory while they wait. */
bool examiner_has_room(const struct examiner *examiner);

/* Gives the record's examination up, if there is one. */
void examiner_forget(struct examiner *examiner, struct record *record);

/* Whether a resolver has work. */
bool examiner_is_wanted(const struct examiner *examiner);

/* Sends what can be sent: starts a resolver that has work, ends one that has none in a moment. */
void examiner_advance(struct examiner *examiner);

/* Whether all that the resolver has is one bundle that one has died over before. */
bool examiner_is_of_suspect(const struct examiner *examiner);

/* Whether the resolver owes the answer of that serial. */
bool examiner_is_pending(const struct examiner *examiner, uint64_t serial);

/* The resolver works on that one. Returns 0, or ERROR_IPC when it has said so too often. */
int examiner_on_working(struct examiner *examiner, uint64_t serial);

/* The resolver is gone; guilty: what it has died over by its own fault, 0: nothing. */
void examiner_on_death(struct examiner *examiner, uint64_t guilty);

/* A message of the resolver. Returns 0 or ERROR_IPC. */
int examiner_on_message(struct examiner *examiner, struct ipc_received *received);

#endif
