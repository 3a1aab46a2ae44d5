/* SPDX-License-Identifier: MIT */
/* The observer's listening sockets: bound by who may, kept over the observer's deaths. */
#include "observing/observing.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/error.h"
#include "base/log.h"
#include "base/memory.h"
#include "control/listen.h"
#include "io/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OBSERVING_BACKLOG 128
#define OBSERVING_AGAIN   0.25 /* seconds until what could not be bound is tried again */
#define OBSERVING_PATIENT                                                                          \
    1.0 /* seconds of that until it is told: who was there before may just go */

struct observing_place {
    TAILQ_ENTRY(observing_place) next;
    struct address address;
    char *text;
    char *names;             /* as OBSERVE has them */
    int fd;                  /* -1: it could not be bound yet */
    struct listen_name name; /* of a Unix socket */
    double since;            /* loop_now() of the first try */
    bool is_told;            /* that it cannot be bound */
    bool is_kept;            /* by the settings that are being followed */
};

/* ---- binding ---- */

static bool place_bind(struct observing *observing, struct observing_place *place)
{
    const struct socket_listen_options options = {OBSERVING_BACKLOG, true};
    const struct listen_options local = {0111, OBSERVING_BACKLOG}; /* as to an address */
    double now = loop_now(observing->children->loop);
    const char *call = "";

    place->fd = place->address.any.sa_family == AF_UNIX
                    ? listen_local(place->address.local.sun_path, &local, &place->name)
                    : socket_listen(&place->address, &options, &call);
    if (place->fd >= 0) {
        log_notice("observing at %s", place->text);
        return true;
    }
    if (!place->is_told && (now - place->since >= OBSERVING_PATIENT || errno != EADDRINUSE)) {
        log_error("cannot observe at %s: %s; it is tried again", place->text, error_reason(errno));
        place->is_told = true;
    }
    return false;
}

/* ---- what the observer is told ---- */

static void place_send(const struct observing *observing, const struct observing_place *place)
{
    const struct child *observer = &observing->children->observer;
    const struct ipc_observe body = {slice_of(place->text), slice_of(place->names)};

    if (child_is_up(observer) && place->fd >= 0)
        ipc_send_observe(observer->channel, IPC_OBSERVE, &body,
                         &(struct ipc_attachments){&place->fd, 1, NULL});
}

static void observing_send_figures(struct observing *observing, uint32_t source)
{
    const struct figures *figures = &observing->children->figures;
    int fd = figures->fds[source] < 0 ? -1 : figures_share(figures, source);

    if (fd < 0 && figures->fds[source] >= 0) { /* it is tried again */
        log_error("the observer cannot be given figures: %s", strerror(errno));
        return;
    }
    ipc_send_figures(observing->children->observer.channel, IPC_FIGURES,
                     &(struct ipc_figures){source},
                     fd < 0 ? NULL : &(struct ipc_attachments){&fd, 1, NULL});
    descriptor_close(fd);
    observing->shown[source] = figures->serials[source];
}

/* The board, by which the others count, is the last one. */
void observing_share(struct observing *observing)
{
    if (!child_is_up(&observing->children->observer) || TAILQ_EMPTY(&observing->places))
        return;
    for (uint32_t i = 0; i < METRICS_SOURCES; i++) {
        if (observing->shown[i] != observing->children->figures.serials[i])
            observing_send_figures(observing, i);
    }
}

void observing_on_start(struct observing *observing)
{
    struct observing_place *place;

    memset(observing->shown, 0, sizeof(observing->shown));
    observing_share(observing);
    TAILQ_FOREACH (place, &observing->places, next)
        place_send(observing, place);
}

static void observing_bind(struct observing *observing)
{
    struct observing_place *place;
    bool is_lacking = false;

    TAILQ_FOREACH (place, &observing->places, next) {
        if (place->fd >= 0)
            continue;
        if (place_bind(observing, place))
            place_send(observing, place);
        else
            is_lacking = true;
    }
    if (is_lacking)
        deadline_set(&observing->again, OBSERVING_AGAIN);
    else
        deadline_clear(&observing->again);
}

