/* SPDX-License-Identifier: MIT */
/* An owner of sockets that writes down. */
#include "sockets_rig.h"

#include "base/memory.h"

#include "shared/namespaces.h"
#include "shared/port.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct sockets_rig sockets_rig;

static void tell(const char *what, const char *tenant, const char *text, uint32_t limit)
{
    size_t len = strlen(sockets_rig.told);

    snprintf(sockets_rig.told + len, sizeof(sockets_rig.told) - len,
             limit == IPC_NO_LIMIT ? "%s %s %s none; " : "%s %s %s %u; ", what, tenant, text,
             (unsigned)limit);
}

static void on_bound(void *owner, struct tenant_sockets *tenant)
{
    (void)owner;
    tell("bound", tenant->name, "", 0);
}

static void on_closed(void *owner, const struct closed_sockets *closed, uint64_t workers,
                      uint32_t limit)
{
    (void)owner;
    (void)workers;
    tell("closed", closed->tenant, closed->text, limit);
}

static void on_stale(void *owner, const struct closed_sockets *closed, uint32_t limit)
{
    (void)owner;
    tell("stale", closed->tenant, closed->text, limit);
}

static void on_retried(void *owner)
{
    (void)owner;
}

void sockets_rig_open(void)
{
    static const struct sockets_events events = {.on_bound = on_bound,
                                                 .on_closed = on_closed,
                                                 .on_stale = on_stale,
                                                 .on_retried = on_retried};

    loop_init(&sockets_rig.loop);
    namespaces_init(&sockets_rig.namespaces, &sockets_rig.loop, &shared_namespaces_events, NULL);
    cr_assert_eq(namespaces_open_home(&sockets_rig.namespaces), 0);
    sockets_init(&sockets_rig.sockets, &sockets_rig.namespaces, &sockets_rig.residents, &events,
                 NULL);
    sockets_set(&sockets_rig.sockets, false, 60.);
}

void sockets_rig_close(void)
{
    sockets_free(&sockets_rig.sockets);
    namespaces_free(&sockets_rig.namespaces);
    loop_free(&sockets_rig.loop);
}

void sockets_rig_expect(const char *told)
{
    cr_assert_str_eq(sockets_rig.told, told);
    sockets_rig.told[0] = '\0';
}

void sockets_rig_wait(const struct listener *listener, enum listener_state state)
{
    for (int i = 0; i < 10000 && listener->state != state; i++) {
        ev_run(sockets_rig.loop.ev, EVRUN_NOWAIT);
        usleep(1000);
    }
    cr_assert_eq(listener->state, state);
}

static struct plan_listener listener_at(const char *text)
{
    struct plan_listener listener = {.text = memory_text(text), .backlog = 16};
    struct sockaddr_in in = {.sin_family = AF_INET};
    char host[32];
    const char *colon = strchr(text, ':');

    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    cr_assert_eq(inet_pton(AF_INET, host, &in.sin_addr), 1);
    in.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    address_set(&listener.address, (struct sockaddr *)&in, sizeof(in));
    return listener;
}

static struct plan_netns netns_of(const char *path)
{
    if (!path)
        return (struct plan_netns){.kind = NETNS_HOST, .text = memory_text("host")};
    return (struct plan_netns){
        .kind = NETNS_PATH, .path = memory_text(path), .text = memory_text(path)};
}

struct plan sockets_rig_plan(const char *netns, const char *address, const char *other)
{
    struct plan plan = {.netns = netns_of(netns)};

    plan.listeners = memory_zeroed(2, sizeof(plan.listeners[0]));
    plan.listeners[plan.listener_count++] = listener_at(address);
    if (other)
        plan.listeners[plan.listener_count++] = listener_at(other);
    return plan;
}

struct plan sockets_rig_servers(const char *netns)
{
    struct plan plan = {.netns = netns_of(NULL), .server_count = 1};

    plan.servers = memory_zeroed(1, sizeof(plan.servers[0]));
    plan.servers[0] = netns_of(netns);
    return plan;
}

const char *sockets_rig_address(char text[32])
{
    snprintf(text, 32, "127.0.0.1:%d", rig_port());
    return text;
}
