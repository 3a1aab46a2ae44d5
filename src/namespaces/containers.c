/* SPDX-License-Identifier: MIT */
/* The supervisor's side of following containers: it connects, and takes no answer for granted. */
#include "namespaces/containers.h"

#include "namespaces_internal.h"

#include "base/descriptor.h"
#include "base/memory.h"
#include "ipc/body.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define CONTAINER_PREFIX "container:"

/* Most bytes that are taken of the resolver's words. */
#define CONTAINER_PATH   255
#define CONTAINER_REASON 159

#define CONTAINER_PID_MAX 4194304 /* of 64-bit Linux, proc(5) */

/* What the resolver may do per second and at once; more than one of ours comes to, and less than
 * keeps the supervisor busy. It asks for one connection before each question to the engine. */
#define CONTAINER_CONNECTS         1000.0
#define CONTAINER_CONNECTS_AT_ONCE 200.0
#define CONTAINER_MOVES            200.0
#define CONTAINER_MOVES_AT_ONCE    1000.0 /* and 4 for each container that is followed */

/* What it has not yet taken: connections, of which it wants at most nine at a time, and messages,
 * besides 4 for each container that is followed. */
#define CONTAINER_SOCKETS 64
#define CONTAINER_QUEUED  1024

/* ---- what the resolver is told ---- */

static struct ipc_channel *resolver_channel(const struct namespaces *namespaces)
{
    return namespaces->events->resolver(namespaces->owner);
}

static void container_say(struct ipc_channel *resolver, enum ipc_message message,
                          const struct namespace *namespace)
{
    const struct ipc_container_name body = {
        slice_from(slice_of(namespace->text), strlen(CONTAINER_PREFIX))};

    ipc_send_container_name(resolver, message, &body, NULL);
}

static void containers_say(const struct namespaces *namespaces, enum ipc_message message)
{
    struct ipc_channel *resolver = resolver_channel(namespaces);
    struct namespace *namespace;

    for (namespace = namespaces->all; resolver && namespace; namespace = namespace->hh.next) {
        if (namespace->kind == NETNS_CONTAINER)
            container_say(resolver, message, namespace);
    }
}

static void container_changes(const struct namespace *namespace, enum ipc_message message)
{
    const struct namespaces *namespaces = namespace->namespaces;
    struct ipc_channel *resolver = resolver_channel(namespaces);

    if (resolver)
        container_say(resolver, message, namespace);
    namespaces->events->on_containers(namespaces->owner);
}

void namespace_follow_container(struct namespace *namespace)
{
    namespace->namespaces->containers++;
    namespace_set_process(namespace, 0, "the container engine has not answered yet");
    container_changes(namespace, IPC_CONTAINER_FOLLOW);
}

void namespace_forget_container(struct namespace *namespace)
{
    namespace->namespaces->containers--;
    container_changes(namespace, IPC_CONTAINER_FORGET);
}

void namespace_containers_on_resolver(struct namespaces *namespaces)
{
    containers_say(namespaces, IPC_CONTAINER_FOLLOW);
}

/* A resolver that follows nobody gives its connections up, and asks for others with the next. */
void namespace_containers_set_engine(struct namespaces *namespaces, struct slice path)
{
    if (slice_equal(slice_of(namespaces->engine ? namespaces->engine : ""), path))
        return;
    free(namespaces->engine);
    namespaces->engine = memory_slice_text(path);
    containers_say(namespaces, IPC_CONTAINER_FORGET);
    containers_say(namespaces, IPC_CONTAINER_FOLLOW);
}

/* ---- the engine's socket ---- */

/* The first that is there; the first of all when none is. */
static struct slice engine_usual_path(void)
{
    static const char *const usual[] = {"/run/docker.sock", "/var/run/docker.sock",
                                        "/run/podman/podman.sock"};
    struct stat found;

    for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++) {
        if (stat(usual[i], &found) == 0 && S_ISSOCK(found.st_mode))
            return slice_of(usual[i]);
    }
    return slice_of(usual[0]);
}

/* Never waits: a Unix socket takes a connection at once, or is too busy to. -1 with errno. */
static int engine_connect(struct slice path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path.data, path.len);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof(address)) < 0)
        return descriptor_close(fd);
    return fd;
}

static bool resolver_takes_answers(const struct namespaces *namespaces,
                                   const struct ipc_channel *resolver)
{
    return ipc_channel_queued_descriptors(resolver) < CONTAINER_SOCKETS &&
           ipc_channel_queued(resolver) < CONTAINER_QUEUED + 4 * namespaces->containers;
}

