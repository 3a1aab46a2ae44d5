/* SPDX-License-Identifier: MIT */
/* What the supervisor says to a worker, and what the worker says back. */
#include "worker_internal.h"

#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/body.h"
#include "ipc/sealed.h"
#include "sandbox/sandbox.h"
#include "tenant/bundle.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Seconds after the last change of a tenant until freed memory goes back to the kernel. */
#define SETTLE 1.0

#define ARENA_BLOCK (16 * 1024)

/* Descriptors that listeners leave to connections. */
#define DESCRIPTORS_FOR_CLIENTS 16

static int take_descriptor(struct ipc_received *received, unsigned index)
{
    int fd = -1;

    if (index < received->descriptor_count) {
        fd = received->descriptors[index];
        received->descriptors[index] = -1;
    }
    return fd;
}

/* ---- SETUP ---- */

static int map_figures(struct worker *worker, int fd)
{
    uint64_t size = metrics_file_size(METRICS_OF_WORKER);
    char *memory = sealed_memory_map(fd, size, true);
    int result = memory ? metrics_file_open(&worker->figures, METRICS_OF_WORKER, memory) : -1;

    if (result != 0)
        log_error("cannot map its figures: %s",
                  memory ? "they are laid out in another way" : strerror(errno));
    if (memory && result != 0)
        munmap(memory, size);
    close(fd);
    return result;
}

static int map_tally(struct worker *worker, int fd)
{
    worker->tally = tally_map(fd);
    if (!worker->tally)
        log_error("cannot map the tally: %s", strerror(errno));
    close(fd);
    return worker->tally ? 0 : -1;
}

/* Tally and figures are the last descriptors; a log file's may come before them. */
static int on_setup(struct worker *worker, struct ipc_received *received)
{
    struct sandbox_state sandbox;
    struct ipc_setup setup;
    struct ipc_log log;
    char role[32];
    const char *why = "";
    unsigned count = received->descriptor_count;
    int tally, figures;

    if (ipc_get_setup(&received->body, &setup) != 0 || worker->frontend ||
        setup.column >= TALLY_COLUMNS || count < 2)
        return ERROR_IPC;
    snprintf(role, sizeof(role), "worker %u", setup.index);
    log_set_role(role);
    tally = take_descriptor(received, count - 2);
    figures = take_descriptor(received, count - 1);
    if (map_tally(worker, tally) != 0 || map_figures(worker, figures) != 0) {
        worker_stop(worker, 1);
        return 0;
    }
    log = (struct ipc_log){setup.log_level, setup.log_sink};
    if (ipc_set_log(received, &log, &worker->log_fd) != 0)
        return ERROR_IPC;
    if (cage_enter(&setup.identity, &why) != 0) {
        log_error("cannot drop privileges: %s: %s", why, strerror(errno));
        worker_stop(worker, 1);
        return 0;
    }
    if (worker_start(worker, setup.column) != 0) {
        worker_stop(worker, 1);
        return 0;
    }
    if (sandbox_enter(SANDBOX_WORKER, setup.identity.sandbox, &sandbox, &why) != 0) {
        log_error("cannot enter the sandbox: %s: %s", why, strerror(errno));
        worker_stop(worker, 1);
        return 0;
    }
    ipc_send_ready(worker->channel, IPC_READY, &(struct ipc_ready){sandbox.mode, sandbox.landlock},
                   NULL);
    return 0;
}

/* Nothing of the mapping is in memory before a server is verified. */
static int on_authorities(struct worker *worker, struct ipc_received *received)
{
    if (worker->authorities.data || wire_finish(&received->body) != 0 ||
        (!received->is_short && sealed_map(received->descriptors[0], &worker->authorities)))
        return ERROR_IPC;
    tls_contexts_set_system(worker->contexts, worker->authorities);
    return 0;
}

/* ---- tenants ---- */

static void committed(struct worker *worker, uint64_t serial)
{
    ipc_send_serial(worker->channel, IPC_COMMITTED, &(struct ipc_serial){serial}, NULL);
    deadline_set(&worker->settle, SETTLE);
}

static void tell_errors(struct slice tenant, const struct diag_list *diags)
{
    const struct diag *diag;
    char text[1024];

    STAILQ_FOREACH (diag, &diags->items, next) {
        if (diag->severity != DIAG_ERROR)
            continue;
        diag_format(diag, text, sizeof(text));
        log_error("tenant %.*s: %s", SLICE_PRINTF(tenant), text);
    }
}

