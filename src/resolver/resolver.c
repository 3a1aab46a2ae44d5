/* SPDX-License-Identifier: MIT */
/* The examining process: drops its privileges, then answers EXAMINE until the supervisor goes. */
#include "resolver/resolver.h"

#include "base/log.h"
#include "examination_internal.h"
#include "ipc/cage.h"
#include "ipc/channel.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

struct resolver {
    struct loop loop;
    struct ipc_channel *channel;
    struct examiner examiner;
    int log_fd; /* -1: stderr */
    bool is_set_up;
    int status; /* of the process */
};

static void stop(struct resolver *resolver, int status)
{
    resolver->status |= status; /* the first failure stays one */
    loop_stop(&resolver->loop);
}

/* Takes the descriptor that came, if one did. */
static int set_log(struct resolver *resolver, uint32_t level, uint8_t sink,
                   struct ipc_received *received)
{
    if (level > LOG_LEVEL_ERROR || sink > LOG_SINK_SYSLOG)
        return ERROR_IPC;
    int old = resolver->log_fd;
    resolver->log_fd = -1;
    if (received->descriptor_count > 0) {
        resolver->log_fd = received->descriptors[0];
        received->descriptors[0] = -1;
    }
    log_set_level((enum log_level)level);
    log_set_sink((enum log_sink)sink, resolver->log_fd >= 0 ? resolver->log_fd : STDERR_FILENO);
    if (old >= 0)
        close(old);
    return 0;
}

static int on_setup(struct resolver *resolver, struct ipc_received *received)
{
    struct ipc_setup setup;
    int result = ipc_get_setup(&received->body, &setup);
    if (result == 0 && resolver->is_set_up)
        result = ERROR_IPC;
    if (result == 0)
        result = set_log(resolver, setup.log_level, setup.log_sink, received);
    if (result != 0)
        return result;
    const char *why = "";
    if (cage_enter(&setup.identity, &why) != 0) {
        log_error("cannot drop privileges: %s: %s", why, strerror(errno));
        stop(resolver, 1);
        return 0;
    }
    resolver->is_set_up = true;
    ipc_send(resolver->channel, IPC_READY, NULL, NULL, 0, NULL);
    return 0;
}

static int on_log(struct resolver *resolver, struct ipc_received *received)
{
    uint32_t level = wire_get_u32(&received->body);
    uint8_t sink = wire_get_u8(&received->body);
    int result = wire_finish(&received->body);
    return result != 0 ? result : set_log(resolver, level, sink, received);
}

static int on_examine(struct resolver *resolver, struct ipc_received *received)
{
    uint64_t serial = wire_get_u64(&received->body);
    int result = wire_finish(&received->body);
    if (result != 0)
        return result;
    examination_start(&resolver->examiner, serial, received->blob);
    return 0;
}

static void on_result(void *owner, const struct examination_result *result)
{
    struct resolver *resolver = owner;
    struct wire_writer body;
    wire_writer_init(&body);
    wire_put_u64(&body, result->serial);
    wire_put_u8(&body, result->usable);
    wire_put_u8(&body, result->outdated);
    struct ipc_blob *blob = ipc_blob_new(wire_written(&result->blob));
    ipc_send(resolver->channel, IPC_EXAMINED, &body, NULL, 0, blob);
    ipc_blob_unref(blob);
    wire_writer_free(&body);
}

static int on_message(void *owner, struct ipc_received *received)
{
    struct resolver *resolver = owner;
    if (received->message == IPC_SETUP)
        return on_setup(resolver, received);
    if (!resolver->is_set_up) /* nothing is parsed with privileges */
        return ERROR_IPC;
    switch (received->message) {
    case IPC_LOG:
        return on_log(resolver, received);
    case IPC_EXAMINE:
        return on_examine(resolver, received);
    default:
        return ERROR_IPC;
    }
}

static void on_gone(void *owner, const char *reason)
{
    struct resolver *resolver = owner;
    log_info("the supervisor is gone: %s", reason);
    stop(resolver, 0);
}

static void ignore_signals(void)
{
    /* The terminal sends these to the whole group; what they mean is the supervisor's affair. */
    static const int signals[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2};
    for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
        signal(signals[i], SIG_IGN);
}

int resolver_main(int channel)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    struct resolver resolver = {.log_fd = -1};
    log_set_role("resolver");
    ignore_signals();
    loop_init(&resolver.loop);
    TAILQ_INIT(&resolver.examiner.running);
    resolver.examiner.names = names_new(&resolver.loop);
    resolver.examiner.contexts = tls_contexts_new();
    resolver.examiner.on_result = on_result;
    resolver.examiner.owner = &resolver;
    resolver.channel = ipc_channel_new(&resolver.loop, channel, ROLE_RESOLVER, ROLE_SUPERVISOR,
                                       &events, &resolver);
    loop_run(&resolver.loop);

    names_free(resolver.examiner.names);
    examiner_abort(&resolver.examiner);
    tls_contexts_free(resolver.examiner.contexts);
    ipc_channel_free(resolver.channel);
    loop_free(&resolver.loop);
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    if (resolver.log_fd >= 0)
        close(resolver.log_fd);
    return resolver.status;
}
