/* SPDX-License-Identifier: MIT */
/* Bytes become a state again, whatever they are: another version's, cut short, or garbage. */
#include "state_internal.h"

#include "claims_internal.h"

#include "base/memory.h"
#include "ipc/datagram.h"
#include "ipc/message.h"
#include "tenant/bundle.h"

#include <unistd.h>

/* The least bytes that each takes, so that a count cannot ask for more memory than a small
 * multiple of what there is. */
#define WORKER_MIN     28
#define PLACE_MIN      16
#define RECORD_MIN     (4 + 4 + 4 + 4 + 8 * TALLY_HALVES + 1 + 1 + 1 + 6 + 8 + 8 + 8 + 1 + 1 + 1)
#define SERVERS_MIN    (1 + 1 + 4 + 1)
#define LISTENER_MIN   (4 + 4 + 4 + 4 + 1)
#define DEPENDENCY_MIN (4 + 1 + 1 + 8 + 8 + 8 + 8 + 12 + 12)
#define DESCRIPTOR_MAX (1 << 20)

static bool get_bool(struct wire_reader *reader)
{
    uint8_t value = wire_get_u8(reader);

    if (value > 1)
        reader->failed = true;
    return value == 1;
}

static int get_descriptor(struct wire_reader *reader)
{
    uint32_t value = wire_get_u32(reader);

    if (value == UINT32_MAX)
        return -1;
    if (value <= STDERR_FILENO || value > DESCRIPTOR_MAX)
        reader->failed = true;
    return reader->failed ? -1 : (int)value;
}

/* Syslog, standard error, or a file. */
static int get_log(struct wire_reader *reader)
{
    struct wire_reader before = *reader;

    if (wire_get_u32(&before) != STDERR_FILENO)
        return get_descriptor(reader);
    *reader = before;
    return STDERR_FILENO;
}

/* A slice that may become a text of C. */
static struct slice get_plain(struct wire_reader *reader)
{
    struct slice slice = wire_get_slice(reader);

    if (slice.len > 0 && memchr(slice.data, '\0', slice.len))
        reader->failed = true;
    return reader->failed ? (struct slice){0} : slice;
}

/* NULL, or the caller's. */
static char *get_text(struct wire_reader *reader)
{
    return get_bool(reader) ? memory_slice_text(get_plain(reader)) : NULL;
}

static struct timespec get_time(struct wire_reader *reader)
{
    struct timespec time;

    time.tv_sec = (time_t)wire_get_u64(reader);
    time.tv_nsec = (long)wire_get_u32(reader);
    return time;
}

/* ---- one tenant ---- */

static void get_dependency(struct wire_reader *reader, struct dependency *item)
{
    item->path = memory_slice_text(get_plain(reader));
    item->is_pattern = get_bool(reader);
    item->is_settled = get_bool(reader);
    item->listing = wire_get_u64(reader);
    item->device = wire_get_u64(reader);
    item->inode = wire_get_u64(reader);
    item->size = (off_t)wire_get_u64(reader);
    item->modified = get_time(reader);
    item->changed = get_time(reader);
}

static void get_dependencies(struct wire_reader *reader, struct dependencies *list)
{
    uint32_t count = wire_get_count(reader, DEPENDENCY_MIN);

    list->items = memory_zeroed(count, sizeof(list->items[0]));
    list->capacity = count;
    while (list->count < count && !reader->failed)
        get_dependency(reader, &list->items[list->count++]);
}

/* Only what a listener has been given once: a whole IPv4 or IPv6 address, perhaps with a zone. */
static void get_address(struct wire_reader *reader, struct address *address)
{
    struct slice bytes = wire_get_slice(reader), zone = get_plain(reader);

    if (bytes.len != sizeof(struct sockaddr_in) && bytes.len != sizeof(struct sockaddr_in6)) {
        reader->failed = true;
        return;
    }
    memcpy(&address->local, bytes.data, bytes.len);
    address->len = (socklen_t)bytes.len;
    if (address->any.sa_family != (bytes.len == sizeof(struct sockaddr_in) ? AF_INET : AF_INET6) ||
        zone.len >= IF_NAMESIZE || (zone.len > 0 && address->any.sa_family != AF_INET6)) {
        reader->failed = true;
        return;
    }
    if (zone.len > 0)
        memcpy(address->zoned.zone, zone.data, zone.len);
}

static void get_listener(struct wire_reader *reader, struct plan_listener *listener)
{
    get_address(reader, &listener->address);
    listener->text = memory_slice_text(get_plain(reader));
    listener->backlog = (int)wire_get_u32(reader);
    listener->ipv6only = get_bool(reader);
}

