/* SPDX-License-Identifier: MIT */
/* Makes the sample, by hand. */
#include "state_sample.h"

#include "reload/record.h"

#include "base/memory.h"

#include <arpa/inet.h>
#include <errno.h>

static void sample_listener(struct plan_listener *listener, const char *text, uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(0x0a000001)};

    address_set(&listener->address, (struct sockaddr *)&address, sizeof(address));
    listener->text = memory_text(text);
    listener->backlog = 511;
}

static void sample_zone(struct address *address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(80)};

    inet_pton(AF_INET6, "fe80::1", &v6.sin6_addr);
    address_set(address, (struct sockaddr *)&v6, sizeof(v6));
    address_set_zone(address, "eth0");
}

static void sample_plan(struct plan *plan)
{
    plan->netns.kind = NETNS_HOST;
    plan->netns.text = memory_text("host");
    plan->server_count = 2;
    plan->servers = memory_zeroed(2, sizeof(plan->servers[0]));
    plan->servers[0] = (struct plan_netns){
        .kind = NETNS_NAME, .path = memory_text("/run/netns/x"), .text = memory_text("x")};
    plan->servers[1] =
        (struct plan_netns){.kind = NETNS_PID, .pid = 17, .text = memory_text("pid:17")};
    plan->has_names = true;
    plan->expires = 2000000000;
    plan->listener_count = 2;
    plan->listeners = memory_zeroed(2, sizeof(plan->listeners[0]));
    sample_listener(&plan->listeners[0], "10.0.0.1:443", 443);
    sample_listener(&plan->listeners[1], "[fe80::1%eth0]:80", 80);
    sample_zone(&plan->listeners[1].address);
    dependencies_add_file(&plan->dependencies, "/nowhere/a.conf");
    plan->dependencies.items[0].inode = 42;
    plan->dependencies.items[0].modified.tv_nsec = 999;
    plan->log_count = 2;
    plan->logs = memory_zeroed(2, sizeof(plan->logs[0]));
    log_place_set(&plan->logs[0], &(struct config_log_destination){.identity = SLICE("file /a.log"),
                                                                   .path = SLICE("/a.log")});
    log_place_set(&plan->logs[1],
                  &(struct config_log_destination){.kind = LOG_TO_SYSLOG,
                                                   .identity = SLICE("syslog [fe80::1%eth0]:80"),
                                                   .server = plan->listeners[1].address,
                                                   .priority = 190,
                                                   .tag = SLICE("tag"),
                                                   .has_hostname = true});
    plan->bundle = ipc_blob_new(SLICE("the bundle of a"));
}

static void sample_sockets(struct tenant_sockets *sockets)
{
    tenant_sockets_fill(sockets);
    sockets->listeners[0].fd = 21;
    sockets->listeners[0].state = LISTENER_BOUND;
    sockets->listeners[1].state = LISTENER_DEGRADED;
    sockets->listeners[1].error = EADDRINUSE;
    sockets->servers[0].is_used = true;
    sockets->servers[0].id = (struct netns_id){6, 7};
}

void sample_open(struct sample *sample)
{
    struct registry *registry = &sample->registry;
    struct record *a;
    struct record *b;

    sample->registry = (struct registry){0};
    sample->state =
        (struct state){.config = SLICE("/etc/nsgate.conf"),
                       .settings = SLICE("settings"),
                       .identity = {.user = 5, .group = 6, .groups = {6, 7}, .group_count = 2},
                       .pid_path = SLICE("/run/nsgate.pid"),
                       .pid_fd = 10,
                       .log_fd = 11,
                       .tally_fd = 12,
                       .control_path = SLICE("/run/nsgate.sock"),
                       .control_fd = 15,
                       .upgrades = 3,
                       .started = 1234567,
                       .reload = 9,
                       .rotation = 3600,
                       .ipc_version = 1};
    sample->workers = (struct children_state){.half = 1,
                                              .generation = 5,
                                              .count = 2,
                                              .workers = {{101, 0, 13, 9, 8}, {102, 2, 14, 9, 9}}};
    a = registry_restore(registry, SLICE("a"), SLICE("/t/a.conf"), 5);
    memset(a->tickets.keys, 'Z', sizeof(a->tickets.keys));
    a->tickets.count = 2;
    a->version = 8;
    a->sockets.served[0] = 5;
    a->sockets.served[1] = 2;
    sample_plan(&a->plan);
    sample_sockets(&a->sockets);
    claims_take(&registry->claims, SLICE("10.0.0.1:443"), &a->sockets);
    claims_take(&registry->claims, SLICE("[fe80::1%eth0]:80"), &a->sockets);
    b = registry_restore(registry, SLICE("b"), SLICE("/t/b.conf"), 0);
    b->tickets.count = 1;
    b->is_refused = true;
    b->error = memory_text("b.conf:1:1: no");
    residents_enter(&registry->residents, &b->sockets.resident, (struct netns_id){4, 5});
    b->sockets.trouble = memory_text("does not exist");
    b->awaits_names = true;
    b->retry = (struct retry){.reason = RETRY_NAMES, .at = 1., .pause = 4.};
    dependencies_add_file(&b->retry.dependencies, "/nowhere/b.conf");
    a->names_trouble = memory_text("host not found");
}

static void forget(int *fd, void *context)
{
    (void)context;
    *fd = -1;
}

void sample_close(struct sample *sample)
{
    registry_each_descriptor(&sample->registry, forget, NULL);
    registry_free(&sample->registry);
}

void sample_put_workers(struct wire_writer *writer, const struct children_state *workers)
{
    wire_put_u32(writer, workers->half);
    wire_put_u32(writer, workers->generation);
    wire_put_u32(writer, workers->count);
    for (uint32_t i = 0; i < workers->count; i++) {
        wire_put_u32(writer, (uint32_t)workers->workers[i].pid);
        wire_put_u32(writer, workers->workers[i].index);
        wire_put_descriptor(writer, workers->workers[i].channel);
        wire_put_u64(writer, workers->workers[i].asked);
        wire_put_u64(writer, workers->workers[i].answered);
    }
    wire_put_u32(writer, 0); /* there are no figures */
}

void sample_put_no_logs(struct wire_writer *writer)
{
    wire_put_u32(writer, 0); /* the last destination, and how many there are */
    wire_put_u32(writer, 0);
    wire_put_u32(writer, 0); /* the same of rings */
    wire_put_u32(writer, 0);
}

void sample_put(struct wire_writer *writer, const struct sample *sample)
{
    state_encode(writer, &sample->state);
    sample_put_workers(writer, &sample->workers);
    registry_put(writer, &sample->registry);
    sample_put_no_logs(writer);
    wire_put_bool(writer, false); /* there are no namespaces */
}

int sample_get(struct sample *sample, struct slice bytes)
{
    struct namespaces none = {0};
    struct figures figures;
    struct wire_reader reader;
    const char *why;

    sample->registry = (struct registry){0};
    if (state_decode(&sample->state, bytes, &why) < 0)
        return -1;
    wire_reader_init(&reader, sample->state.rest);
    children_get(&reader, &sample->workers);
    figures_init(&figures);
    figures_get(&reader, &figures);
    metrics_reader_free(figures.reader);
    registry_get(&reader, &sample->registry);
    for (int i = 0; i < 4; i++)
        wire_require(&reader, wire_get_u32(&reader) == 0);
    namespaces_get(&reader, &none);
    return wire_finish(&reader);
}
