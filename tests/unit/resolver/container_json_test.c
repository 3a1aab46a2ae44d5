/* SPDX-License-Identifier: MIT */
/* An engine's words: what Docker and podman say, and what none should. */
#include "resolver/container_json_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const char PODMAN[] =
    "{\"Id\":\"2805ed6cefd53e330b9b28b4d7906aedf6508adb63076613d99d6eee7f68302a\","
    "\"State\":{\"Status\":\"running\",\"Running\":true,\"Paused\":false,\"Pid\":7712,"
    "\"Health\":{\"Log\":null}},\"Name\":\"/web\",\"NetworkSettings\":{\"SandboxID\":\"\","
    "\"SandboxKey\":\"\"}}";

static const char DOCKER[] =
    "{\"Id\":\"0123\",\"State\":{\"Status\":\"running\",\"Running\":true,\"Pid\":19},"
    "\"NetworkSettings\":{\"SandboxKey\":\"/var/run/docker/netns/0a1b\"}}";

Test(container_json, one_that_runs)
{
    struct container_facts facts;
    cr_assert_eq(container_facts_parse(slice_of(PODMAN), &facts), 0);
    cr_expect_eq(facts.pid, 7712);
    cr_expect_str_eq(facts.id, "2805ed6cefd53e330b9b28b4d7906aedf6508adb63076613d99d6eee7f68302a");
    cr_expect_str_eq(facts.status, "running");
    cr_expect_str_empty(facts.sandbox);
    cr_assert_eq(container_facts_parse(slice_of(DOCKER), &facts), 0);
    cr_expect_eq(facts.pid, 19);
    cr_expect_str_eq(facts.sandbox, "/var/run/docker/netns/0a1b");
}

Test(container_json, one_that_does_not)
{
    struct container_facts facts;
    cr_assert_eq(container_facts_parse(
                     SLICE("{\"State\":{\"Status\":\"exited\",\"Running\":false,\"Pid\":5},"
                           "\"NetworkSettings\":{\"SandboxKey\":\"/var/run/docker/netns/x\"}}"),
                     &facts),
                 0);
    cr_expect_eq(facts.pid, 0);
    cr_expect_str_empty(facts.sandbox);
    cr_expect_str_eq(facts.status, "exited");
}

/* Each is taken for nothing, or refused, but never for something else. */
Test(container_json, lies)
{
    static const struct {
        const char *state;
        uint32_t pid;
    } pids[] = {{"\"Running\":true,\"Pid\":-1", 0},
                {"\"Running\":true,\"Pid\":4194305", 0},
                {"\"Running\":true,\"Pid\":4194304", 4194304},
                {"\"Running\":true,\"Pid\":\"17\"", 0},
                {"\"Running\":true,\"Pid\":17.5", 0},
                {"\"Running\":true,\"Pid\":4294967313", 0},
                {"\"Running\":\"true\",\"Pid\":17", 0},
                {"\"Running\":1,\"Pid\":17", 0},
                {"\"Pid\":17", 0},
                {"", 0}};
    struct container_facts facts;
    char text[256];
    for (size_t i = 0; i < sizeof(pids) / sizeof(pids[0]); i++) {
        snprintf(text, sizeof(text), "{\"State\":{%s}}", pids[i].state);
        cr_expect_eq(container_facts_parse(slice_of(text), &facts), 0, "%s", text);
        cr_expect_eq(facts.pid, pids[i].pid, "%s", text);
    }
}

Test(container_json, paths_that_are_not_taken)
{
    static const char *const wrong[] = {"relative",  "/run/../etc", "/run/netns/..",  "/a\\nb",
                                        "/a\\u007f", "/../proc",    "/run/netns/../x"};
    static const char *const right[] = {"/run/netns/a..b", "/run/netns/netns-0a", "/a/...", "/..a"};
    struct container_facts facts;
    char text[512];
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"State\":{\"Running\":true,\"Pid\":1},\"NetworkSettings\":{"
                 "\"SandboxKey\":\"%s\"}}",
                 wrong[i]);
        cr_expect_eq(container_facts_parse(slice_of(text), &facts), 0, "%s", wrong[i]);
        cr_expect_str_empty(facts.sandbox, "%s", wrong[i]);
        cr_expect_eq(facts.pid, 1);
    }
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"State\":{\"Running\":true},\"NetworkSettings\":{\"SandboxKey\":\"%s\"}}",
                 right[i]);
        cr_expect_eq(container_facts_parse(slice_of(text), &facts), 0, "%s", right[i]);
        cr_expect_str_eq(facts.sandbox, right[i]);
    }
}

