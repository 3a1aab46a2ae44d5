/* SPDX-License-Identifier: MIT */
/* The examining process: drops its privileges, then answers EXAMINE and follows containers until
 * the supervisor goes. */
#include "resolver/resolver.h"

#include "base/descriptor.h"
#include "base/log.h"
#include "base/signal_hold.h"
#include "config/model.h"
#include "containers_internal.h"
#include "examination_internal.h"
#include "ipc/body.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <jansson.h>
#include <unistd.h>

struct resolver {
    struct loop loop;
    struct ipc_channel *channel;
    struct examiner examiner;
    struct containers containers;
    int log_fd; /* -1: stderr */
    bool is_set_up;
    int status; /* of the process */
};

static void stop(struct resolver *resolver, int status)
{
    resolver->status |= status; /* the first failure stays one */
    loop_stop(&resolver->loop);
}

static int on_setup(struct resolver *resolver, struct ipc_received *received)
{
    struct ipc_setup setup;
    int result = ipc_get_setup(&received->body, &setup);
    if (result == 0 && resolver->is_set_up)
        result = ERROR_IPC;
    if (result == 0)
        result = ipc_set_log(received, &(struct ipc_log){setup.log_level, setup.log_sink},
                             &resolver->log_fd);
    if (result != 0)
        return result;
    const char *why = "";
    if (cage_enter(&setup.identity, &why) != 0) {
        log_error("cannot drop privileges: %s: %s", why, strerror(errno));
        stop(resolver, 1);
        return 0;
    }
    json_object_seed(0); /* now: it may read /dev/urandom */
    struct sandbox_state sandbox;
    if (sandbox_enter(SANDBOX_RESOLVER, setup.identity.sandbox, &sandbox, &why) != 0) {
        log_error("cannot enter the sandbox: %s: %s", why, strerror(errno));
        stop(resolver, 1);
        return 0;
    }
    resolver->is_set_up = true;
    ipc_send_ready(resolver->channel, IPC_READY,
                   &(struct ipc_ready){sandbox.mode, sandbox.landlock}, NULL);
    return 0;
}

static int on_examine(struct resolver *resolver, struct ipc_received *received)
{
    struct ipc_serial body;
    if (ipc_get_serial(&received->body, &body) != 0)
        return ERROR_IPC;
    examination_start(&resolver->examiner, body.serial, received->blob);
    return 0;
}

static void on_working(void *owner, uint64_t serial)
{
    struct resolver *resolver = owner;
    ipc_send_serial(resolver->channel, IPC_WORKING, &(struct ipc_serial){serial}, NULL);
}

static void on_result(void *owner, const struct examination_result *result)
{
    struct resolver *resolver = owner;
    struct ipc_examined body = {result->serial, result->usable, result->outdated,
                                result->unresolved};
    struct ipc_blob *blob = ipc_blob_new(wire_written(&result->blob));
    ipc_send_examined(resolver->channel, IPC_EXAMINED, &body,
                      &(struct ipc_attachments){.blob = blob});
    ipc_blob_unref(blob);
}

/* ---- containers ---- */

static int on_follow(struct resolver *resolver, struct ipc_received *received)
{
    struct ipc_container_name body;
    if (ipc_get_container_name(&received->body, &body) != 0 ||
        !config_container_name_is_valid(body.name))
        return ERROR_IPC;
    if (received->message == IPC_CONTAINER_FOLLOW)
        containers_follow(&resolver->containers, body.name);
    else
        containers_forget(&resolver->containers, body.name);
    return 0;
}

static void want_connection(void *owner)
{
    struct resolver *resolver = owner;
    ipc_send(resolver->channel, IPC_CONTAINER_CONNECT, NULL, NULL);
}

static int on_socket(struct resolver *resolver, struct ipc_received *received)
{
    struct ipc_container_socket body;
    if (ipc_get_container_socket(&received->body, &body) != 0)
        return ERROR_IPC;
    if (received->is_short)
        body.error = EMFILE;
    if ((body.error == 0) != (received->descriptor_count == 1))
        return ERROR_IPC;
    int fd = body.error == 0 ? received->descriptors[0] : -1;
    received->descriptors[0] = -1;
    engine_on_connection(&resolver->containers.engine, fd, body.error, body.path);
    return 0;
}

static void on_report(void *owner, const struct container_report *report)
{
    struct resolver *resolver = owner;
    struct ipc_container body = {slice_of(report->name), report->pid, slice_of(report->sandbox),
                                 slice_of(report->reason)};
    ipc_send_container(resolver->channel, IPC_CONTAINER, &body, NULL);
}

/* ---- the process ---- */

static int on_message(void *owner, struct ipc_received *received)
{
    struct resolver *resolver = owner;
    if (received->message == IPC_SETUP)
        return on_setup(resolver, received);
    if (!resolver->is_set_up) /* nothing is parsed with privileges */
        return ERROR_IPC;
    switch (received->message) {
    case IPC_LOG:
        return ipc_take_log(received, &resolver->log_fd);
    case IPC_PING:
        return ipc_answer_ping(resolver->channel, received);
    case IPC_EXAMINE:
        return on_examine(resolver, received);
    case IPC_CONTAINER_FOLLOW:
    case IPC_CONTAINER_FORGET:
        return on_follow(resolver, received);
    case IPC_CONTAINER_SOCKET:
        return on_socket(resolver, received);
    default:
        return ERROR_IPC;
    }
}

static void on_gone(void *owner, const char *reason)
{
    struct resolver *resolver = owner;
    /* Without work, this is how it is dismissed. */
    if (!TAILQ_EMPTY(&resolver->examiner.running))
        log_info("the supervisor is gone: %s", reason);
    stop(resolver, 0);
}

int resolver_main(int channel)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    struct resolver resolver = {.log_fd = -1};
    log_set_role("resolver");
    cage_ignore_signals();
    signal_release_all();
    loop_init(&resolver.loop);
    TAILQ_INIT(&resolver.examiner.running);
    resolver.examiner.names = names_new(&resolver.loop);
    resolver.examiner.contexts = tls_contexts_new();
    resolver.examiner.on_result = on_result;
    resolver.examiner.on_working = on_working;
    resolver.examiner.owner = &resolver;
    containers_init(&resolver.containers, &resolver.loop, want_connection, on_report, &resolver);
    resolver.channel =
        ipc_channel_new(&resolver.loop, channel, (struct ipc_ends){ROLE_RESOLVER, ROLE_SUPERVISOR},
                        &events, &resolver);
    loop_run(&resolver.loop);

    containers_free(&resolver.containers);
    names_free(resolver.examiner.names);
    examiner_abort(&resolver.examiner);
    tls_contexts_free(resolver.examiner.contexts);
    ipc_channel_free(resolver.channel);
    loop_free(&resolver.loop);
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    descriptor_close(resolver.log_fd);
    return resolver.status;
}
