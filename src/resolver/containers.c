/* SPDX-License-Identifier: MIT */
/* Follows containers: what the engine's events touch is asked for again. */
#include "container_internal.h"

#include "base/container_of.h"
#include "base/log.h"

#define EVENTS_TARGET "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D"

#define EVENT_MOST (64 * 1024) /* bytes of one event */

/* Seconds. */
#define RECONNECT_FIRST  0.1
#define RECONNECT_ABSENT 0.8  /* at most: one that appears is asked within one second */
#define RECONNECT_BROKEN 5.0  /* at most: one that is there and does not work */
#define LISTENING_WORKS  5.0  /* events that came for so long were no failure */
#define BACKSTOP         30.0 /* in which every container is asked for again */
#define BACKSTOP_LEAST   0.1  /* between two of them */

/* ---- listening ---- */

static void containers_want_all(struct containers *containers)
{
    struct container *container;

    for (container = containers->by_name; container; container = container->hh.next)
        container_want(container);
    container_ask_due(containers);
}

static struct containers *containers_of(struct engine_call *call)
{
    return CONTAINER_OF(call, struct containers, events);
}

static void backstop_set(struct containers *containers)
{
    double seconds = BACKSTOP / containers->count;

    deadline_set(&containers->backstop, seconds > BACKSTOP_LEAST ? seconds : BACKSTOP_LEAST);
}

/* Whatever happened before is in the answers, whatever comes later in the events. */
static void on_events_open(struct engine_call *call)
{
    struct containers *containers = containers_of(call);

    if (containers->trouble[0])
        log_notice("the container engine answers");
    containers->is_listening = true;
    containers->listening_since = loop_now(containers->engine.loop);
    containers->trouble[0] = '\0';
    backstop_set(containers);
    containers_want_all(containers);
}

/* The engine takes a name, an id or the beginning of one for a container's name. */
static bool is_about(const struct container_event *event, const struct container *container)
{
    return strcmp(event->name, container->name) == 0 ||
           (event->id[0] && (strcmp(event->id, container->facts.id) == 0 ||
                             strncmp(event->id, container->name, strlen(container->name)) == 0));
}

static void containers_on_event(struct containers *containers, const struct container_event *event)
{
    struct container *container;

    if (event->change == CONTAINER_UNCHANGED)
        return;
    for (container = containers->by_name; container; container = container->hh.next) {
        if (event->change == CONTAINER_RENAMED || is_about(event, container))
            container_want(container);
    }
}

static int on_events_body(struct engine_call *call, struct chain *body)
{
    struct containers *containers = containers_of(call);
    struct container_event event;
    struct slice object;
    int result;

    while ((result = json_split_next(&containers->split, body, &object)) == 1) {
        result = container_event_parse(object, &event);
        if (result != 0)
            return result;
        containers_on_event(containers, &event);
    }
    container_ask_due(containers);
    return result;
}

static void reconnect_set(struct containers *containers, bool is_absent)
{
    double most = is_absent ? RECONNECT_ABSENT : RECONNECT_BROKEN;
    double seconds = RECONNECT_FIRST;

    for (unsigned i = 0; i < containers->failures && seconds < most; i++)
        seconds *= 2;
    deadline_set(&containers->reconnect, seconds < most ? seconds : most);
}

static void containers_learn_trouble(struct containers *containers)
{
    struct container *container;

    for (container = containers->by_name; container; container = container->hh.next)
        container_learn_trouble(container, containers->trouble);
}

/* One that is there but has no events (a proxy may refuse them, or hold them back) can still be
 * asked now and then. */
static void on_events_end(struct engine_call *call, const struct engine_outcome *outcome)
{
    struct containers *containers = containers_of(call);
    bool was_troubled;

    if (containers->is_listening &&
        loop_now(containers->engine.loop) - containers->listening_since >= LISTENING_WORKS)
        containers->failures = 0;
    containers->is_listening = false;
    json_split_reset(&containers->split);
    deadline_clear(&containers->backstop);
    was_troubled = containers->trouble[0] != '\0';
    engine_describe(outcome, containers->trouble);
    if (!was_troubled)
        log_notice("containers cannot be followed: %s", containers->trouble);
    reconnect_set(containers, outcome->is_absent);
    containers->failures++;
    if (outcome->is_absent || outcome->status == 200)
        containers_learn_trouble(containers);
    else
        containers_want_all(containers);
}