static int containers_on_connect(struct namespaces *namespaces, struct ipc_channel *resolver)
{
    struct slice path = slice_of(namespaces->engine ? namespaces->engine : "");
    bool may_ask = allowance_take(&namespaces->asking, loop_now(namespaces->loop),
                                  CONTAINER_CONNECTS, CONTAINER_CONNECTS_AT_ONCE);
    struct ipc_container_socket body = {.path = path};
    int fd = -1;

    if (namespaces->containers > 0 && !resolver_takes_answers(namespaces, resolver))
        return ERROR_IPC;
    errno = may_ask ? ECANCELED : EAGAIN; /* whom it was for was forgotten on the way */
    if (namespaces->containers > 0 && may_ask) {
        body.path = path.len > 0 ? path : engine_usual_path();
        fd = engine_connect(body.path);
    }
    body.error = fd < 0 ? errno : 0;
    ipc_send_container_socket(resolver, IPC_CONTAINER_SOCKET, &body,
                              &(struct ipc_attachments){&fd, fd >= 0, NULL});
    descriptor_close(fd);
    return 0;
}

/* ---- what the resolver says ---- */

/* What leads to a container, as its engine has it. */
struct container_location {
    uint32_t pid;
    char path[CONTAINER_PATH + 1];
    char reason[CONTAINER_REASON + 1];
};

static int copy_text(char *text, size_t size, struct slice slice)
{
    if (slice.len >= size || memchr(slice.data ? slice.data : "", '\0', slice.len))
        return ERROR_IPC;
    memcpy(text, slice.data ? slice.data : "", slice.len);
    text[slice.len] = '\0';
    return 0;
}

/* Absolute, and nothing in it that a person who reads it in the log would not expect. */
static bool path_is_clean(const char *path)
{
    for (const char *at = path; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f)
            return false;
    }
    return path[0] == '/' && !strstr(path, "/../") &&
           !slice_ends_with(slice_of(path), SLICE("/.."));
}

static bool location_is_plausible(const struct container_location *location)
{
    return location->pid <= CONTAINER_PID_MAX &&
           (!location->path[0] || path_is_clean(location->path));
}

/* An engine that lives elsewhere has other numbers: that a process of this host has the same one
 * says nothing when the path leads to a namespace of this host, and to another one. */
static bool location_has_process(const struct namespaces *namespaces,
                                 const struct container_location *location)
{
    struct netns_id by_process;
    struct netns_id by_path;
    char process[32];

    if (location->pid == 0 || (kill((pid_t)location->pid, 0) < 0 && errno != EPERM))
        return false;
    snprintf(process, sizeof(process), "/proc/%" PRIu32 "/ns/net", location->pid);
    if (!location->path[0] || netns_look(location->path, &by_path) < 0 ||
        by_path.device != netns_home_id(namespaces->home).device)
        return true;
    return netns_look(process, &by_process) == 0 && netns_id_equal(by_process, by_path);
}

/* Then sockets are closed and bound, and the log and the workers told. */
static bool container_moves(const struct namespace *namespace,
                            const struct container_location *location)
{
    if (namespace->path)
        return strcmp(namespace->path, location->path) != 0;
    if (location->pid > 0)
        return (pid_t)location->pid != namespace->pid;
    return namespace->pid > 0 || !namespace->why || strcmp(namespace->why, location->reason) != 0;
}

/* By its process, which can be followed to its end; else by the path that the engine has for it. */
static void container_move(struct namespace *namespace, const struct container_location *location)
{
    bool has_process = location_has_process(namespace->namespaces, location);

    if (!has_process && location->path[0])
        namespace_set_path(namespace, location->path);
    else if (location->pid > 0)
        namespace_set_process(namespace, (pid_t)location->pid,
                              "its process is none of this host's");
    else
        namespace_set_process(namespace, 0, location->reason);
}

static bool container_may_move(struct namespaces *namespaces)
{
    double at_once = CONTAINER_MOVES_AT_ONCE + 4. * namespaces->containers;

    return allowance_take(&namespaces->moving, loop_now(namespaces->loop), CONTAINER_MOVES,
                          at_once);
}

static int containers_on_answer(struct namespaces *namespaces, struct wire_reader *body)
{
    struct container_location location;
    struct ipc_container told;
    struct namespace *namespace;
    char text[sizeof(CONTAINER_PREFIX) + 255];

    if (ipc_get_container(body, &told) != 0)
        return ERROR_IPC;
    location.pid = told.pid;
    if (copy_text(location.path, sizeof(location.path), told.sandbox) != 0 ||
        copy_text(location.reason, sizeof(location.reason), told.reason) != 0 ||
        !config_container_name_is_valid(told.name) || !location_is_plausible(&location))
        return ERROR_IPC;
    snprintf(text, sizeof(text), CONTAINER_PREFIX "%.*s", SLICE_PRINTF(told.name));
    namespace = namespace_find(namespaces, slice_of(text));
    if (!namespace) /* it was forgotten on the way */
        return 0;
    if (container_moves(namespace, &location) && !container_may_move(namespaces))
        return ERROR_IPC;
    container_move(namespace, &location);
    return 0;
}

int namespace_containers_on_message(struct namespaces *namespaces, struct ipc_received *received)
{
    struct ipc_channel *resolver = resolver_channel(namespaces);

    if (received->message == IPC_CONTAINER)
        return containers_on_answer(namespaces, &received->body);
    if (wire_finish(&received->body) != 0)
        return ERROR_IPC;
    return resolver ? containers_on_connect(namespaces, resolver) : 0;
}
