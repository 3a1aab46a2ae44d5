/* SPDX-License-Identifier: MIT */
/* Reads the few members that matter, and takes none for what it should be. */
#include "container_json_internal.h"

#include <jansson.h>

#define PID_MOST 4194304 /* of 64-bit Linux, proc(5) */

/* Duplicates are refused: two readers could take two different ones. */
static json_t *load(struct slice json)
{
    json_t *root = json_loadb(json.data, json.len, JSON_REJECT_DUPLICATES, NULL);

    if (root && !json_is_object(root)) {
        json_decref(root);
        root = NULL;
    }
    return root;
}

/* The member's text, if it is one and fits. */
static void copy_text(const json_t *object, const char *member, char *text, size_t size)
{
    const json_t *value = json_object_get(object, member);
    size_t len = json_string_length(value);

    text[0] = '\0';
    if (len > 0 && len < size)
        memcpy(text, json_string_value(value), len + 1);
}

/* ---- the state of one ---- */

/* Root will open it: nothing in it may lead elsewhere than it says, links apart. */
static bool is_clean_path(const char *path)
{
    size_t len = strlen(path);

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)path[i] < 0x20 || path[i] == 0x7f)
            return false;
    }
    return path[0] == '/' && !strstr(path, "/../") &&
           !slice_ends_with((struct slice){path, len}, SLICE("/.."));
}

static void read_running(struct container_facts *facts, const json_t *root, const json_t *state)
{
    const json_t *pid = json_object_get(state, "Pid");
    json_int_t number = json_integer_value(pid);

    if (!json_is_true(json_object_get(state, "Running")))
        return;
    if (number > 0 && number <= PID_MOST)
        facts->pid = (uint32_t)number;
    copy_text(json_object_get(root, "NetworkSettings"), "SandboxKey", facts->sandbox,
              sizeof(facts->sandbox));
    if (!is_clean_path(facts->sandbox))
        facts->sandbox[0] = '\0';
}

int container_facts_parse(struct slice json, struct container_facts *facts)
{
    json_t *root = load(json);
    const json_t *state = json_object_get(root, "State");
    int result = json_is_object(state) ? 0 : ERROR_RESPONSE;

    *facts = (struct container_facts){0};
    if (result == 0) {
        copy_text(root, "Id", facts->id, sizeof(facts->id));
        copy_text(state, "Status", facts->status, sizeof(facts->status));
        if (!slice_is_only(slice_of(facts->status), SLICE_ALPHANUMERIC))
            facts->status[0] = '\0';
        read_running(facts, root, state);
    }
    json_decref(root);
    return result;
}

/* ---- events ---- */

/* Docker says "die" and "destroy", podman "remove" and, in its own words, "died". */
static enum container_change change_of(const char *action)
{
    static const char *const changes[] = {"start", "restart", "die", "died", "destroy", "remove"};

    if (strcmp(action, "rename") == 0)
        return CONTAINER_RENAMED;
    for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
        if (strcmp(action, changes[i]) == 0)
            return CONTAINER_MAY_DIFFER;
    }
    return CONTAINER_UNCHANGED;
}

int container_event_parse(struct slice json, struct container_event *event)
{
    json_t *root = load(json);
    const json_t *actor = json_object_get(root, "Actor");
    char word[CONTAINER_STATUS];

    *event = (struct container_event){0};
    if (!root)
        return ERROR_RESPONSE;
    copy_text(root, "Type", word, sizeof(word));
    if (strcmp(word, "container") == 0) {
        copy_text(root, "Action", word, sizeof(word));
        event->change = change_of(word);
        copy_text(actor, "ID", event->id, sizeof(event->id));
        copy_text(json_object_get(actor, "Attributes"), "name", event->name, sizeof(event->name));
    }
    json_decref(root);
    return 0;
}
