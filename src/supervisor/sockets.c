/* SPDX-License-Identifier: MIT */
/* Sockets for servers in namespaces. A socket stays in the namespace in which it was made, so that
 * a worker may use what it could never make. */
#include "sockets_internal.h"

#include "admission_internal.h"
#include "workers_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Questions that a worker may ask, in the long run and at once: each costs about 40 us here, so
 * that one which an intruder has taken over is given a tenth of a core at most. */
#define SOCKETS_PER_SECOND 1500.0
#define SOCKETS_AT_ONCE    200.0
#define SOCKETS_COST       30.0 /* microseconds of four, besides what the question costs */

/* Answers that wait for a worker to read them: from the first number on they bring no sockets,
 * beyond the second it is not a worker of ours any more that asks. */
#define SOCKETS_QUEUED     64
#define SOCKETS_QUEUED_MAX 1024

/* ---- leaving ---- */

/* All workers: one may have connections of a tenant that it serves no more. */
void sockets_say_stale(struct supervisor *supervisor, const struct left *what, uint32_t limit)
{
    const struct ipc_sockets_stale body = {slice_of(what->tenant), slice_of(what->text), limit};
    struct child *worker;

    for (worker = generation_first(supervisor); worker;
         worker = generation_next(supervisor, worker)) {
        if (child_is_up(worker))
            ipc_send_sockets_stale(worker->channel, IPC_SOCKETS_STALE, &body, NULL);
    }
}

static void place_on_gone(struct supervisor *supervisor, const struct record *record,
                          struct place *place)
{
    const struct left what = {record->name, place->netns->text, place->id};

    log_notice("tenant %s: network namespace %s is gone or another one, leaving its servers",
               record->name, place->netns->text);
    sockets_say_stale(supervisor, &what, LEAVING_GRACE);
    place->is_used = false;
}

static void place_on_change(struct namespace_use *use)
{
    struct place *place = CONTAINER_OF(use, struct place, use);

    if (place->is_used && namespace_has_left(use->namespace, place->id))
        place_on_gone(use->owner, place->record, place);
}

/* ---- plans ---- */

static struct place *place_find(const struct tenant_sockets *sockets, struct slice text)
{
    for (uint32_t i = 0; i < sockets->place_count; i++) {
        if (slice_equal(slice_of(sockets->places[i].netns->text), text))
            return &sockets->places[i];
    }
    return NULL;
}

static void place_take(struct supervisor *supervisor, struct record *record, struct place *place)
{
    place->record = record;
    place->use = (struct namespace_use){.on_change = place_on_change, .owner = supervisor};
    namespace_take(&supervisor->namespaces, &place->use, place->netns);
}

void sockets_resume(struct supervisor *supervisor, struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.place_count; i++)
        place_take(supervisor, record, &record->sockets.places[i]);
}

static void place_leave(struct supervisor *supervisor, const struct record *record,
                        const struct place *place)
{
    const struct left what = {record->name, place->netns->text, place->id};

    if (place->is_used)
        sockets_say_stale(supervisor, &what, leavings_limit(supervisor));
    leaving_add_place(supervisor, record, place);
}

void sockets_adopt(struct supervisor *supervisor, struct record *record,
                   struct tenant_sockets *before)
{
    for (uint32_t i = 0; i < before->place_count; i++) {
        struct place *old = &before->places[i];
        struct place *place = place_find(&record->sockets, slice_of(old->netns->text));

        if (!place) {
            place_leave(supervisor, record, old);
            continue;
        }
        place->is_used = old->is_used;
        place->id = old->id;
        place->trouble = old->trouble;
        old->trouble = NULL;
    }
    for (uint32_t i = 0; i < record->sockets.place_count; i++) {
        struct place *place = &record->sockets.places[i];

        place_take(supervisor, record, place);
        if (!place->is_used)
            place->is_used = leaving_take_back(place->use.namespace, record, &place->id);
    }
}

void sockets_leave(struct supervisor *supervisor, const struct record *record)
{
    for (uint32_t i = 0; i < record->sockets.place_count; i++)
        place_leave(supervisor, record, &record->sockets.places[i]);
}

/* ---- making ---- */

struct sockets_batch {
    sa_family_t family;
    int sockets[IPC_DESCRIPTORS_MAX];
    unsigned count;
    int error; /* errno for which there are none */
};

/* Inside the namespace: nothing here may block, log or fork. */
static int sockets_make(void *argument)
{
    struct sockets_batch *batch = argument;

    while (batch->count < IPC_DESCRIPTORS_MAX) {
        int fd = socket_for(batch->family);

        if (fd < 0) {
            batch->error = errno;
            break;
        }
        batch->sockets[batch->count++] = fd;
    }
    return 0;
}

