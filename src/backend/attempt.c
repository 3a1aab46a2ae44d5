/* SPDX-License-Identifier: MIT */
/* One attempt to have an exchange answered: an endpoint, and a connection to it. */
#include "balance_internal.h"
#include "pool_internal.h"

#include <math.h>

/* How often the same endpoint is asked again for the sake of connections. */
#define FORGIVEN_MAX 3
/* Seconds between two forgiven connections of one endpoint that took no request at all. */
#define BARREN_PAUSE 0.05

static struct backend_endpoint *next_endpoint(struct backend_group *group,
                                              struct backend_attempts *attempts, double now)
{
    if (attempts->wants_fresh && group_has_endpoint(group, attempts->endpoint) &&
        !attempts->endpoint->is_down) {
        balance_mark(attempts, attempts->endpoint);
        return attempts->endpoint;
    }
    return balance_pick(group, attempts, now);
}

int backend_connect(struct backend_endpoint *endpoint, struct exchange *exchange,
                    struct backend_attempts *attempts, double since)
{
    bool is_http2 = endpoint->group->http2 && !endpoint_requires_http1(endpoint);
    struct backend_connection *connection = NULL;
    /* One that was opened since is fresh, also when it is another exchange's that opened it. */
    if (is_http2)
        connection = pool_shared(endpoint, since);
    if (connection == NULL && since == 0)
        connection = pool_take(endpoint, is_http2);
    attempts->reused = connection != NULL;
    if (connection != NULL) {
        connection->protocol->assign(connection, exchange, attempts);
        return 0;
    }
    const struct backend_protocol *protocol = is_http2 ? &h2_protocol : &h1_protocol;
    return protocol->open(endpoint, exchange, attempts);
}

/* A first failure sends it to what was opened meanwhile, which many may share. There it may be
 * refused once more; the first exchange of a connection is not. */
static double fresh_since(const struct backend_attempts *attempts)
{
    if (!attempts->wants_fresh)
        return 0;
    return attempts->forgiven > 1 ? INFINITY : attempts->started;
}

int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings)
{
    double now = loop_now(exchange->loop);
    struct backend_endpoint *endpoint = next_endpoint(group, attempts, now);
    if (endpoint == NULL)
        return ERROR_NO_ENDPOINT;
    double since = fresh_since(attempts);
    if (!attempts->wants_fresh)
        attempts->forgiven = 0;
    attempts->wants_fresh = false;
    attempts->moves = 0;
    attempts->settings = settings;
    attempts->count++;
    attempts->endpoint = endpoint;
    attempts->slot = endpoint->slot;
    attempts->address = arena_slice(&exchange->arena, slice_of(endpoint->text));
    attempts->started = now;
    exchange->reason = (struct slice){"", 0};
    return backend_connect(endpoint, exchange, attempts, since);
}

void backend_attempt_failed(struct backend_group *group, struct backend_attempts *attempts)
{
    /* A reload may have taken the endpoint away in the meantime. */
    if (group_has_endpoint(group, attempts->endpoint))
        balance_failed(attempts->endpoint, loop_now(group->backends->loop));
}

/* Whether a server whose fresh connection took nothing is asked over another one. */
static bool is_patient(struct backend_endpoint *endpoint, double now)
{
    if (now - endpoint->barren_at < BARREN_PAUSE)
        return false;
    endpoint->barren_at = now;
    return true;
}

bool backend_attempt_forgive(struct backend_group *group, struct backend_attempts *attempts)
{
    if (attempts->count == 0 || attempts->forgiven == FORGIVEN_MAX ||
        !group_has_endpoint(group, attempts->endpoint))
        return false;
    if (!attempts->reused && !endpoint_requires_http1(attempts->endpoint) &&
        !is_patient(attempts->endpoint, loop_now(group->backends->loop)))
        return false;
    balance_unmark(attempts, attempts->slot);
    attempts->count--;
    attempts->wants_fresh = true;
    attempts->forgiven++;
    return true;
}

struct slice backend_attempt_address(const struct backend_attempts *attempts)
{
    return attempts->address;
}

uint32_t backend_untried(const struct backend_group *group, const struct backend_attempts *attempts)
{
    return balance_untried(group, attempts, loop_now(group->backends->loop));
}
