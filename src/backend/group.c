/* SPDX-License-Identifier: MIT */
/* One group: its endpoints over reloads, and its end. */
#include "group_internal.h"

#include "balance/balance_internal.h"
#include "base/container_of.h"
#include "base/memory.h"
#include "netns_internal.h"
#include "pool_internal.h"
#include "queue_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* For how long a server's demand for HTTP/1.1 is remembered. */
#define HTTP1_SECONDS 600.0

static void on_grave(struct loop_task *task)
{
    struct backend_group *group = CONTAINER_OF(task, struct backend_group, grave);
    /* It may have been bound or used again in the meantime. */
    if (group->bindings == 0 && group->attached == 0)
        group_free(group);
}

struct backend_group *group_new(struct backends *backends, struct backend_owner *owner,
                                struct slice key)
{
    struct backend_group *group = memory_zeroed(1, sizeof(*group));
    size_t start = owner->name_len + 1;
    group->backends = backends;
    group->owner = owner;
    /* The key begins with the upstream's name and a NUL, if it goes on. */
    group->name = memory_alloc(start + key.len + 1);
    memcpy(group->name, owner->name, owner->name_len);
    group->name[owner->name_len] = '/';
    memcpy(group->name + start, key.data, key.len);
    group->name[start + key.len] = '\0';
    group->grave.run = on_grave;
    pool_init(group);
    HASH_ADD_KEYPTR(hh, owner->groups, group->name + start, key.len, group);
    return group;
}

void endpoint_require_http1(struct backend_endpoint *endpoint)
{
    endpoint->http1_until = loop_now(endpoint->group->backends->loop) + HTTP1_SECONDS;
}

bool endpoint_requires_http1(const struct backend_endpoint *endpoint)
{
    return loop_now(endpoint->group->backends->loop) < endpoint->http1_until;
}

/* Ways to connect to one upstream count together: its name ends at their NUL. */
static void figures_begin(struct backend_endpoint *endpoint)
{
    const struct backend_owner *owner = endpoint->group->owner;
    const char *upstream = endpoint->group->name + owner->name_len + 1;
    size_t len = strlen(upstream) + 1 + strlen(endpoint->text);
    char *name = memory_zeroed(len + 1, 1);
    if (endpoint->figures)
        metrics_release(endpoint->file, endpoint->figures);
    memcpy(name, upstream, strlen(upstream));
    memcpy(name + strlen(upstream) + 1, endpoint->text, strlen(endpoint->text));
    endpoint->number = owner->number;
    endpoint->file = owner->figures;
    endpoint->figures = NULL;
    if (owner->number != 0)
        endpoint->figures = metrics_take(owner->figures, METRIC_SCOPE_ENDPOINT, owner->number,
                                         (struct slice){name, len});
    metrics_set(endpoint->figures, METRIC_ENDPOINT_UP, 1);
    endpoint_count(endpoint);
    free(name);
}

void endpoint_count(struct backend_endpoint *endpoint)
{
    metrics_set(endpoint->figures, METRIC_ENDPOINT_CONNECTIONS, endpoint->connections);
    metrics_set(endpoint->figures, METRIC_ENDPOINT_IDLE, endpoint->idle_count);
    metrics_set(endpoint->figures, METRIC_ENDPOINT_QUEUE, queue_count(endpoint->queue));
}

struct metrics_cells *endpoint_figures(struct backend_endpoint *endpoint)
{
    if (endpoint->number != endpoint->group->owner->number)
        figures_begin(endpoint);
    return endpoint->figures;
}

void endpoint_ref(struct backend_endpoint *endpoint)
{
    endpoint->references++;
}

void endpoint_unref(struct backend_endpoint *endpoint)
{
    if (--endpoint->references > 0 || !endpoint->is_retired)
        return;
    if (endpoint->figures)
        metrics_release(endpoint->file, endpoint->figures);
    queue_free(endpoint->queue);
    backend_netns_unref(endpoint->netns);
    tls_sessions_free(endpoint->sessions);
    free((void *)(uintptr_t)endpoint->count_key.data);
    free(endpoint);
}

void endpoint_connection_made(struct backend_endpoint *endpoint)
{
    endpoint_ref(endpoint);
    endpoint->connections++;
    endpoint_count(endpoint);
}