/* Closes the namespace's descriptor. */
static void sockets_make_in(struct supervisor *supervisor, int namespace,
                            struct sockets_batch *batch)
{
    if (netns_within(supervisor->namespaces.home, namespace, sockets_make, batch) < 0)
        batch->error = errno;
    else if (batch->count > 0)
        batch->error = 0;
    close(namespace);
}

/* Once per reason. NULL: there is none any more. */
static void place_tell(const struct record *record, struct place *place, const char *why)
{
    if (why && place->trouble && strcmp(place->trouble, why) == 0)
        return;
    if (why)
        log_notice("tenant %s: no sockets for servers in network namespace %s: %s", record->name,
                   place->netns->text, why);
    else if (place->trouble)
        log_notice("tenant %s: network namespace %s is there, its servers are used again",
                   record->name, place->netns->text);
    free(place->trouble);
    place->trouble = why ? memory_text(why) : NULL;
}

static void place_fill(struct supervisor *supervisor, const struct record *record,
                       struct place *place, struct sockets_batch *batch)
{
    enum netns_verdict verdict;
    struct netns_id id;
    char why[160];
    int fd;

    verdict = namespace_open(place->use.namespace, &fd, &id, why);
    if (verdict != NETNS_OPEN_OK) {
        batch->error = verdict == NETNS_OPEN_ABSENT ? ENOENT : EACCES;
        place_tell(record, place, why);
        return;
    }
    if (place->is_used && !netns_id_equal(place->id, id))
        place_on_gone(supervisor, record, place); /* between two looks */
    sockets_make_in(supervisor, fd, batch);
    if (batch->count == 0) {
        snprintf(why, sizeof(why), "cannot make one: %s", error_reason(batch->error));
        place_tell(record, place, why);
        return;
    }
    place_tell(record, place, NULL);
    place->id = id;
    place->is_used = true;
}

/* ---- asking ---- */

static bool worker_may_ask_now(const struct supervisor *supervisor, struct child *worker)
{
    double now = loop_now(&supervisor->loop);

    return ipc_channel_queued(worker->channel) < SOCKETS_QUEUED &&
           allowance_take(&worker->asking, now, SOCKETS_PER_SECOND, SOCKETS_AT_ONCE);
}

/* In a place of the plan in force, or in one that the tenant has left, for exchanges that began
 * before; and only for workers that may have some of that tenant. */
static void sockets_fill(struct supervisor *supervisor, const struct child *worker,
                         const struct ipc_sockets_ask *question, struct sockets_batch *batch)
{
    const struct record *record = registry_find(&supervisor->registry, question->tenant);
    bool has_served = record && worker_has_served(worker, record->served);
    struct place *place = has_served ? place_find(&record->sockets, question->netns) : NULL;
    int fd;

    if (place) {
        place_fill(supervisor, record, place, batch);
        return;
    }
    batch->error = leaving_open(supervisor, worker, question->tenant, question->netns, &fd);
    if (batch->error == 0)
        sockets_make_in(supervisor, fd, batch);
}

static void sockets_answer(struct child *worker, const struct ipc_sockets_ask *question,
                           const struct sockets_batch *batch)
{
    const struct ipc_sockets body = {question->tenant, question->netns, batch->family,
                                     batch->error};

    ipc_send_sockets(worker->channel, IPC_SOCKETS, &body,
                     &(struct ipc_attachments){batch->sockets, batch->count, NULL});
    for (unsigned i = 0; i < batch->count; i++)
        close(batch->sockets[i]);
}

int sockets_on_ask(struct supervisor *supervisor, struct child *worker, struct wire_reader *body)
{
    struct sockets_batch batch = {0};
    struct ipc_sockets_ask question;

    if (ipc_get_sockets_ask(body, &question) != 0)
        return ERROR_IPC;
    batch.family = question.family;
    if (!child_is_up(worker) || worker->has_ended)
        return 0;
    if (ipc_channel_queued(worker->channel) >= SOCKETS_QUEUED_MAX)
        return ERROR_IPC;
    if (!worker_may_ask_now(supervisor, worker))
        batch.error = EAGAIN;
    else
        sockets_fill(supervisor, worker, &question, &batch);
    admission_charge(worker, SOCKETS_COST * batch.count / IPC_DESCRIPTORS_MAX);
    sockets_answer(worker, &question, &batch);
    return 0;
}
