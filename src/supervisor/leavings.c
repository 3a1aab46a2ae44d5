/* SPDX-License-Identifier: MIT */
/* What a reload has left behind in namespaces, followed until nothing of it can run any more. */
#include "leavings_internal.h"

#include "bindings_internal.h"
#include "sockets_internal.h"
#include "workers_internal.h"

#include "base/container_of.h"
#include "base/memory.h"
#include "io/deadline.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct leaving {
    TAILQ_ENTRY(leaving) next;
    struct supervisor *supervisor;
    struct namespace_use use;
    struct deadline limit;
    enum ipc_message message;
    char *tenant;
    char *text;
    struct netns_id id;
    uint64_t served[TALLY_HALVES]; /* of a place: who may ask for sockets there */
    bool has_given;                /* of these since it was left */
    /* Freed at the limit, which is now: whoever tells of a namespace walks its uses. */
    bool is_over;
};

static struct leaving *leaving_of_use(struct namespace_use *use)
{
    return CONTAINER_OF(use, struct leaving, use);
}

static void leaving_free(struct leaving *leaving)
{
    TAILQ_REMOVE(&leaving->supervisor->leavings, leaving, next);
    deadline_stop(&leaving->limit);
    namespace_release(&leaving->use);
    free(leaving->tenant);
    free(leaving->text);
    free(leaving);
}

static void leaving_on_limit(struct deadline *limit)
{
    struct leaving *leaving = CONTAINER_OF(limit, struct leaving, limit);
    const struct left what = {leaving->tenant, leaving->text, leaving->id};

    if (leaving->has_given && !leaving->is_over)
        sockets_say_stale(leaving->supervisor, &what, 0);
    leaving_free(leaving);
}

uint32_t leavings_limit(const struct supervisor *supervisor)
{
    double seconds = supervisor->settings->model.worker_shutdown_timeout;

    return seconds < 4e6 ? (uint32_t)(seconds * 1000.) : UINT32_MAX - 1;
}

/* ---- when it goes ---- */

static void leaving_on_gone(struct supervisor *supervisor, struct leaving *leaving)
{
    const struct left what = {leaving->tenant, leaving->text, leaving->id};

    log_notice("tenant %s: network namespace %s is gone or another one, cutting what it has left "
               "there",
               leaving->tenant, leaving->use.namespace->text);
    if (leaving->message == IPC_LISTENER_CLOSE)
        bindings_say_close(supervisor, &what, UINT64_MAX, LEAVING_GRACE);
    else
        sockets_say_stale(supervisor, &what, LEAVING_GRACE);
    leaving->is_over = true;
    deadline_set(&leaving->limit, 0.);
}

static void leaving_on_change(struct namespace_use *use)
{
    struct leaving *leaving = leaving_of_use(use);

    if (!leaving->is_over && leaving->id.inode != 0 &&
        namespace_has_left(use->namespace, leaving->id))
        leaving_on_gone(use->owner, leaving);
}

/* ---- what is followed ---- */

static struct leaving *leaving_find(struct namespace *namespace, enum ipc_message message,
                                    struct slice tenant, struct slice text)
{
    struct namespace_use *use;

    LIST_FOREACH (use, &namespace->uses, next) {
        struct leaving *leaving = leaving_of_use(use);

        if (use->on_change == leaving_on_change && !leaving->is_over &&
            leaving->message == message && slice_equal(slice_of(leaving->tenant), tenant) &&
            slice_equal(slice_of(leaving->text), text))
            return leaving;
    }
    return NULL;
}

static struct leaving *leaving_new(struct supervisor *supervisor, enum ipc_message message,
                                   const struct left *what, const struct plan_netns *netns)
{
    struct leaving *leaving = memory_zeroed(1, sizeof(*leaving));

    leaving->supervisor = supervisor;
    leaving->message = message;
    leaving->tenant = memory_text(what->tenant);
    leaving->text = memory_text(what->text);
    leaving->use = (struct namespace_use){.on_change = leaving_on_change, .owner = supervisor};
    namespace_take(&supervisor->namespaces, &leaving->use, netns);
    deadline_init(&leaving->limit, &supervisor->loop, leaving_on_limit);
    TAILQ_INSERT_TAIL(&supervisor->leavings, leaving, next);
    return leaving;
}