/* The name in the message and the one in the bundle are one tenant's. */
static struct tenant *build_tenant(struct worker *worker, struct slice name, struct slice blob)
{
    struct tenant *tenant = NULL;
    struct diag_list diags;
    struct arena arena;
    struct bundle bundle;

    arena_init(&arena, ARENA_BLOCK);
    diag_list_init(&diags);
    diags.errors_only = true; /* the supervisor built the same model, and told the rest */
    if (bundle_decode(&bundle, &arena, blob) == 0 && slice_equal(bundle.tenant, name))
        tenant = tenant_new(&bundle, worker->contexts, &diags);
    if (!tenant) {
        tell_errors(name, &diags);
        log_error("tenant %.*s: an examined bundle cannot be used", SLICE_PRINTF(name));
    }
    diag_list_free(&diags);
    arena_free(&arena);
    return tenant;
}

/* Returns 0, or ERROR_IPC when their length fits no count of keys. */
static int read_tickets(struct slice bytes, struct tls_ticket_keys *keys)
{
    *keys = (struct tls_ticket_keys){.count = (uint32_t)(bytes.len / TLS_TICKET_KEY)};
    if (bytes.len > sizeof(keys->keys) || bytes.len % TLS_TICKET_KEY != 0)
        return ERROR_IPC;
    if (bytes.len > 0)
        memcpy(keys->keys, bytes.data, bytes.len);
    return 0;
}

/* What its workers share; NULL: nothing. */
static struct cells_map *map_cells(struct worker *worker, struct ipc_received *received,
                                   const struct ipc_tenant *body, const struct cells *cells)
{
    struct cells_map *map = NULL;
    int fd = take_descriptor(received, 0);

    if (fd >= 0)
        map = cells_map_new(fd, cells->regions, cells->count, worker->column);
    if (!map && cells->count > 0)
        log_error("tenant %.*s: cannot map its cells, its limits do not hold here: %s",
                  SLICE_PRINTF(body->name), strerror(fd < 0 ? EMFILE : errno));
    descriptor_close(fd);
    return map;
}

/* Returns 0, or ERROR_IPC. */
static int set_cells(struct worker *worker, struct tenant *tenant, struct ipc_received *received,
                     const struct ipc_tenant *body)
{
    struct wire_reader reader;
    struct cells cells;
    int result;

    wire_reader_init(&reader, body->cells);
    ipc_get_cells(&reader, &cells);
    result = wire_finish(&reader);
    if (result == 0 && cells.count > 0)
        tenant_set_cells(tenant, map_cells(worker, received, body, &cells));
    cells_free(&cells);
    return result;
}

/* Returns 0, or ERROR_IPC when they are not the tenant's. */
static int set_log_numbers(struct tenant *tenant, struct slice bytes)
{
    uint32_t count = tenant->config.log_destination_count;
    uint32_t *numbers;

    if (bytes.len == 0)
        return 0;
    if (bytes.len != (size_t)count * sizeof(*numbers))
        return ERROR_IPC;
    numbers = memory_copy(bytes.data, bytes.len);
    tenant_set_log_numbers(tenant, numbers, count);
    free(numbers);
    return 0;
}

static int on_tenant(struct worker *worker, struct ipc_received *received)
{
    struct tls_ticket_keys tickets;
    struct tenant *tenant;
    struct ipc_tenant body;

    if (ipc_get_tenant(&received->body, &body) != 0 || body.slot >= TALLY_TENANTS ||
        body.name.len == 0 || read_tickets(body.ticket_keys, &tickets) != 0)
        return ERROR_IPC;
    ipc_send_serial(worker->channel, IPC_WORKING, &(struct ipc_serial){body.serial}, NULL);
    tenant = build_tenant(worker, body.name, received->blob);
    if (!tenant) {
        /* It was examined: what is wrong is here, and a new worker may do better. */
        explicit_bzero(&tickets, sizeof(tickets));
        worker_stop(worker, 1);
        return 0;
    }
    if (tickets.count > 0)
        tenant_set_tickets(tenant, &tickets);
    explicit_bzero(&tickets, sizeof(tickets));
    if (set_cells(worker, tenant, received, &body) != 0 ||
        set_log_numbers(tenant, body.logs) != 0) {
        tenant_unref(tenant);
        return ERROR_IPC;
    }
    backends_bind(worker->backends, tenant);
    frontend_set_tenant(worker->frontend, tenant, body.slot, body.figures);
    committed(worker, body.serial);
    return 0;
}

static int on_tenant_remove(struct worker *worker, struct ipc_received *received)
{
    struct ipc_tenant_remove body;

    if (ipc_get_tenant_remove(&received->body, &body) != 0)
        return ERROR_IPC;
    if (body.has_moved)
        frontend_hand_over_tenant(worker->frontend, body.name);
    else
        frontend_remove_tenant(worker->frontend, body.name);
    committed(worker, body.serial);
    return 0;
}

