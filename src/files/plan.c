/* SPDX-License-Identifier: MIT */
/* Plans of tenants, as values. */
#include "files/plan.h"

#include <stdlib.h>
#include <string.h>

static void plan_netns_free(struct plan_netns *netns)
{
    free(netns->path);
    free(netns->text);
}

void plan_free(struct plan *plan)
{
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        free(plan->listeners[i].text);
        free(plan->listeners[i].where);
    }
    free(plan->listeners);
    for (uint32_t i = 0; i < plan->place_count; i++)
        plan_netns_free(&plan->places[i]);
    free(plan->places);
    plan_netns_free(&plan->netns);
    dependencies_free(&plan->dependencies);
    ipc_blob_unref(plan->bundle);
    *plan = (struct plan){0};
}

bool plan_same_netns(const struct plan *a, const struct plan *b)
{
    return a->netns.text && b->netns.text && strcmp(a->netns.text, b->netns.text) == 0;
}

struct plan_listener *plan_find_listener(const struct plan *plan, const char *text)
{
    for (uint32_t i = 0; i < plan->listener_count; i++) {
        if (strcmp(plan->listeners[i].text, text) == 0)
            return &plan->listeners[i];
    }
    return NULL;
}

struct plan_listener *plan_find_same(const struct plan *plan, const struct plan_listener *other)
{
    struct plan_listener *listener = plan_find_listener(plan, other->text);

    return listener && listener->ipv6only == other->ipv6only ? listener : NULL;
}
