/* SPDX-License-Identifier: MIT */
/* One attempt to have an exchange answered: an endpoint, and a connection to it. */
#include "balance_internal.h"
#include "pool_internal.h"

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

int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings)
{
    double now = loop_now(exchange->loop);
    struct backend_endpoint *endpoint = next_endpoint(group, attempts, now);
    if (endpoint == NULL)
        return ERROR_NO_ENDPOINT;
    bool fresh = attempts->wants_fresh;
    attempts->wants_fresh = false;
    attempts->count++;
    attempts->endpoint = endpoint;
    attempts->slot = endpoint->slot;
    attempts->address = arena_slice(&exchange->arena, slice_of(endpoint->text));
    attempts->started = now;

    struct backend_connection *connection = fresh ? NULL : pool_take(endpoint);
    attempts->reused = connection != NULL;
    if (connection == NULL)
        return h1_protocol.open(endpoint, exchange, settings);
    connection->protocol->assign(connection, exchange, settings);
    return 0;
}

void backend_attempt_failed(struct backend_group *group, struct backend_attempts *attempts)
{
    /* A reload may have taken the endpoint away in the meantime. */
    if (group_has_endpoint(group, attempts->endpoint))
        balance_failed(attempts->endpoint, loop_now(group->backends->loop));
}

void backend_attempt_forgive(struct backend_attempts *attempts)
{
    if (!attempts->reused || attempts->count == 0)
        return;
    balance_unmark(attempts, attempts->slot);
    attempts->count--;
    attempts->reused = false;
    attempts->wants_fresh = true;
}

struct slice backend_attempt_address(const struct backend_attempts *attempts)
{
    return attempts->address;
}

uint32_t backend_untried(const struct backend_group *group, const struct backend_attempts *attempts)
{
    return balance_untried(group, attempts, loop_now(group->backends->loop));
}