static void get_netns(struct wire_reader *reader, struct plan_netns *netns)
{
    uint8_t kind = wire_get_u8(reader);

    netns->kind = (enum config_netns_kind)kind;
    netns->path = get_text(reader);
    netns->pid = wire_get_u32(reader);
    netns->text = get_text(reader);
    if (kind > NETNS_CONTAINER || !netns->text ||
        (!netns->path && (kind == NETNS_NAME || kind == NETNS_PATH)))
        reader->failed = true;
}

static void get_servers(struct wire_reader *reader, struct plan_netns *place)
{
    get_netns(reader, place);
    if (place->kind == NETNS_HOST)
        reader->failed = true;
}

static void get_plan(struct wire_reader *reader, struct plan *plan)
{
    uint32_t count;
    struct slice bundle;

    get_netns(reader, &plan->netns);
    count = wire_get_count(reader, SERVERS_MIN);
    plan->places = memory_zeroed(count, sizeof(plan->places[0]));
    while (plan->place_count < count && !reader->failed)
        get_servers(reader, &plan->places[plan->place_count++]);
    plan->has_names = get_bool(reader);
    plan->expires = (int64_t)wire_get_u64(reader);
    count = wire_get_count(reader, LISTENER_MIN);
    plan->listeners = memory_zeroed(count, sizeof(plan->listeners[0]));
    while (plan->listener_count < count && !reader->failed)
        get_listener(reader, &plan->listeners[plan->listener_count++]);
    get_dependencies(reader, &plan->dependencies);
    bundle = wire_get_slice(reader);
    if (bundle.len > IPC_BLOB_MAX)
        reader->failed = true;
    if (!reader->failed)
        plan->bundle = ipc_blob_new(bundle);
}

static void get_sockets(struct wire_reader *reader, struct tenant_sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->listener_count; i++) {
        struct listener *listener = &sockets->listeners[i];

        listener->fd = get_descriptor(reader);
        listener->error = (int)wire_get_u32(reader);
        if (listener->fd >= 0)
            listener->state = LISTENER_BOUND;
        else
            listener->state = listener->error ? LISTENER_DEGRADED : LISTENER_WAITING;
    }
    for (uint32_t i = 0; i < sockets->place_count; i++) {
        sockets->places[i].is_used = get_bool(reader);
        sockets->places[i].id.device = wire_get_u64(reader);
        sockets->places[i].id.inode = wire_get_u64(reader);
    }
}

static void get_tickets(struct wire_reader *reader, struct tls_ticket_keys *tickets)
{
    struct slice keys = wire_get_slice(reader);

    if (keys.len == 0 || keys.len > sizeof(tickets->keys) || keys.len % TLS_TICKET_KEY != 0) {
        reader->failed = true;
        return;
    }
    memcpy(tickets->keys, keys.data, keys.len);
    tickets->count = (unsigned)(keys.len / TLS_TICKET_KEY);
}

static void get_claims(struct registry *registry, struct record *record)
{
    if (record->plan.netns.kind != NETNS_HOST)
        return;
    for (uint32_t i = 0; i < record->plan.listener_count; i++)
        claims_take(registry, slice_of(record->plan.listeners[i].text), record);
}

/* Its time is the new binary's to set: again_resume. */
static void get_again(struct wire_reader *reader, struct again *again)
{
    uint8_t reason = wire_get_u8(reader);

    again->reason = (enum again_reason)reason;
    again->pause = wire_get_u32(reader);
    if (reason > AGAIN_NAMES)
        reader->failed = true;
    if (!get_bool(reader))
        return;
    again->at = 1.;
    get_dependencies(reader, &again->dependencies);
}

static void get_record(struct wire_reader *reader, struct registry *registry)
{
    struct slice name = get_plain(reader);
    struct slice file = get_plain(reader);
    uint32_t slot = wire_get_u32(reader);
    struct record *record = NULL;
    struct netns_id netns = {0};

    if (config_tenant_name_is_valid(name))
        record = registry_restore(registry, name, file, slot);
    if (!record) {
        reader->failed = true;
        return;
    }
    get_tickets(reader, &record->tickets);
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        record->served[half] = wire_get_u64(reader);
    record->is_refused = get_bool(reader);
    record->awaits_names = get_bool(reader);
    record->names_trouble = get_text(reader);
    get_again(reader, &record->again);
    record->generation = wire_get_u64(reader);
    netns.device = wire_get_u64(reader);
    netns.inode = wire_get_u64(reader);
    if (netns.inode != 0)
        residents_enter(&registry->residents, &record->resident, netns);
    record->netns_trouble = get_text(reader);
    record->error = get_text(reader);
    if (!get_bool(reader))
        return;
    get_plan(reader, &record->plan);
    tenant_sockets_init(&record->sockets, &record->plan);
    get_sockets(reader, &record->sockets);
    if (!reader->failed)
        get_claims(registry, record);
}

