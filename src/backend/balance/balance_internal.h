/* SPDX-License-Identifier: MIT */
/* Which endpoint is next. The rules that all methods share stand here (who was tried, who is out
 * for how long, as nginx has them); how a method chooses among the others is behind a table. Time
 * is handed in, in seconds of a clock that never goes back. */
#ifndef BACKEND_BALANCE_INTERNAL_H
#define BACKEND_BALANCE_INTERNAL_H

#include "group_internal.h"

/* What a method is asked. */
struct balance_query {
    const struct backend_attempts
        *attempts; /* whose endpoint is wanted; its key is the request's */
    bool backups;  /* of the backups, or of the others */
    double now;
};

/* One way to share requests out: one file beside balance.c. Of its own it keeps what it needs of
 * each endpoint in struct backend_endpoint. Any but pick may be NULL. */
struct balance_method {
    /* One of those that balance_may_pick allows; NULL when there is none. */
    struct backend_endpoint *(*pick)(struct backend_group *group,
                                     const struct balance_query *query);
    /* The endpoint is new, or its weight. */
    void (*on_weight)(struct backend_endpoint *endpoint);
    /* An exchange goes to the endpoint, or has left it; endpoint->open has counted that. */
    void (*on_start)(struct backend_endpoint *endpoint);
    void (*on_end)(struct backend_endpoint *endpoint);
    /* A failure of it counts; max_fails is not 0. */
    void (*on_failed)(struct backend_endpoint *endpoint);
};

/* Smooth weighted round robin, as nginx's ngx_http_upstream_round_robin does it. */
extern const struct balance_method balance_round_robin;

/* Whether the endpoint may be the answer: in the half that is asked for, neither down nor out, and
 * not tried before. */
bool balance_may_pick(const struct backend_endpoint *endpoint, const struct balance_query *query);

/* Whether it has failed so often that it is left out for now (max_fails, fail_timeout). */
bool balance_is_out(const struct backend_endpoint *endpoint, double now);

/* The next endpoint that attempts has not tried, marked as tried; backups only when no other is
 * left. NULL when there is none. */
struct backend_endpoint *balance_pick(struct backend_group *group,
                                      struct backend_attempts *attempts, double now);

/* Marks an endpoint as tried without asking the balance, or takes the mark back. */
void balance_mark(struct backend_attempts *attempts, const struct backend_endpoint *endpoint);
void balance_unmark(struct backend_attempts *attempts, uint32_t slot);

/* The endpoint failed, which counts towards max_fails; an endpoint that is alone never does. */
void balance_failed(struct backend_endpoint *endpoint, double now);

/* The endpoint answered: its fails are forgotten if they are older than the last probe, and a
 * connection that it owes an answer for is paid for. */
void balance_succeeded(struct backend_endpoint *endpoint);

/* Whether there are some that balance_pick could give later: they have no room, or are left out. */
bool balance_may_wait(const struct backend_group *group, const struct backend_attempts *attempts);

/* How many endpoints balance_pick could still give. */
uint32_t balance_untried(const struct backend_group *group, const struct backend_attempts *attempts,
                         double now);

#endif