static const struct engine_events events_events = {
    .on_open = on_events_open, .on_body = on_events_body, .on_end = on_events_end};

static void containers_listen(struct containers *containers)
{
    engine_get(&containers->engine, &containers->events, EVENTS_TARGET, &events_events);
}

/* ---- time ---- */

static void on_reconnect(struct deadline *deadline)
{
    containers_listen(CONTAINER_OF(deadline, struct containers, reconnect));
}

static void on_backstop(struct deadline *deadline)
{
    struct containers *containers = CONTAINER_OF(deadline, struct containers, backstop);

    container_want(TAILQ_FIRST(&containers->all));
    backstop_set(containers);
    container_ask_due(containers);
}

static void on_again(struct deadline *deadline)
{
    struct containers *containers = CONTAINER_OF(deadline, struct containers, again);
    struct container *container;

    if (!containers->is_listening)
        return; /* all are asked for when it is reached again */
    for (container = containers->by_name; container; container = container->hh.next) {
        if (container->has_failed)
            container_want(container);
    }
    container_ask_due(containers);
}

static void on_pace(struct deadline *deadline)
{
    container_ask_due(CONTAINER_OF(deadline, struct containers, pace));
}

/* ---- whom to follow ---- */

void containers_follow(struct containers *containers, struct slice name)
{
    struct container *container;

    HASH_FIND(hh, containers->by_name, name.data, name.len, container);
    if (container) {
        if (container->is_told)
            container_tell(container);
    } else {
        container = container_new(containers, name);
    }
    if (containers->is_listening) {
        container_want(container);
        container_ask_due(containers);
    } else if (containers->trouble[0]) {
        container_learn_trouble(container, containers->trouble);
    } else if (!engine_is_busy(&containers->events)) {
        containers_listen(containers);
    }
}

/* Nobody is followed: nothing is asked. */
static void containers_rest(struct containers *containers)
{
    engine_cancel(&containers->events);
    json_split_free(&containers->split);
    deadline_clear(&containers->reconnect);
    deadline_clear(&containers->backstop);
    deadline_clear(&containers->again);
    deadline_clear(&containers->pace);
    containers->is_listening = false;
    containers->failures = 0;
    containers->trouble[0] = '\0';
}

void containers_forget(struct containers *containers, struct slice name)
{
    struct container *container;

    HASH_FIND(hh, containers->by_name, name.data, name.len, container);
    if (!container)
        return;
    container_free(container);
    if (containers->count == 0)
        containers_rest(containers);
    else
        container_ask_due(containers);
}

void containers_init(struct containers *containers, struct loop *loop,
                     void (*want_connection)(void *owner),
                     void (*on_report)(void *owner, const struct container_report *report),
                     void *owner)
{
    *containers = (struct containers){.on_report = on_report, .owner = owner};
    engine_init(&containers->engine, loop, want_connection, owner);
    TAILQ_INIT(&containers->all);
    TAILQ_INIT(&containers->due);
    containers->events.is_endless = true;
    json_split_init(&containers->split, EVENT_MOST);
    deadline_init(&containers->reconnect, loop, on_reconnect);
    deadline_init(&containers->backstop, loop, on_backstop);
    deadline_init(&containers->again, loop, on_again);
    deadline_init(&containers->pace, loop, on_pace);
}

void containers_free(struct containers *containers)
{
    while (containers->by_name)
        container_free(containers->by_name);
    containers_rest(containers);
    deadline_stop(&containers->reconnect);
    deadline_stop(&containers->backstop);
    deadline_stop(&containers->again);
    deadline_stop(&containers->pace);
}