Test(container_json, what_does_not_fit_is_not_cut)
{
    struct container_facts facts;
    char text[1024], path[CONTAINER_SANDBOX + 1] = "/";
    memset(path + 1, 'a', sizeof(path) - 2);
    snprintf(text, sizeof(text),
             "{\"Id\":\"%s\",\"State\":{\"Status\":\"%.40s\",\"Running\":true},"
             "\"NetworkSettings\":{\"SandboxKey\":\"%s\"}}",
             path, path + 1, path);
    cr_assert_eq(container_facts_parse(slice_of(text), &facts), 0);
    cr_expect_str_empty(facts.id);
    cr_expect_str_empty(facts.status);
    cr_expect_str_empty(facts.sandbox);
}

Test(container_json, no_answer)
{
    static const char *const wrong[] = {
        "",
        "{",
        "[]",
        "{}",
        "{\"State\":1}",
        "{\"State\":{\"Pid\":1,\"Pid\":2}}",
        "{\"State\":{\"Status\":\"\\u0000\"}}",
        "{\"State\":{\"Status\":\"\xff\"}}",
        "{\"message\":\"no such container\"}",
    };
    struct container_facts facts;
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        cr_expect_eq(container_facts_parse(slice_of(wrong[i]), &facts), ERROR_RESPONSE, "%s",
                     wrong[i]);
        cr_expect_eq(facts.pid, 0);
    }
}

Test(container_json, a_status_is_one_word)
{
    struct container_facts facts;
    cr_assert_eq(container_facts_parse(SLICE("{\"State\":{\"Status\":\"a b\"}}"), &facts), 0);
    cr_expect_str_empty(facts.status);
}

Test(container_json, events)
{
    static const struct {
        const char *type, *action;
        enum container_change change;
    } events[] = {{"container", "start", CONTAINER_MAY_DIFFER},
                  {"container", "restart", CONTAINER_MAY_DIFFER},
                  {"container", "die", CONTAINER_MAY_DIFFER},
                  {"container", "died", CONTAINER_MAY_DIFFER},
                  {"container", "destroy", CONTAINER_MAY_DIFFER},
                  {"container", "remove", CONTAINER_MAY_DIFFER},
                  {"container", "rename", CONTAINER_RENAMED},
                  {"container", "exec_start: /bin/sh", CONTAINER_UNCHANGED},
                  {"container", "health_status: healthy", CONTAINER_UNCHANGED},
                  {"container", "", CONTAINER_UNCHANGED},
                  {"image", "start", CONTAINER_UNCHANGED}};
    struct container_event event;
    char text[256];
    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
        snprintf(text, sizeof(text),
                 "{\"Type\":\"%s\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"77\",\"Attributes\":"
                 "{\"name\":\"web\"}}}",
                 events[i].type, events[i].action);
        cr_assert_eq(container_event_parse(slice_of(text), &event), 0, "%s", text);
        cr_expect_eq(event.change, events[i].change, "%s", text);
        if (events[i].change != CONTAINER_UNCHANGED) {
            cr_expect_str_eq(event.id, "77");
            cr_expect_str_eq(event.name, "web");
        }
    }
}

Test(container_json, events_that_are_none)
{
    struct container_event event;
    cr_expect_eq(container_event_parse(SLICE("{\"Type\":"), &event), ERROR_RESPONSE);
    cr_expect_eq(container_event_parse(SLICE("[]"), &event), ERROR_RESPONSE);
    cr_expect_eq(container_event_parse(SLICE("{}"), &event), 0);
    cr_expect_eq(event.change, CONTAINER_UNCHANGED);
    cr_expect_eq(container_event_parse(SLICE("{\"Type\":\"container\",\"Action\":\"die\","
                                             "\"Actor\":[],\"Attributes\":3}"),
                                       &event),
                 0);
    cr_expect_str_empty(event.name);
}