/* ---- lines of access logs ---- */

/* Comes before the first tenant that logs. */
static int on_ring(struct worker *worker, struct ipc_received *received)
{
    struct ipc_ring body;
    int fd;

    if (ipc_get_ring(&received->body, &body) != 0 || worker->ring)
        return ERROR_IPC;
    fd = take_descriptor(received, 0);
    worker->wake = take_descriptor(received, 1);
    if (fd >= 0)
        worker->ring = ring_map(fd, worker->wake);
    if (!worker->ring)
        log_error("cannot map what lines of access logs go into, there are none: %s",
                  strerror(fd < 0 ? EMFILE : errno));
    descriptor_close(fd);
    return 0;
}

/* ---- listeners ---- */

/* Whether a descriptor that has just come is among the last: numbers below it are taken. A worker
 * whose listeners have them all can serve nobody. */
static bool is_among_last(int fd)
{
    struct rlimit limit;

    return getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
           (rlim_t)fd + DESCRIPTORS_FOR_CLIENTS >= limit.rlim_cur;
}

static int on_listener(struct worker *worker, struct ipc_received *received)
{
    struct ipc_listener body;
    struct frontend_listener_id id;
    bool has_room;

    if (ipc_get_listener(&received->body, &body) != 0 ||
        received->descriptor_count != (received->is_short ? 0 : 1))
        return ERROR_IPC;
    has_room =
        !received->is_short && (worker->has_made_room || !is_among_last(received->descriptors[0]) ||
                                worker_make_room(worker));
    worker->has_made_room = false;
    if (!has_room) {
        ipc_send_lacked(worker->channel, IPC_LACKED,
                        &(struct ipc_lacked){body.serial, body.address, EMFILE}, NULL);
        return 0;
    }
    id = (struct frontend_listener_id){body.tenant, body.address, body.inode};
    frontend_add_listener(worker->frontend, &id, take_descriptor(received, 0));
    committed(worker, body.serial);
    return 0;
}

static int on_listener_close(struct worker *worker, struct ipc_received *received)
{
    struct ipc_listener_close body;
    struct frontend_listener_id id;

    if (ipc_get_listener_close(&received->body, &body) != 0)
        return ERROR_IPC;
    id = (struct frontend_listener_id){body.tenant, body.address, body.inode};
    frontend_remove_listener(worker->frontend, &id, ipc_seconds(body.limit));
    return 0;
}

void messages_listener_dead(void *owner, struct slice tenant, struct slice address, int error)
{
    struct worker *worker = owner;

    if (worker->channel)
        ipc_send_listener_dead(worker->channel, IPC_LISTENER_DEAD,
                               &(struct ipc_listener_dead){tenant, address, error}, NULL);
}

/* ---- all ---- */

static int on_drain(struct worker *worker, struct ipc_received *received)
{
    struct ipc_drain body;

    if (ipc_get_drain(&received->body, &body) != 0)
        return ERROR_IPC;
    if (body.when_alone) {
        worker->orphan_limit = body.limit / 1000.0;
        frontend_set_drain_limit(worker->frontend, worker->orphan_limit);
    } else {
        worker_drain(worker, body.limit / 1000.0);
    }
    return 0;
}

int messages_take(void *owner, struct ipc_received *received)
{
    struct worker *worker = owner;

    if (received->message == IPC_SETUP)
        return on_setup(worker, received);
    if (!worker->frontend) /* nothing is parsed with privileges */
        return ERROR_IPC;
    switch (received->message) {
    case IPC_AUTHORITIES:
        return on_authorities(worker, received);
    case IPC_LOG:
        return ipc_take_log(received, &worker->log_fd);
    case IPC_PING:
        worker_count(worker);
        return ipc_answer_ping(worker->channel, received);
    case IPC_TENANT:
        return on_tenant(worker, received);
    case IPC_RING:
        return on_ring(worker, received);
    case IPC_TENANT_REMOVE:
        return on_tenant_remove(worker, received);
    case IPC_LISTENER:
        return on_listener(worker, received);
    case IPC_LISTENER_CLOSE:
        return on_listener_close(worker, received);
    case IPC_SOCKETS:
        return worker_take_sockets(worker, received);
    case IPC_SOCKETS_STALE:
        return worker_leave_namespace(worker, received);
    case IPC_DRAIN:
        return on_drain(worker, received);
    default:
        return ERROR_IPC;
    }
}
