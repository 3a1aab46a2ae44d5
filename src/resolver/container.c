/* SPDX-License-Identifier: MIT */
/* Asks the engine for one container and tells what is new. */
#include "container_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MOST (1024 * 1024) /* bytes of what is said of one container */
#define ASKING_MOST 8             /* at once: an engine that is stopping one answers late for it */
#define ASK_AGAIN   1.0           /* seconds after an answer that was none */
#define PAUSE_LEAST 0.1           /* seconds between two questions for one */
#define PAUSE_MOST  0.8           /* so that one that starts is found within a second */

/* ---- what is known ---- */

void container_tell(struct container *container)
{
    const struct container_report report = {container->name, container->facts.pid,
                                            container->facts.sandbox, container->reason};

    container->is_told = true;
    container->containers->on_report(container->containers->owner, &report);
}

/* Told when it is new. */
static void container_learn(struct container *container, const struct container_facts *facts,
                            const char *reason)
{
    bool is_same = container->is_told && container->facts.pid == facts->pid &&
                   strcmp(container->facts.sandbox, facts->sandbox) == 0 &&
                   strcmp(container->reason, reason) == 0;

    container->facts = *facts;
    snprintf(container->reason, sizeof(container->reason), "%s", reason);
    if (!is_same)
        container_tell(container);
}

static void container_learn_nothing(struct container *container, const char *reason)
{
    const struct container_facts none = {0};

    container_learn(container, &none, reason);
}

static void container_learn_facts(struct container *container, const struct container_facts *facts)
{
    char reason[CONTAINER_STATUS + 64] = "";

    if (facts->pid == 0 && facts->sandbox[0] == '\0')
        snprintf(reason, sizeof(reason), "the container does not run%s%s%s",
                 facts->status[0] ? " (" : "", facts->status, facts->status[0] ? ")" : "");
    container_learn(container, facts, reason);
}

void container_learn_trouble(struct container *container, const char *trouble)
{
    if (!container->is_told || container->reason[0])
        container_learn_nothing(container, trouble);
}

/* ---- asking for one ---- */

static struct container *container_of(struct engine_call *call)
{
    return CONTAINER_OF(call, struct container, call);
}

static int container_on_body(struct engine_call *call, struct chain *body)
{
    struct container *container = container_of(call);
    struct slice object;

    while (body->len > 0) {
        int result = json_split_next(&container->split, body, &object);

        if (result == 1 && container->has_answer)
            return ERROR_RESPONSE;
        if (result == 1) {
            container->has_answer = true;
            result = container_facts_parse(object, &container->answer);
        }
        if (result < 0)
            return result;
    }
    return 0;
}

static void container_on_end(struct engine_call *call, const struct engine_outcome *outcome)
{
    struct container *container = container_of(call);
    struct containers *containers = container->containers;
    char text[ENGINE_TEXT];

    containers->asking--;
    json_split_free(&container->split);
    if (outcome->status == 404) {
        container_learn_nothing(container, "there is no such container");
    } else if (outcome->status == 200 && !outcome->what && container->has_answer) {
        container_learn_facts(container, &container->answer);
    } else {
        engine_describe(outcome, text);
        container_learn_trouble(container, text);
        container->has_failed = true;
        if (!deadline_is_set(&containers->again))
            deadline_set(&containers->again, ASK_AGAIN);
    }
    container_ask_due(containers);
}

static const struct engine_events container_events = {.on_body = container_on_body,
                                                      .on_end = container_on_end};

static void container_ask(struct container *container)
{
    struct containers *containers = container->containers;

    container->asked_at = loop_now(containers->engine.loop);
    TAILQ_REMOVE(&containers->due, container, next_due);
    TAILQ_REMOVE(&containers->all, container, next);
    TAILQ_INSERT_TAIL(&containers->all, container, next);
    container->is_due = false;
    container->has_answer = false;
    container->has_failed = false;
    json_split_init(&container->split, ANSWER_MOST);
    containers->asking++;
    engine_get(&containers->engine, &container->call, container->target, &container_events);
}

/* Seconds until it may be asked for; the pause grows for who has to wait, and is short again for
 * who had not to. */
static double container_wait(struct container *container)
{
    double passed = loop_now(container->containers->engine.loop) - container->asked_at;

    if (container->asked_at > 0 && passed < container->pause) {
        container->was_held = true;
        return container->pause - passed;
    }
    if (!container->was_held) {
        container->pause = PAUSE_LEAST;
    } else if (container->pause < PAUSE_MOST) {
        container->pause *= 2;
        if (container->pause >= PAUSE_MOST)
            log_notice("container %s changes all the time: it is asked for every %.1f s only",
                       container->name, PAUSE_MOST);
    }
    container->was_held = false;
    return 0;
}

/* One that is being asked for, and may have changed since, stays due. */
void container_ask_due(struct containers *containers)
{
    struct container *container = TAILQ_FIRST(&containers->due);
    double wait, soonest = PAUSE_MOST;
    bool someone_waits = false;

    while (container && containers->asking < ASKING_MOST) {
        struct container *next = TAILQ_NEXT(container, next_due);

        if (!engine_is_busy(&container->call)) {
            wait = container_wait(container);
            if (wait == 0)
                container_ask(container);
            else if (wait < soonest)
                soonest = wait;
            someone_waits = someone_waits || wait > 0;
        }
        container = next;
    }
    if (someone_waits)
        deadline_set(&containers->pace, soonest);
}

void container_want(struct container *container)
{
    if (container->is_due)
        return;
    container->is_due = true;
    TAILQ_INSERT_TAIL(&container->containers->due, container, next_due);
}

/* ---- life ---- */

struct container *container_new(struct containers *containers, struct slice name)
{
    struct container *container = memory_zeroed(1, sizeof(*container) + name.len + 1);

    container->containers = containers;
    memcpy(container->name, name.data, name.len);
    snprintf(container->target, sizeof(container->target), "/containers/%s/json", container->name);
    HASH_ADD_KEYPTR(hh, containers->by_name, container->name, (unsigned)name.len, container);
    TAILQ_INSERT_TAIL(&containers->all, container, next);
    containers->count++;
    return container;
}

void container_free(struct container *container)
{
    struct containers *containers = container->containers;

    if (engine_is_busy(&container->call))
        containers->asking--;
    engine_cancel(&container->call);
    json_split_free(&container->split);
    if (container->is_due)
        TAILQ_REMOVE(&containers->due, container, next_due);
    TAILQ_REMOVE(&containers->all, container, next);
    HASH_DEL(containers->by_name, container);
    containers->count--;
    free(container);
}
