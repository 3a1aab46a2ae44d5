/* SPDX-License-Identifier: MIT */
/* The observing process: drops its privileges, then answers HTTP until the supervisor goes. */
#include "observer/observer.h"

#include "lines_internal.h"
#include "server_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/signal_hold.h"
#include "ipc/body.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

struct observer {
    struct loop loop;
    struct ipc_channel *channel;
    struct server server;
    struct outputs outputs;
    struct lines lines;
    int log_fd; /* -1: stderr */
    bool is_set_up;
    int status; /* of the process */
};

static void stop(struct observer *observer, int status)
{
    observer->status |= status; /* the first failure stays one */
    loop_stop(&observer->loop);
}

/* ---- messages ---- */

static int on_setup(struct observer *observer, struct ipc_received *received)
{
    struct sandbox_state sandbox;
    struct ipc_setup setup;
    const char *why = "";
    int result = ipc_get_setup(&received->body, &setup);

    if (result == 0 && observer->is_set_up)
        result = ERROR_IPC;
    if (result == 0)
        result = ipc_set_log(received, &(struct ipc_log){setup.log_level, setup.log_sink},
                             &observer->log_fd);
    if (result != 0)
        return result;
    json_object_seed(0); /* now: it may read /dev/urandom */
    log_load_time();
    outputs_init(&observer->outputs, &observer->loop);
    if (cage_enter(&setup.identity, &why) != 0) {
        log_error("cannot drop privileges: %s: %s", why, strerror(errno));
        stop(observer, 1);
        return 0;
    }
    if (sandbox_enter(SANDBOX_OBSERVER, setup.identity.sandbox, &sandbox, &why) != 0) {
        log_error("cannot enter the sandbox: %s: %s", why, strerror(errno));
        stop(observer, 1);
        return 0;
    }
    observer->is_set_up = true;
    ipc_send_ready(observer->channel, IPC_READY,
                   &(struct ipc_ready){sandbox.mode, sandbox.landlock}, NULL);
    return 0;
}

static int on_observe(struct observer *observer, struct ipc_received *received)
{
    struct ipc_observe body;

    if (ipc_get_observe(&received->body, &body) != 0)
        return ERROR_IPC;
    if (received->message == IPC_OBSERVE_CLOSE) {
        server_close(&observer->server, body.address);
    } else if (received->is_short) {
        log_error("no descriptor is left to observe at %.*s", SLICE_PRINTF(body.address));
    } else {
        server_open(&observer->server, received->descriptors[0], body.address, body.names);
        received->descriptors[0] = -1;
    }
    return 0;
}

/* Without room for it, the ring waits for the next observer. */
static int on_ring(struct observer *observer, struct ipc_received *received)
{
    struct ipc_ring body;
    int *descriptors = received->descriptors;

    if (ipc_get_ring(&received->body, &body) != 0)
        return ERROR_IPC;
    if (received->is_short || received->descriptor_count < 2 ||
        lines_open(&observer->lines, body.number, descriptors[0], descriptors[1]) < 0)
        log_error("cannot read what a worker has to log: %s",
                  strerror(received->is_short ? EMFILE : errno));
    if (received->descriptor_count == 2)
        descriptors[1] = -1;
    return 0;
}

static int on_ring_end(struct observer *observer, struct ipc_received *received)
{
    struct ipc_ring body;

    if (ipc_get_ring(&received->body, &body) != 0)
        return ERROR_IPC;
    if (lines_end(&observer->lines, body.number))
        ipc_send_ring(observer->channel, IPC_RING_DONE, &body, NULL);
    return 0;
}

static int on_destination(struct observer *observer, struct ipc_received *received)
{
    struct ipc_destination body;
    int fd = -1;

    if (ipc_get_destination(&received->body, &body) != 0)
        return ERROR_IPC;
    if (received->is_short)
        log_error("no descriptor is left for the access log %.*s",
                  SLICE_PRINTF(body.place.identity));
    if (received->descriptor_count > 0) {
        fd = received->descriptors[0];
        received->descriptors[0] = -1;
    }
    outputs_open(&observer->outputs, &body, fd);
    return 0;
}