void endpoint_connection_ended(struct backend_endpoint *endpoint)
{
    endpoint->connections--;
    endpoint_count(endpoint);
    endpoint_unref(endpoint);
}

static void endpoint_retire(struct backend_endpoint *endpoint)
{
    endpoint_ref(endpoint);
    endpoint->is_retired = true;
    backend_netns_retire(endpoint->netns);
    pool_close_endpoint(endpoint, BACKEND_CLOSE_SERVER_REMOVED);
    queue_wake(endpoint->queue);
    endpoint_unref(endpoint);
}

static struct slice owner_name(const struct backend_group *group)
{
    return (struct slice){group->owner->name, group->owner->name_len};
}

/* Ways to connect to one upstream share its servers' limits, so the name is cut at their NUL. An
 * address that stands in several `server` lines is as many servers, as with nginx: `before` is how
 * many of them come before this one. */
static struct slice count_key_of(const struct backend_group *group,
                                 const struct backend_endpoint *endpoint, uint32_t before)
{
    const char *upstream = group->name + group->owner->name_len + 1;
    struct slice netns = endpoint->netns ? endpoint->netns->name : (struct slice){"", 0};
    size_t size = strlen(upstream) + strlen(endpoint->text) + netns.len + 16;
    char *key = memory_alloc(size);
    int len =
        snprintf(key, size, "%s %s %u %.*s", upstream, endpoint->text, before, SLICE_PRINTF(netns));
    return (struct slice){key, (size_t)len};
}

static struct backend_endpoint *endpoint_new(struct backend_group *group,
                                             const struct tenant_endpoint *from, uint32_t before)
{
    const struct address *address = &from->address;
    struct backend_endpoint *endpoint = memory_zeroed(1, sizeof(*endpoint));
    endpoint->group = group;
    endpoint->address = *address;
    address_format(address, endpoint->text);
    if (group->tls.context && group->tls.reuses_sessions)
        endpoint->sessions = tls_sessions_new();
    if (from->config->netns) {
        struct backend_netns_key key = {owner_name(group), from->config->netns->text,
                                        address->any.sa_family};
        endpoint->netns = backend_netns_ref(group->backends, &key);
    }
    TAILQ_INIT(&endpoint->idle);
    TAILQ_INIT(&endpoint->shared);
    endpoint->count_key = count_key_of(group, endpoint, before);
    making_init(&endpoint->making);
    return endpoint;
}

static void endpoint_configure(struct backend_endpoint *endpoint,
                               const struct config_endpoint *config)
{
    if (endpoint->weight != (int32_t)config->weight) {
        endpoint->weight = (int32_t)config->weight;
        if (endpoint->group->method->on_weight)
            endpoint->group->method->on_weight(endpoint);
    }
    endpoint->max_fails = config->max_fails;
    endpoint->fail_timeout = config->fail_timeout;
    endpoint->max_conns = config->max_conns;
    endpoint->is_backup = config->backup;
    endpoint->is_down = config->down;
    queue_wake(endpoint->queue);
}

static bool is_same(const struct backend_endpoint *endpoint, const struct tenant_endpoint *other)
{
    const struct config_netns *netns = other->config->netns;
    if (!address_equal(&endpoint->address, &other->address))
        return false;
    if (!endpoint->netns || !netns)
        return !endpoint->netns && !netns;
    return slice_equal(endpoint->netns->name, netns->text);
}

/* The same address may stand in several `server` lines: each finds one of its own. */
static struct backend_endpoint *take_known(struct backend_endpoint **known, uint32_t count,
                                           const struct tenant_endpoint *like)
{
    for (uint32_t i = 0; i < count; i++) {
        struct backend_endpoint *endpoint = known[i];
        if (endpoint && is_same(endpoint, like)) {
            known[i] = NULL;
            return endpoint;
        }
    }
    return NULL;
}

static bool slot_is_used(const struct backend_group *group, uint32_t slot)
{
    for (uint32_t i = 0; i < group->endpoint_count; i++)
        if (group->endpoints[i] && group->endpoints[i]->slot == slot)
            return true;
    return false;
}