static void observing_on_again(struct deadline *again)
{
    observing_bind(CONTAINER_OF(again, struct observing, again));
}

/* ---- following the settings ---- */

static void place_free(struct observing *observing, struct observing_place *place)
{
    if (place->fd >= 0 && place->address.any.sa_family == AF_UNIX)
        listen_name_remove(place->address.local.sun_path, &place->name);
    descriptor_close(place->fd);
    TAILQ_REMOVE(&observing->places, place, next);
    free(place->text);
    free(place->names);
    free(place);
}

static char *observing_names(const struct config_observe *observe)
{
    struct arena arena;
    struct slice names = SLICE("");
    char *text;

    arena_init(&arena, 256);
    for (uint32_t i = 0; i < observe->name_count; i++)
        names =
            arena_printf(&arena, "%.*s %.*s", SLICE_PRINTF(names), SLICE_PRINTF(observe->names[i]));
    text = memory_slice_text(names);
    arena_free(&arena);
    return text;
}

static struct observing_place *observing_find(const struct observing *observing, struct slice text)
{
    struct observing_place *place;

    TAILQ_FOREACH (place, &observing->places, next) {
        if (slice_equal(slice_of(place->text), text))
            return place;
    }
    return NULL;
}

static void observing_keep(struct observing *observing, const struct config_observe *observe)
{
    struct observing_place *place = observing_find(observing, observe->text);
    char *names = observing_names(observe);

    if (!place) {
        place = memory_zeroed(1, sizeof(*place));
        place->address = observe->address;
        place->text = memory_slice_text(observe->text);
        place->fd = -1;
        place->since = loop_now(observing->children->loop);
        TAILQ_INSERT_TAIL(&observing->places, place, next);
    }
    place->is_kept = true;
    if (place->names && strcmp(place->names, names) == 0) {
        free(names);
        return;
    }
    free(place->names);
    place->names = names;
    place_send(observing, place);
}

static void observing_drop_rest(struct observing *observing)
{
    const struct child *observer = &observing->children->observer;
    struct observing_place *place, *next;

    for (place = TAILQ_FIRST(&observing->places); place; place = next) {
        next = TAILQ_NEXT(place, next);
        if (!place->is_kept) {
            if (child_is_up(observer))
                ipc_send_observe(observer->channel, IPC_OBSERVE_CLOSE,
                                 &(struct ipc_observe){slice_of(place->text), SLICE("")}, NULL);
            place_free(observing, place);
        } else {
            place->is_kept = false;
        }
    }
}

bool observing_is_wanted(const struct observing *observing)
{
    return !observing->is_over &&
           (!TAILQ_EMPTY(&observing->places) || access_logs_are_there(observing->logs));
}

void observing_look(struct observing *observing)
{
    struct child *observer = &observing->children->observer;

    if (!observing_is_wanted(observing) && child_is_up(observer))
        child_dismiss(observer);
    else if (observing_is_wanted(observing) && observer->pid == 0 &&
             !deadline_is_set(&observer->timer) && !observer->is_stopping)
        child_start(observer);
}

void observing_follow(struct observing *observing, const struct settings *settings)
{
    for (uint32_t i = 0; i < settings->model.observe_count; i++)
        observing_keep(observing, &settings->model.observes[i]);
    observing_drop_rest(observing);
    observing_share(observing); /* before who asks for them */
    observing_bind(observing);
    observing_look(observing);
}

/* ---- life ---- */

void observing_stop(struct observing *observing)
{
    observing->is_over = true;
    deadline_stop(&observing->again);
}

void observing_init(struct observing *observing, struct children *children,
                    const struct access_logs *logs)
{
    *observing = (struct observing){.children = children, .logs = logs};
    TAILQ_INIT(&observing->places);
    deadline_init(&observing->again, children->loop, observing_on_again);
}

void observing_free(struct observing *observing)
{
    observing_stop(observing);
    while (!TAILQ_EMPTY(&observing->places))
        place_free(observing, TAILQ_FIRST(&observing->places));
}
