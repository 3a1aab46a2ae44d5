/* SPDX-License-Identifier: MIT */
/* The state as bytes: what state_decode.c gets, in the same order. */
#include "state_internal.h"

#include "claims_internal.h"

#include "ipc/message.h"
#include "tenant/bundle.h"

#include <stdlib.h>
#include <unistd.h>

static void put_bool(struct wire_writer *writer, bool value)
{
    wire_put_u8(writer, value ? 1 : 0);
}

static void put_descriptor(struct wire_writer *writer, int fd)
{
    wire_put_u32(writer, (uint32_t)fd);
}

/* NULL is not the empty text. */
static void put_text(struct wire_writer *writer, const char *text)
{
    put_bool(writer, text != NULL);
    if (text)
        wire_put_slice(writer, slice_of(text));
}

static void put_time(struct wire_writer *writer, struct timespec time)
{
    wire_put_u64(writer, (uint64_t)time.tv_sec);
    wire_put_u32(writer, (uint32_t)time.tv_nsec);
}

/* ---- one tenant ---- */

static void put_dependency(struct wire_writer *writer, const struct dependency *item)
{
    wire_put_slice(writer, slice_of(item->path));
    put_bool(writer, item->is_pattern);
    put_bool(writer, item->is_settled);
    wire_put_u64(writer, item->listing);
    wire_put_u64(writer, item->device);
    wire_put_u64(writer, item->inode);
    wire_put_u64(writer, (uint64_t)item->size);
    put_time(writer, item->modified);
    put_time(writer, item->changed);
}

