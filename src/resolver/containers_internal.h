/* SPDX-License-Identifier: MIT */
/* Containers by name: asked of the engine, and followed by its events. */
#ifndef RESOLVER_CONTAINERS_INTERNAL_H
#define RESOLVER_CONTAINERS_INTERNAL_H

#include "container_json_internal.h"
#include "engine_internal.h"
#include "json_split_internal.h"

/* What is known of one; valid during the callback. */
struct container_report {
    const char *name;
    uint32_t pid;        /* 0: it does not run, or is not there */
    const char *sandbox; /* its namespace's path as the engine has it, or empty */
    const char *reason;  /* why there is neither; else empty */
};

struct container;

/* Embedded by its owner. */
struct containers {
    struct engine engine;
    /* Whenever what is known of one changes, the first time as soon as something is. */
    void (*on_report)(void *owner, const struct container_report *report);
    void *owner;
    struct container *by_name;
    unsigned count;
    TAILQ_HEAD(, container) all; /* the one that was asked for longest ago first */
    TAILQ_HEAD(container_queue, container) due;
    unsigned asking; /* questions on the way */
    struct engine_call events;
    struct json_split split;
    bool is_listening;         /* the events come: what is known stays true */
    double listening_since;    /* loop_now() */
    unsigned failures;         /* of listening, in a row */
    char trouble[ENGINE_TEXT]; /* why the engine cannot be asked; empty: it can, or was not */
    struct deadline reconnect;
    struct deadline backstop; /* for what no event tells */
    struct deadline again;    /* for questions that failed */
    struct deadline pace;     /* for those that were due too soon */
};

void containers_init(struct containers *containers, struct loop *loop,
                     void (*want_connection)(void *owner),
                     void (*on_report)(void *owner, const struct container_report *report),
                     void *owner);
void containers_free(struct containers *containers);

/* name: config_container_name_is_valid. One that is followed already is reported again. */
void containers_follow(struct containers *containers, struct slice name);
void containers_forget(struct containers *containers, struct slice name);

#endif
