/* SPDX-License-Identifier: MIT */
/* Listeners that workers have no room for: who lacks which, and what is told of it. */
#include "sockets_internal.h"

/* Seconds after an offer until the next one: more each time, and so many more for each listener
 * that the answers to them cost us a tenth of a core at most, LISTENER and LACKED together. */
#define OFFER_FIRST 0.5
#define OFFER_MOST  2.0
#define OFFER_EACH  0.0005

static struct listener *listener_find_bound(const struct tenant_sockets *tenant,
                                            struct slice address)
{
    LISTENERS_FOREACH (listener, tenant) {
        if (listener->state == LISTENER_BOUND &&
            slice_equal(slice_of(listener->plan->text), address))
            return listener;
    }
    return NULL;
}

void sockets_on_taken(struct tenant_sockets *tenant, uint64_t worker, struct slice address)
{
    struct listener *listener = listener_find_bound(tenant, address);

    if (!listener || !(listener->lacking & worker))
        return;
    listener->lacking &= ~worker;
    if (listener->lacking)
        return;
    log_notice("tenant %s: all its workers have taken the listener on %s", tenant->name,
               listener->plan->text);
    listener->lack = 0;
}

void sockets_on_lacked(struct tenant_sockets *tenant, uint64_t worker, const char *name,
                       const struct ipc_lacked *lacked)
{
    struct listener *listener = listener_find_bound(tenant, lacked->address);

    if (!listener)
        return;
    if (!listener->lacking)
        log_error("tenant %s: %s cannot take the listener on %s: %s", tenant->name, name,
                  listener->plan->text, error_reason(lacked->error));
    listener->holders &= ~worker;
    listener->lacking |= worker;
    listener->lack = lacked->error;
}

/* Offers all that the worker lacks. Returns how many that are. */
static unsigned offer_all(struct sockets *sockets, uint64_t worker)
{
    struct tenant_sockets *tenant;
    unsigned count = 0;

    TAILQ_FOREACH (tenant, &sockets->tenants, next) {
        LISTENERS_FOREACH (listener, tenant) {
            listener->offered |= listener->lacking & worker;
            count += (listener->lacking & worker) != 0;
        }
    }
    return count;
}

/* The workers that lack anything. */
static uint64_t offers_wanted(const struct sockets *sockets)
{
    const struct tenant_sockets *tenant;
    uint64_t lacking = 0;

    TAILQ_FOREACH (tenant, &sockets->tenants, next) {
        LISTENERS_FOREACH (listener, tenant)
            lacking |= listener->lacking;
    }
    return lacking;
}

bool offers_make(struct sockets *sockets)
{
    double now = loop_now(sockets_loop(sockets));
    uint64_t wanted = offers_wanted(sockets);
    bool is_any = wanted != 0;

    for (unsigned i = 0; i < TALLY_WORKERS; i++) {
        struct offer *offer = &sockets->offers[i];
        uint64_t worker = UINT64_C(1) << i;

        is_any = is_any || now < offer->at;
        if (now < offer->at)
            continue;
        if (!(wanted & worker)) {
            *offer = (struct offer){0};
            continue;
        }
        offer->pause = offer->pause > 0. ? 2. * offer->pause : OFFER_FIRST;
        if (offer->pause > OFFER_MOST)
            offer->pause = OFFER_MOST;
        offer->at = now + offer->pause + offer_all(sockets, worker) * OFFER_EACH;
    }
    return is_any;
}