static struct leaving *leaving_put(struct supervisor *supervisor, enum ipc_message message,
                                   const struct left *what, const struct plan_netns *netns)
{
    struct namespace *namespace = namespace_find(&supervisor->namespaces, slice_of(netns->text));
    struct leaving *leaving;

    assert(namespace); /* the tenant uses it still */
    leaving = leaving_find(namespace, message, slice_of(what->tenant), slice_of(what->text));
    if (!leaving || !netns_id_equal(leaving->id, what->id))
        leaving = leaving_new(supervisor, message, what, netns);
    leaving->id = what->id;
    deadline_set(&leaving->limit, leavings_limit(supervisor) / 1000.);
    return leaving;
}

void leaving_add(struct supervisor *supervisor, enum ipc_message message, const struct left *what,
                 const struct plan_netns *netns)
{
    if (netns->kind != NETNS_HOST)
        leaving_put(supervisor, message, what, netns);
}

/* ---- places of servers ---- */

void leaving_add_place(struct supervisor *supervisor, const struct record *record,
                       const struct place *place)
{
    const struct left what = {record->name, place->netns->text,
                              place->is_used ? place->id : (struct netns_id){0}};
    struct leaving *leaving = leaving_put(supervisor, IPC_SOCKETS_STALE, &what, place->netns);

    memcpy(leaving->served, record->served, sizeof(leaving->served));
}

static struct leaving *leaving_of_worker(const struct supervisor *supervisor,
                                         const struct child *worker, struct slice tenant,
                                         struct slice text)
{
    struct namespace *namespace = namespace_find(&supervisor->namespaces, text);
    struct leaving *leaving =
        namespace ? leaving_find(namespace, IPC_SOCKETS_STALE, tenant, text) : NULL;

    return leaving && worker_has_served(worker, leaving->served) ? leaving : NULL;
}

int leaving_open(struct supervisor *supervisor, const struct child *worker, struct slice tenant,
                 struct slice text, int *fd)
{
    struct leaving *leaving = leaving_of_worker(supervisor, worker, tenant, text);
    enum netns_verdict verdict;
    struct netns_id id;
    char why[160];

    if (!leaving)
        return ENOENT;
    verdict = namespace_open(leaving->use.namespace, fd, &id, why);
    if (verdict != NETNS_OPEN_OK)
        return verdict == NETNS_OPEN_ABSENT ? ENOENT : EACCES;
    if (leaving->id.inode != 0 && !netns_id_equal(leaving->id, id)) {
        close(*fd);
        return ENOENT;
    }
    leaving->id = id;
    leaving->has_given = true;
    return 0;
}

bool leaving_take_back(struct namespace *namespace, struct record *record, struct netns_id *id)
{
    struct leaving *leaving = leaving_find(namespace, IPC_SOCKETS_STALE, slice_of(record->name),
                                           slice_of(namespace->text));

    if (!leaving)
        return false;
    *id = leaving->id;
    for (unsigned half = 0; half < TALLY_HALVES; half++)
        record->served[half] |= leaving->served[half];
    leaving_free(leaving); /* the caller uses the namespace too */
    return id->inode != 0;
}

void leavings_on_death(struct supervisor *supervisor, const struct child *worker)
{
    struct leaving *leaving;

    TAILQ_FOREACH (leaving, &supervisor->leavings, next)
        leaving->served[worker->half] &= ~worker_bit(worker);
}

/* ---- life ---- */

void leavings_init(struct supervisor *supervisor)
{
    TAILQ_INIT(&supervisor->leavings);
}

void leavings_free(struct supervisor *supervisor)
{
    struct leaving *leaving;

    while ((leaving = TAILQ_FIRST(&supervisor->leavings)))
        leaving_free(leaving);
}