/* ---- all ---- */

static void get_identity(struct wire_reader *reader, struct cage_identity *identity)
{
    identity->keep = get_bool(reader);
    identity->user = wire_get_u32(reader);
    identity->group = wire_get_u32(reader);
    identity->group_count = wire_get_count(reader, sizeof(uint32_t));
    if (identity->group_count > CAGE_GROUPS_MAX) {
        identity->group_count = 0;
        reader->failed = true;
    }
    for (uint32_t i = 0; i < identity->group_count; i++)
        identity->groups[i] = wire_get_u32(reader);
}

/* kill(2) takes 0 and negative numbers for whole groups. */
static void get_worker(struct wire_reader *reader, struct state_worker *worker)
{
    worker->pid = (pid_t)wire_get_u32(reader);
    worker->index = wire_get_u32(reader);
    worker->channel = get_descriptor(reader);
    worker->asked = wire_get_u64(reader);
    worker->answered = wire_get_u64(reader);
    if (worker->pid <= 1 || worker->index >= TALLY_WORKERS)
        reader->failed = true;
}

static void get_workers(struct wire_reader *reader, struct state *state)
{
    uint32_t count = wire_get_count(reader, WORKER_MIN);

    if (count > TALLY_WORKERS)
        reader->failed = true;
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        get_worker(reader, &state->workers[i]);
        if (i > 0 && state->workers[i].index <= state->workers[i - 1].index)
            reader->failed = true;
        state->worker_count++;
    }
}

static void get_places(struct wire_reader *reader, struct state *state)
{
    uint32_t count = wire_get_count(reader, PLACE_MIN);

    state->places = memory_zeroed(count, sizeof(state->places[0]));
    while (state->place_count < count && !reader->failed) {
        struct state_place *place = &state->places[state->place_count++];

        place->netns = wire_get_slice(reader);
        place->pid = (pid_t)wire_get_u32(reader);
        place->path = get_plain(reader);
        place->why = get_plain(reader);
        if (place->pid < 0)
            reader->failed = true;
    }
}

static void get_all(struct wire_reader *reader, struct state *state)
{
    uint32_t count;

    state->config = get_plain(reader);
    state->settings = wire_get_slice(reader);
    get_identity(reader, &state->identity);
    state->pid_path = get_plain(reader);
    state->pid_fd = get_descriptor(reader);
    state->log_fd = get_log(reader);
    state->tally_fd = get_descriptor(reader);
    state->control_path = get_plain(reader);
    state->control_fd = get_descriptor(reader);
    state->upgrades = wire_get_u32(reader);
    state->half = wire_get_u32(reader);
    state->generation = wire_get_u32(reader);
    state->started = wire_get_u64(reader);
    state->round = wire_get_u64(reader);
    state->rotation = wire_get_u32(reader);
    state->figures = wire_get_u64(reader);
    get_workers(reader, state);
    get_places(reader, state);
    count = wire_get_count(reader, RECORD_MIN);
    for (uint32_t i = 0; i < count && !reader->failed; i++)
        get_record(reader, &state->registry);
    if (state->half > 1)
        reader->failed = true;
}

int state_decode(struct state *state, struct slice bytes, const char **why)
{
    struct wire_reader reader;

    *state = (struct state){.pid_fd = -1, .log_fd = -1, .tally_fd = -1, .control_fd = -1};
    wire_reader_init(&reader, bytes);
    *why = NULL;
    if (wire_get_u64(&reader) != STATE_MAGIC)
        *why = "it is no state of nsgate";
    else if (wire_get_u32(&reader) != STATE_FORMAT)
        *why = "the state has a format of another version";
    else if (wire_get_u32(&reader) != BUNDLE_MAGIC)
        *why = "tenants are kept in a format of another version";
    if (*why)
        return -1;
    state->ipc_version = wire_get_u32(&reader);
    get_all(&reader, state);
    if (wire_finish(&reader) == 0)
        return 0;
    *why = "the state is damaged";
    return -1;
}