static int on_destination_close(struct observer *observer, struct ipc_received *received)
{
    struct ipc_destination_close body;

    if (ipc_get_destination_close(&received->body, &body) != 0)
        return ERROR_IPC;
    outputs_close(&observer->outputs, body.number);
    return 0;
}

static int on_figures(struct observer *observer, struct ipc_received *received)
{
    struct ipc_figures body;
    int fd = received->descriptor_count > 0 ? received->descriptors[0] : -1;

    if (ipc_get_figures(&received->body, &body) != 0 || body.source >= METRICS_SOURCES)
        return ERROR_IPC;
    if (received->is_short || looks_set(&observer->server.looks, body.source, fd) < 0)
        log_error("figures cannot be read: %s", strerror(received->is_short ? EMFILE : errno));
    return 0;
}

static void on_dropped(void *owner, uint32_t count)
{
    ipc_send_dropped(((struct observer *)owner)->channel, IPC_LINES_DROPPED,
                     &(struct ipc_dropped){count}, NULL);
}

static void ask_status(void *owner)
{
    ipc_send(((struct observer *)owner)->channel, IPC_STATUS_ASK, NULL, NULL);
}

static int on_status(struct observer *observer, struct ipc_received *received)
{
    struct ipc_status body;
    int fd = -1;

    if (ipc_get_status(&received->body, &body) != 0)
        return ERROR_IPC;
    if (received->descriptor_count > 0) {
        fd = received->descriptors[0];
        received->descriptors[0] = -1;
    }
    status_on_connection(&observer->server.status, fd);
    return 0;
}

static int on_message(void *owner, struct ipc_received *received)
{
    struct observer *observer = owner;

    if (received->message == IPC_SETUP)
        return on_setup(observer, received);
    if (!observer->is_set_up) /* nothing is parsed with privileges */
        return ERROR_IPC;
    switch (received->message) {
    case IPC_LOG:
        return ipc_take_log(received, &observer->log_fd);
    case IPC_PING:
        return ipc_answer_ping(observer->channel, received);
    case IPC_FIGURES:
        return on_figures(observer, received);
    case IPC_OBSERVE:
    case IPC_OBSERVE_CLOSE:
        return on_observe(observer, received);
    case IPC_STATUS:
        return on_status(observer, received);
    case IPC_RING:
        return on_ring(observer, received);
    case IPC_RING_END:
        return on_ring_end(observer, received);
    case IPC_DESTINATION:
        return on_destination(observer, received);
    case IPC_DESTINATION_CLOSE:
        return on_destination_close(observer, received);
    default:
        return ERROR_IPC;
    }
}

static void on_gone(void *owner, const char *reason)
{
    (void)reason; /* this is how it is dismissed */
    stop(owner, 0);
}

/* ---- the process ---- */

int observer_main(int channel)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    struct observer observer = {.log_fd = -1};

    prctl(PR_SET_NAME, "nsgate-observer");
    log_set_role("observer");
    cage_ignore_signals();
    /* Who ends all processes of the service at once would end it before the others have said their
     * last: it ends when its channel closes. */
    signal(SIGTERM, SIG_IGN);
    signal_release_all();
    loop_init(&observer.loop);
    server_init(&observer.server, &observer.loop, ask_status, &observer);
    observer.outputs = (struct outputs){/* the rest at SETUP */
                                        .loop = &observer.loop,
                                        .on_dropped = on_dropped,
                                        .owner = &observer};
    lines_init(&observer.lines, &observer.loop, &observer.outputs);
    observer.channel =
        ipc_channel_new(&observer.loop, channel, (struct ipc_ends){ROLE_OBSERVER, ROLE_SUPERVISOR},
                        &events, &observer);
    loop_run(&observer.loop);

    server_free(&observer.server);
    lines_free(&observer.lines);
    outputs_free(&observer.outputs);
    ipc_channel_free(observer.channel);
    loop_free(&observer.loop);
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    descriptor_close(observer.log_fd);
    return observer.status;
}