/* How many of those before it are the same server. Those that stay were given in this order too. */
static uint32_t count_same(const struct backend_group *group,
                           const struct tenant_upstream *upstream, uint32_t end)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++)
        count += is_same(group->endpoints[i], &upstream->endpoints[end]);
    return count;
}

/* Endpoints that stay keep their slots, so that attempts under way know what they have tried. */
static void add_new_endpoints(struct backend_group *group, const struct tenant_upstream *upstream)
{
    uint32_t slot = 0;
    for (uint32_t i = 0; i < group->endpoint_count; i++) {
        if (group->endpoints[i])
            continue;
        while (slot_is_used(group, slot))
            slot++;
        group->endpoints[i] =
            endpoint_new(group, &upstream->endpoints[i], count_same(group, upstream, i));
        group->endpoints[i]->slot = slot++;
    }
}

/* Once: another transport would be another group's. */
static void set_transport(struct backend_group *group, const struct tenant_upstream *upstream)
{
    const struct config_transport *transport = upstream->config->transport;
    group->http2 = transport && transport->http2;
    if (!upstream->tls.context)
        return;
    group->tls = upstream->tls;
    group->tls.name.data = memory_copy(upstream->tls.name.data, upstream->tls.name.len);
    if (group->tls.trust)
        tls_trust_ref(group->tls.trust);
}

void group_configure(struct backend_group *group, const struct tenant_upstream *upstream)
{
    struct backend_endpoint **known = group->endpoints;
    uint32_t known_count = known ? group->endpoint_count : 0;

    if (!known)
        set_transport(group, upstream);
    group->is_current = true;
    group->method = &balance_round_robin;
    group->keepalive = upstream->config->keepalive;
    group->queue_most = upstream->config->queue;
    group->queue_timeout = upstream->config->queue_timeout;
    group->endpoint_count = upstream->endpoint_count;
    group->endpoints =
        memory_zeroed(upstream->endpoint_count + (size_t)1, sizeof(struct backend_endpoint *));
    for (uint32_t i = 0; i < upstream->endpoint_count; i++)
        group->endpoints[i] = take_known(known, known_count, &upstream->endpoints[i]);
    add_new_endpoints(group, upstream);
    for (uint32_t i = 0; i < upstream->endpoint_count; i++)
        endpoint_configure(group->endpoints[i], upstream->endpoints[i].config);
    for (uint32_t i = 0; i < known_count; i++)
        if (known[i])
            endpoint_retire(known[i]);
    free(known);
    pool_trim(group);
    queue_wake(group->queue);
}

void group_retire(struct backend_group *group)
{
    group->is_current = false;
    pool_close_group(group);
}

void group_free(struct backend_group *group)
{
    pool_close_group(group);
    for (uint32_t i = 0; i < group->endpoint_count; i++)
        endpoint_retire(group->endpoints[i]);
    free(group->endpoints);
    pool_stop(group);
    queue_free(group->queue);
    loop_cancel(group->backends->loop, &group->grave);
    struct backend_owner *owner = group->owner;
    HASH_DELETE(hh, owner->groups, group);
    if (!owner->groups) {
        HASH_DELETE(hh, group->backends->owners, owner);
        loop_share_unref(owner->share);
        free(owner);
    }
    free((void *)(uintptr_t)group->tls.name.data);
    tls_trust_unref(group->tls.trust);
    free(group->name);
    free(group);
}

void group_check(struct backend_group *group)
{
    if (group->bindings == 0 && group->attached == 0)
        loop_bury(group->backends->loop, &group->grave);
}

void endpoint_enter(struct backend_endpoint *endpoint)
{
    endpoint->open++;
    endpoint->group->attached++;
    if (endpoint->group->method->on_start)
        endpoint->group->method->on_start(endpoint);
}

void endpoint_leave(struct backend_endpoint *endpoint)
{
    endpoint->open--;
    endpoint->group->attached--;
    if (endpoint->group->method->on_end)
        endpoint->group->method->on_end(endpoint);
    group_check(endpoint->group);
}

bool group_has_endpoint(const struct backend_group *group, const struct backend_endpoint *endpoint)
{
    for (uint32_t i = 0; i < group->endpoint_count; i++)
        if (group->endpoints[i] == endpoint)
            return true;
    return false;
}