static void put_dependencies(struct wire_writer *writer, const struct dependencies *list)
{
    wire_put_u32(writer, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        put_dependency(writer, &list->items[i]);
}

static void put_listener(struct wire_writer *writer, const struct plan_listener *listener)
{
    wire_put_slice(writer,
                   (struct slice){(const char *)&listener->address.any, listener->address.len});
    wire_put_slice(writer, slice_of(address_zone(&listener->address)));
    wire_put_slice(writer, slice_of(listener->text));
    wire_put_u32(writer, (uint32_t)listener->backlog);
    put_bool(writer, listener->ipv6only);
}

static void put_netns(struct wire_writer *writer, const struct plan_netns *netns)
{
    wire_put_u8(writer, (uint8_t)netns->kind);
    put_text(writer, netns->path);
    wire_put_u32(writer, netns->pid);
    put_text(writer, netns->text);
}

static void put_plan(struct wire_writer *writer, const struct plan *plan)
{
    put_netns(writer, &plan->netns);
    wire_put_u32(writer, plan->place_count);
    for (uint32_t i = 0; i < plan->place_count; i++)
        put_netns(writer, &plan->places[i]);
    put_bool(writer, plan->has_names);
    wire_put_u64(writer, (uint64_t)plan->expires);
    wire_put_u32(writer, plan->listener_count);
    for (uint32_t i = 0; i < plan->listener_count; i++)
        put_listener(writer, &plan->listeners[i]);
    put_dependencies(writer, &plan->dependencies);
    wire_put_slice(writer, ipc_blob_bytes(plan->bundle));
}

/* In the order of the plan: what is bound, and in which places workers have sockets. */
static void put_sockets(struct wire_writer *writer, const struct tenant_sockets *sockets)
{
    for (uint32_t i = 0; i < sockets->listener_count; i++) {
        const struct listener *listener = &sockets->listeners[i];

        put_descriptor(writer, listener->state == LISTENER_BOUND ? listener->fd : -1);
        wire_put_u32(writer, (uint32_t)listener->error);
    }
    for (uint32_t i = 0; i < sockets->place_count; i++) {
        put_bool(writer, sockets->places[i].is_used);
        wire_put_u64(writer, sockets->places[i].id.device);
        wire_put_u64(writer, sockets->places[i].id.inode);
    }
}

static void put_again(struct wire_writer *writer, const struct record *record)
{
    const struct dependencies *pending = again_pending(record);

    wire_put_u8(writer, (uint8_t)record->again.reason);
    wire_put_u32(writer, (uint32_t)record->again.pause);
    put_bool(writer, pending != NULL);
    if (pending)
        put_dependencies(writer, pending);
}

static void put_record(struct wire_writer *writer, const struct record *record)
{
    wire_put_slice(writer, slice_of(record->name));
    wire_put_slice(writer, slice_of(record->file));
    wire_put_u32(writer, record->slot);
    wire_put_slice(writer, (struct slice){(const char *)record->tickets.keys,
                                          (size_t)record->tickets.count * TLS_TICKET_KEY});
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        wire_put_u64(writer, record->served[half]);
    put_bool(writer, record->is_refused);
    put_bool(writer, record->awaits_names);
    put_text(writer, record->names_trouble);
    put_again(writer, record);
    wire_put_u64(writer, record->generation);
    wire_put_u64(writer, resident_where(&record->resident).device);
    wire_put_u64(writer, resident_where(&record->resident).inode);
    put_text(writer, record->netns_trouble);
    put_text(writer, record->error);
    put_bool(writer, record_is_in_force(record));
    if (!record_is_in_force(record))
        return;
    put_plan(writer, &record->plan);
    put_sockets(writer, &record->sockets);
}

/* ---- all ---- */

static void put_identity(struct wire_writer *writer, const struct cage_identity *identity)
{
    put_bool(writer, identity->keep);
    wire_put_u32(writer, identity->user);
    wire_put_u32(writer, identity->group);
    wire_put_u32(writer, identity->group_count);
    for (uint32_t i = 0; i < identity->group_count; i++)
        wire_put_u32(writer, identity->groups[i]);
}

static void put_worker(struct wire_writer *writer, const struct state_worker *worker)
{
    wire_put_u32(writer, (uint32_t)worker->pid);
    wire_put_u32(writer, worker->index);
    put_descriptor(writer, worker->channel);
    wire_put_u64(writer, worker->asked);
    wire_put_u64(writer, worker->answered);
}

static void put_place(struct wire_writer *writer, const struct state_place *place)
{
    wire_put_slice(writer, place->netns);
    wire_put_u32(writer, (uint32_t)place->pid);
    wire_put_slice(writer, place->path);
    wire_put_slice(writer, place->why);
}

void state_encode(struct wire_writer *writer, const struct state *state)
{
    const struct record *record;

    wire_put_u64(writer, STATE_MAGIC);
    wire_put_u32(writer, STATE_FORMAT);
    wire_put_u32(writer, BUNDLE_MAGIC);
    wire_put_u32(writer, state->ipc_version);
    wire_put_slice(writer, state->config);
    wire_put_slice(writer, state->settings);
    put_identity(writer, &state->identity);
    wire_put_slice(writer, state->pid_path);
    put_descriptor(writer, state->pid_fd);
    put_descriptor(writer, state->log_fd);
    put_descriptor(writer, state->tally_fd);
    wire_put_slice(writer, state->control_path);
    put_descriptor(writer, state->control_fd);
    wire_put_u32(writer, state->upgrades);
    wire_put_u32(writer, state->half);
    wire_put_u32(writer, state->generation);
    wire_put_u64(writer, state->started);
    wire_put_u64(writer, state->round);
    wire_put_u32(writer, state->rotation);
    wire_put_u64(writer, state->figures);
    wire_put_u32(writer, state->worker_count);
    for (uint32_t i = 0; i < state->worker_count; i++)
        put_worker(writer, &state->workers[i]);
    wire_put_u32(writer, state->place_count);
    for (uint32_t i = 0; i < state->place_count; i++)
        put_place(writer, &state->places[i]);
    wire_put_u32(writer, HASH_COUNT(state->registry.records));
    for (record = state->registry.records; record; record = record->hh.next)
        put_record(writer, record);
}

/* ---- descriptors ---- */

static void state_show(int *fd, void (*act)(int *fd, void *context), void *context)
{
    if (*fd > STDERR_FILENO)
        act(fd, context);
}

void state_each_descriptor(struct state *state, void (*act)(int *fd, void *context), void *context)
{
    struct record *record;

    state_show(&state->pid_fd, act, context);
    state_show(&state->log_fd, act, context);
    state_show(&state->tally_fd, act, context);
    state_show(&state->control_fd, act, context);
    for (uint32_t i = 0; i < state->worker_count; i++)
        state_show(&state->workers[i].channel, act, context);
    for (record = state->registry.records; record; record = record->hh.next) {
        for (uint32_t i = 0; i < record->sockets.listener_count; i++)
            state_show(&record->sockets.listeners[i].fd, act, context);
    }
}

static void state_forget(int *fd, void *context)
{
    (void)context;
    *fd = -1;
}

void state_free(struct state *state)
{
    struct record *record;
    struct record *next;

    state_each_descriptor(state, state_forget, NULL);
    HASH_ITER (hh, state->registry.records, record, next) {
        claims_release(&state->registry, record, &record->plan, NULL);
        registry_remove(&state->registry, record);
    }
    free(state->places);
    *state = (struct state){0};
}
