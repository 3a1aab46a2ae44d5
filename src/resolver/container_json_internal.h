/* SPDX-License-Identifier: MIT */
/* What is read in a container engine's JSON; the only file that knows Jansson is container_json.c.
 */
#ifndef RESOLVER_CONTAINER_JSON_INTERNAL_H
#define RESOLVER_CONTAINER_JSON_INTERNAL_H

#include "base/error.h"
#include "base/slice.h"

#define CONTAINER_ID      65  /* 64 hexadecimal digits */
#define CONTAINER_NAME    256 /* bytes of a name, its NUL counted */
#define CONTAINER_SANDBOX 256 /* bytes of a path, its NUL counted */
#define CONTAINER_STATUS  32

/* GET /containers/NAME/json. What is absent or longer than its room is empty. */
struct container_facts {
    char id[CONTAINER_ID];
    char status[CONTAINER_STATUS];   /* one word: "exited" */
    uint32_t pid;                    /* 0: it does not run */
    char sandbox[CONTAINER_SANDBOX]; /* an absolute path without "..", only of one that runs */
};

/* json: one object. Returns 0, or ERROR_RESPONSE when it is none or says nothing of a state. */
int container_facts_parse(struct slice json, struct container_facts *facts);

enum container_change {
    CONTAINER_UNCHANGED,  /* nothing that matters: another kind of object, a health check */
    CONTAINER_MAY_DIFFER, /* its process came or went */
    CONTAINER_RENAMED     /* who has which name must be asked anew */
};

/* One object of GET /events. */
struct container_event {
    enum container_change change;
    char id[CONTAINER_ID];
    char name[CONTAINER_NAME];
};

/* Returns 0, or ERROR_RESPONSE when it is no JSON object. */
int container_event_parse(struct slice json, struct container_event *event);

#endif
