/* SPDX-License-Identifier: MIT */
/* Which namespaces are in use, by whom, and where each is now. */
#include "namespaces_internal.h"

#include "base/memory.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct namespace *namespace_find(const struct namespaces *namespaces, struct slice text)
{
    struct namespace *namespace = NULL;

    HASH_FIND(hh, namespaces->all, text.data, text.len, namespace);
    return namespace;
}

/* ---- where it is ---- */

static bool namespace_replace_text(char **text, const char *with)
{
    bool is_same = *text && with ? strcmp(*text, with) == 0 : *text == with;

    if (is_same)
        return false;
    free(*text);
    *text = with ? memory_text(with) : NULL;
    return true;
}

static void namespace_let_go_of_process(struct namespace *namespace)
{
    if (ev_is_active(&namespace->end)) {
        ev_io_stop(namespace->namespaces->loop->ev, &namespace->end);
        namespace->namespaces->held--;
    }
    netns_process_release(&namespace->process);
}

static void namespace_leave_path(struct namespace *namespace)
{
    if (namespace->path && namespace->namespaces->watch)
        netns_watch_remove(namespace->namespaces->watch, namespace->path);
    free(namespace->path);
    namespace->path = NULL;
}

void namespace_set_process(struct namespace *namespace, pid_t pid, const char *why)
{
    bool is_other = pid != namespace->pid || namespace->path;

    namespace_leave_path(namespace);
    if (is_other)
        namespace_let_go_of_process(namespace);
    namespace->pid = pid;
    if (namespace_replace_text(&namespace->why, why) || is_other)
        namespace_refresh(namespace, true);
}

void namespace_set_path(struct namespace *namespace, const char *path)
{
    struct netns_watch *watch = namespace->namespaces->watch;

    if (namespace->path && strcmp(namespace->path, path) == 0)
        return;
    namespace_let_go_of_process(namespace);
    namespace_leave_path(namespace);
    namespace->pid = 0;
    namespace->path = memory_text(path);
    if (watch)
        netns_watch_add(watch, path);
    namespace_refresh(namespace, true);
}

bool namespace_has_left(const struct namespace *namespace, struct netns_id id)
{
    return !netns_id_equal(namespace->seen, id);
}

enum netns_verdict namespace_open(struct namespace *namespace, int *fd, struct netns_id *id,
                                  char why[160])
{
    const struct netns_home *home = namespace->namespaces->home;

    *fd = -1;
    if (namespace->path)
        return netns_open(home, namespace->path, fd, id, why);
    if (namespace->process.pid > 0)
        return netns_process_open(home, &namespace->process, fd, id, why);
    snprintf(why, 160, "%s", namespace->why ? namespace->why : "does not exist");
    return NETNS_OPEN_ABSENT;
}

/* ---- who uses it ---- */

static struct namespace *namespace_new(struct namespaces *namespaces, const struct plan_netns *name)
{
    struct namespace *namespace = memory_zeroed(1, sizeof(*namespace));

    namespace->namespaces = namespaces;
    namespace->kind = name->kind;
    namespace->text = memory_text(name->text);
    namespace->process.fd = -1;
    LIST_INIT(&namespace->uses);
    ev_init(&namespace->end, namespace_on_end);
    namespace->end.data = namespace;
    HASH_ADD_KEYPTR(hh, namespaces->all, namespace->text, strlen(namespace->text), namespace);
    namespace->named = (pid_t)name->pid;
    if (name->kind == NETNS_PID)
        namespace_set_process(namespace, namespace->named, NULL);
    else if (name->path)
        namespace_set_path(namespace, name->path);
    else if (name->kind == NETNS_CONTAINER)
        namespace_follow_container(namespace);
    return namespace;
}

static void namespace_free(struct namespace *namespace)
{
    HASH_DEL(namespace->namespaces->all, namespace);
    if (namespace->kind == NETNS_CONTAINER)
        namespace_forget_container(namespace);
    namespace_let_go_of_process(namespace);
    namespace_leave_path(namespace);
    free(namespace->why);
    free(namespace->text);
    free(namespace);
}

void namespace_take(struct namespaces *namespaces, struct namespace_use *use,
                    const struct plan_netns *name)
{
    if (name->kind == NETNS_HOST)
        return;
    use->namespace = namespace_find(namespaces, slice_of(name->text));
    if (!use->namespace)
        use->namespace = namespace_new(namespaces, name);
    LIST_INSERT_HEAD(&use->namespace->uses, use, next);
}

void namespace_release(struct namespace_use *use)
{
    struct namespace *namespace = use->namespace;

    if (!namespace)
        return;
    LIST_REMOVE(use, next);
    use->namespace = NULL;
    if (LIST_EMPTY(&namespace->uses))
        namespace_free(namespace);
}

/* ---- life ---- */

void namespaces_init(struct namespaces *namespaces, struct loop *loop,
                     const struct namespaces_events *events, void *owner)
{
    *namespaces = (struct namespaces){.loop = loop, .events = events, .owner = owner};
    namespaces_init_refresh(namespaces);
}

int namespaces_open_home(struct namespaces *namespaces)
{
    namespaces->home = netns_home_open();
    return namespaces->home ? 0 : -1;
}

void namespaces_free(struct namespaces *namespaces)
{
    namespaces_stop(namespaces);
    netns_home_close(namespaces->home);
    free(namespaces->engine);
    namespaces->home = NULL;
    namespaces->engine = NULL;
}

/* ---- for the next binary ---- */

void namespaces_put(struct wire_writer *writer, const struct namespaces *namespaces)
{
    const struct namespace *namespace;

    for (namespace = namespaces->all; namespace; namespace = namespace->hh.next) {
        if (namespace->kind == NETNS_NAME || namespace->kind == NETNS_PATH)
            continue;
        wire_put_bool(writer, true); /* another one follows */
        wire_put_slice(writer, slice_of(namespace->text));
        wire_put_u32(writer, (uint32_t) namespace->pid);
        wire_put_text(writer, namespace->path);
        wire_put_text(writer, namespace->why);
    }
    wire_put_bool(writer, false);
}

void namespaces_get(struct wire_reader *reader, struct namespaces *namespaces)
{
    while (wire_get_bool(reader)) {
        struct namespace *namespace = namespace_find(namespaces, wire_get_slice(reader));
        uint32_t pid = wire_get_u32(reader);
        char *path = wire_get_text(reader);
        char *why = wire_get_text(reader);

        wire_require(reader, pid <= INT_MAX);
        if (namespace && !reader->failed && path)
            namespace_set_path(namespace, path);
        else if (namespace && !reader->failed)
            namespace_set_process(namespace, (pid_t)pid, why);
        free(path);
        free(why);
    }
}
