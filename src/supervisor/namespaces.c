/* SPDX-License-Identifier: MIT */
/* Which namespaces are in use, by whom, and where each is now. */
#include "namespaces_internal.h"

#include "bindings_internal.h"
#include "namespace_containers_internal.h"
#include "sockets_internal.h"
#include "supervisor_internal.h"

#include "base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct namespace *namespace_find(const struct supervisor *supervisor, struct slice text)
{
    struct namespace *namespace = NULL;

    HASH_FIND(hh, supervisor->namespaces.all, text.data, text.len, namespace);
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
    struct supervisor *supervisor = namespace->supervisor;

    if (ev_is_active(&namespace->end)) {
        ev_io_stop(supervisor->loop.ev, &namespace->end);
        supervisor->namespaces.held--;
    }
    netns_process_release(&namespace->process);
}

static void namespace_leave_path(struct namespace *namespace)
{
    if (namespace->path && namespace->supervisor->namespaces.watch)
        netns_watch_remove(namespace->supervisor->namespaces.watch, namespace->path);
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
        namespace_look(namespace, true);
}

void namespace_set_path(struct namespace *namespace, const char *path)
{
    struct netns_watch *watch = namespace->supervisor->namespaces.watch;

    if (namespace->path && strcmp(namespace->path, path) == 0)
        return;
    namespace_let_go_of_process(namespace);
    namespace_leave_path(namespace);
    namespace->pid = 0;
    namespace->path = memory_text(path);
    if (watch)
        netns_watch_add(watch, path);
    namespace_look(namespace, true);
}

bool namespace_has_left(const struct namespace *namespace, struct netns_id id)
{
    return !netns_id_equal(namespace->seen, id);
}

enum netns_verdict namespace_open(struct namespace *namespace, int *fd, struct netns_id *id,
                                  char why[160])
{
    const struct netns_home *home = namespace->supervisor->home;

    *fd = -1;
    if (namespace->path)
        return netns_open(home, namespace->path, fd, id, why);
    if (namespace->process.pid > 0)
        return netns_process_open(home, &namespace->process, fd, id, why);
    snprintf(why, 160, "%s", namespace->why ? namespace->why : "does not exist");
    return NETNS_OPEN_ABSENT;
}

void namespace_tell(struct namespace *namespace)
{
    leavings_on_namespace(namespace->supervisor, namespace);
    sockets_on_namespace(namespace->supervisor, namespace);
    bindings_on_namespace(namespace->supervisor, namespace);
}

/* ---- who uses it ---- */

static struct namespace *namespace_new(struct supervisor *supervisor,
                                       const struct plan_netns *place)
{
    struct namespace *namespace = memory_zeroed(1, sizeof(*namespace));

    namespace->supervisor = supervisor;
    namespace->kind = place->kind;
    namespace->text = memory_text(place->text);
    namespace->process.fd = -1;
    LIST_INIT(&namespace->uses);
    ev_init(&namespace->end, namespace_on_end);
    namespace->end.data = namespace;
    HASH_ADD_KEYPTR(hh, supervisor->namespaces.all, namespace->text, strlen(namespace->text),
                    namespace);
    namespace->named = (pid_t)place->pid;
    if (place->kind == NETNS_PID)
        namespace_set_process(namespace, namespace->named, NULL);
    else if (place->path)
        namespace_set_path(namespace, place->path);
    else if (place->kind == NETNS_CONTAINER)
        namespace_containers_follow(namespace);
    return namespace;
}

static void namespace_free(struct namespace *namespace)
{
    HASH_DEL(namespace->supervisor->namespaces.all, namespace);
    if (namespace->kind == NETNS_CONTAINER)
        namespace_containers_forget(namespace);
    namespace_let_go_of_process(namespace);
    namespace_leave_path(namespace);
    free(namespace->why);
    free(namespace->text);
    free(namespace);
}

void namespace_take(struct supervisor *supervisor, struct namespace_use *use,
                    const struct plan_netns *place)
{
    if (place->kind == NETNS_HOST)
        return;
    use->namespace = namespace_find(supervisor, slice_of(place->text));
    if (!use->namespace)
        use->namespace = namespace_new(supervisor, place);
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
