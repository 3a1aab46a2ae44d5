/* SPDX-License-Identifier: MIT */
/* Followed containers, with the test as their engine. */
#include "followed.h"

#include <criterion/criterion.h>
#include <stdio.h>

static void on_report(void *owner, const struct container_report *report)
{
    struct followed *followed = (struct followed *)owner; /* the rig comes first */
    snprintf(followed->name, sizeof(followed->name), "%s", report->name);
    snprintf(followed->sandbox, sizeof(followed->sandbox), "%s", report->sandbox);
    snprintf(followed->reason, sizeof(followed->reason), "%s", report->reason);
    followed->last =
        (struct container_report){followed->name, report->pid, followed->sandbox, followed->reason};
    followed->count++;
}

void followed_init(struct followed *followed)
{
    *followed = (struct followed){0};
    engine_rig_start(&followed->rig);
    containers_init(&followed->containers, &followed->rig.loop, engine_rig_want, on_report,
                    &followed->rig);
    followed->rig.engine = &followed->containers.engine;
}

void followed_start(struct followed *followed, const char *name)
{
    char request[1024];
    followed_init(followed);
    containers_follow(&followed->containers, slice_of(name));
    engine_rig_request(&followed->rig, 0, request);
    cr_assert(strstr(request, "GET /events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D "));
    engine_rig_send(&followed->rig, 0, RIG_OK);
    engine_rig_until(&followed->rig, followed->containers.is_listening);
}

void followed_stop(struct followed *followed)
{
    containers_free(&followed->containers);
    engine_rig_turn(&followed->rig);
    engine_rig_stop(&followed->rig);
}

void followed_event(struct followed *followed, const char *action, const char *name)
{
    char text[512];
    snprintf(text, sizeof(text),
             "{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"77aa\",\"Attributes\":{"
             "\"name\":\"%s\"}}}\n",
             action, name);
    engine_rig_chunk(&followed->rig, 0, text);
}
