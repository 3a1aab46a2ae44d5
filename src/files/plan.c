/* SPDX-License-Identifier: MIT */
/* Plans of tenants, as values. */
#include "files/plan.h"

#include "base/memory.h"
#include "ipc/datagram.h"
#include "plan_internal.h"

#include <net/if.h>
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
    for (uint32_t i = 0; i < plan->server_count; i++)
        plan_netns_free(&plan->servers[i]);
    free(plan->servers);
    for (uint32_t i = 0; i < plan->cells_count; i++)
        free(plan->cells[i].name);
    free(plan->cells);
    for (uint32_t i = 0; i < plan->log_count; i++)
        log_place_free(&plan->logs[i]);
    free(plan->logs);
    for (uint32_t i = 0; i < plan->certificate_count; i++)
        plan_certificate_free(&plan->certificates[i]);
    free(plan->certificates);
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

/* ---- for the next binary ---- */

static void put_listener(struct wire_writer *writer, const struct plan_listener *listener)
{
    wire_put_slice(writer,
                   (struct slice){(const char *)&listener->address.any, listener->address.len});
    wire_put_slice(writer, slice_of(address_zone(&listener->address)));
    wire_put_slice(writer, slice_of(listener->text));
    wire_put_u32(writer, (uint32_t)listener->backlog);
    wire_put_bool(writer, listener->ipv6only);
}

static void put_netns(struct wire_writer *writer, const struct plan_netns *netns)
{
    wire_put_u8(writer, (uint8_t)netns->kind);
    wire_put_text(writer, netns->path);
    wire_put_u32(writer, netns->pid);
    wire_put_text(writer, netns->text);
}

static void put_certificate(struct wire_writer *writer, const struct plan_certificate *certificate)
{
    wire_put_slice(writer, slice_of(certificate->server));
    wire_put_u8(writer, (uint8_t)certificate->kind);
    wire_put_u64(writer, (uint64_t)certificate->expires);
}

void plan_put(struct wire_writer *writer, const struct plan *plan)
{
    put_netns(writer, &plan->netns);
    wire_put_u32(writer, plan->server_count);
    for (uint32_t i = 0; i < plan->server_count; i++)
        put_netns(writer, &plan->servers[i]);
    wire_put_bool(writer, plan->has_names);
    wire_put_u64(writer, (uint64_t)plan->expires);
    wire_put_u32(writer, plan->certificate_count);
    for (uint32_t i = 0; i < plan->certificate_count; i++)
        put_certificate(writer, &plan->certificates[i]);
    wire_put_u32(writer, plan->listener_count);
    for (uint32_t i = 0; i < plan->listener_count; i++)
        put_listener(writer, &plan->listeners[i]);
    wire_put_u32(writer, plan->log_count);
    for (uint32_t i = 0; i < plan->log_count; i++)
        ipc_put_log_place(writer, log_place_body(&plan->logs[i]));
    dependencies_put(writer, &plan->dependencies);
    wire_put_slice(writer, ipc_blob_bytes(plan->bundle));
}

/* The least bytes that each takes. */
#define PLAN_NETNS_MIN       (1 + 1 + 4 + 1)
#define PLAN_LISTENER_MIN    (4 + 4 + 4 + 4 + 1)
#define PLAN_CERTIFICATE_MIN (4 + 1 + 8)

/* Only what a listener has been given once: a whole IPv4 or IPv6 address, perhaps with a zone. */
static void get_address(struct wire_reader *reader, struct address *address)
{
    bool is_whole = address_get(address, wire_get_slice(reader));
    struct slice zone = wire_get_plain(reader);

    wire_require(reader, is_whole && zone.len < IF_NAMESIZE &&
                             (zone.len == 0 || address->any.sa_family == AF_INET6));
    if (zone.len > 0 && !reader->failed)
        memcpy(address->zoned.zone, zone.data, zone.len);
}

static void get_listener(struct wire_reader *reader, struct plan_listener *listener)
{
    get_address(reader, &listener->address);
    listener->text = memory_slice_text(wire_get_plain(reader));
    listener->backlog = (int)wire_get_u32(reader);
    listener->ipv6only = wire_get_bool(reader);
}

static void get_netns(struct wire_reader *reader, struct plan_netns *netns)
{
    uint8_t kind = wire_get_u8(reader);

    netns->kind = (enum config_netns_kind)kind;
    netns->path = wire_get_text(reader);
    netns->pid = wire_get_u32(reader);
    netns->text = wire_get_text(reader);
    wire_require(reader, kind <= NETNS_CONTAINER && netns->text &&
                             (netns->path || (kind != NETNS_NAME && kind != NETNS_PATH)));
}

static void get_servers(struct wire_reader *reader, struct plan_netns *servers)
{
    get_netns(reader, servers);
    wire_require(reader, servers->kind != NETNS_HOST);
}

static void get_certificate(struct wire_reader *reader, struct plan_certificate *certificate)
{
    uint8_t kind;

    certificate->server = memory_slice_text(wire_get_plain(reader));
    kind = wire_get_u8(reader);
    wire_require(reader, kind < TLS_KINDS);
    certificate->kind = kind < TLS_KINDS ? (enum tls_kind)kind : TLS_KIND_OTHER;
    certificate->expires = (int64_t)wire_get_u64(reader);
}

static void get_certificates(struct wire_reader *reader, struct plan *plan)
{
    uint32_t count = wire_get_count(reader, PLAN_CERTIFICATE_MIN);

    wire_require(reader, count <= PLAN_CERTIFICATES);
    if (reader->failed || count == 0)
        return;
    plan->certificates = memory_zeroed(count, sizeof(plan->certificates[0]));
    while (plan->certificate_count < count && !reader->failed)
        get_certificate(reader, &plan->certificates[plan->certificate_count++]);
}

void plan_get(struct wire_reader *reader, struct plan *plan)
{
    uint32_t count;
    struct slice bundle;

    get_netns(reader, &plan->netns);
    count = wire_get_count(reader, PLAN_NETNS_MIN);
    plan->servers = memory_zeroed(count, sizeof(plan->servers[0]));
    while (plan->server_count < count && !reader->failed)
        get_servers(reader, &plan->servers[plan->server_count++]);
    plan->has_names = wire_get_bool(reader);
    plan->expires = (int64_t)wire_get_u64(reader);
    get_certificates(reader, plan);
    count = wire_get_count(reader, PLAN_LISTENER_MIN);
    plan->listeners = memory_zeroed(count, sizeof(plan->listeners[0]));
    while (plan->listener_count < count && !reader->failed)
        get_listener(reader, &plan->listeners[plan->listener_count++]);
    count = wire_get_count(reader, LOG_PLACE_MIN);
    plan->logs = memory_zeroed(count, sizeof(plan->logs[0]));
    while (plan->log_count < count && !reader->failed)
        log_place_get(reader, &plan->logs[plan->log_count++]);
    dependencies_get(reader, &plan->dependencies);
    bundle = wire_get_slice(reader);
    wire_require(reader, bundle.len <= IPC_BLOB_MAX);
    if (!reader->failed)
        plan->bundle = ipc_blob_new(bundle);
}
