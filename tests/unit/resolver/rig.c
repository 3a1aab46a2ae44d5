/* SPDX-License-Identifier: MIT */
/* A real resolver process, and the test as its supervisor. */
#include "resolver/rig.h"

#include "base/memory.h"
#include "ipc/body.h"
#include "resolver/resolver.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_SECONDS 15.0

static bool on_container(struct rig *rig, struct ipc_received *received)
{
    struct slice name = wire_get_slice(&received->body);
    uint32_t pid = wire_get_u32(&received->body);
    struct slice sandbox = wire_get_slice(&received->body);
    struct slice reason = wire_get_slice(&received->body);
    cr_assert_eq(wire_finish(&received->body), 0);
    snprintf(rig->container, sizeof(rig->container), "%.*s %u %.*s|%.*s", SLICE_PRINTF(name), pid,
             SLICE_PRINTF(sandbox), SLICE_PRINTF(reason));
    return rig->wanted_container && strcmp(rig->container, rig->wanted_container) == 0;
}

static int on_message(void *owner, struct ipc_received *received)
{
    struct rig *rig = owner;
    if (received->message == IPC_READY)
        rig->is_ready = true;
    if (received->message == IPC_PONG)
        rig->pong = wire_get_u64(&received->body);
    if (received->message == IPC_WORKING)
        rig->working = wire_get_u64(&received->body);
    if (received->message == IPC_EXAMINED) {
        cr_assert_neq(rig->working, 0, "said when it begins");
        cr_assert_lt(rig->count, RIG_RESULTS);
        struct outcome *outcome = &rig->outcomes[rig->count++];
        struct wire_reader reader;
        outcome->serial = wire_get_u64(&received->body);
        outcome->usable = wire_get_u8(&received->body);
        outcome->outdated = wire_get_u8(&received->body);
        outcome->unresolved = wire_get_u8(&received->body);
        cr_assert_eq(wire_finish(&received->body), 0);
        wire_reader_init(&reader, received->blob);
        cr_assert_eq(bundle_get_diags(&reader, &outcome->diags), 0);
        outcome->bytes = memory_copy(reader.rest.data, reader.rest.len);
        outcome->size = reader.rest.len;
        outcome->at = loop_now(&rig->loop) - rig->started;
    }
    if (received->message == IPC_CONTAINER_CONNECT && ++rig->connects == rig->wanted_connects)
        loop_stop(&rig->loop);
    if (received->message == IPC_CONTAINER && on_container(rig, received))
        loop_stop(&rig->loop);
    if (rig->wanted_connects > 0 || rig->wanted_container)
        return 0;
    if (rig->wanted == 0 ? rig->is_ready : rig->count >= rig->wanted)
        loop_stop(&rig->loop);
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)reason;
    struct rig *rig = owner;
    rig->is_gone = true;
    loop_stop(&rig->loop);
}

static void on_guard(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(ev, EVBREAK_ALL);
}

static void run_guarded(struct rig *rig)
{
    ev_timer_init(&rig->guard, on_guard, GUARD_SECONDS, 0);
    ev_now_update(rig->loop.ev);
    ev_timer_start(rig->loop.ev, &rig->guard);
    loop_run(&rig->loop);
    ev_timer_stop(rig->loop.ev, &rig->guard);
}

void rig_start(struct rig *rig, bool with_setup)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    int sockets[2];
    memset(rig, 0, sizeof(*rig));
    for (unsigned i = 0; i < RIG_RESULTS; i++)
        diag_list_init(&rig->outcomes[i].diags);
    cr_assert_eq(ipc_pair(sockets), 0);
    rig->pid = fork();
    cr_assert_geq(rig->pid, 0);
    if (rig->pid == 0) {
        close(sockets[0]);
        /* _exit: a process that cannot be traced cannot be searched for leaks either. */
        _exit(resolver_main(sockets[1]));
    }
    close(sockets[1]);
    loop_init(&rig->loop);
    rig->started = loop_now(&rig->loop);
    rig->channel = ipc_channel_new(&rig->loop, sockets[0],
                                   (struct ipc_ends){ROLE_SUPERVISOR, ROLE_RESOLVER}, &events, rig);
    if (!with_setup)
        return;
    struct ipc_setup setup = {
        .log_level = LOG_LEVEL_ERROR,
        .log_sink = LOG_SINK_STDERR,
        .identity = {.keep = getuid() != 0, .user = 65534, .group = 65534},
    };
    struct wire_writer body;
    wire_writer_init(&body);
    ipc_put_setup(&body, &setup);
    ipc_send(rig->channel, IPC_SETUP, &body, NULL);
    wire_writer_free(&body);
    run_guarded(rig);
    cr_assert(rig->is_ready);
}

void rig_send(struct rig *rig, enum ipc_message message, const struct wire_writer *body,
              struct slice bytes)
{
    struct ipc_blob *blob = ipc_message_has_blob(message) ? ipc_blob_new(bytes) : NULL;
    ipc_send(rig->channel, message, body, &(struct ipc_attachments){.blob = blob});
    if (blob)
        ipc_blob_unref(blob);
}

void rig_examine(struct rig *rig, uint64_t serial, const char *text, struct bundle_file *files,
                 uint32_t file_count)
{
    struct config_tree tree;
    struct diag_list diags;
    struct wire_writer body, bytes;
    config_tree_init(&tree);
    diag_list_init(&diags);
    cr_assert_eq(config_parse_text(&tree, &config_files, "/etc/acme.conf", slice_of(text), &diags),
                 0);
    struct bundle bundle = {.tenant = SLICE("acme"),
                            .folder = SLICE("/c"),
                            .root = &tree.root,
                            .files = files,
                            .file_count = file_count,
                            .names = rig->known,
                            .name_count = rig->known ? 1 : 0};
    wire_writer_init(&body);
    wire_writer_init(&bytes);
    ipc_put_serial(&body, &(struct ipc_serial){serial});
    bundle_encode(&bytes, &bundle);
    if (!rig->raw)
        rig->raw = ipc_blob_new(wire_written(&bytes));
    rig_send(rig, IPC_EXAMINE, &body, wire_written(&bytes));
    wire_writer_free(&body);
    wire_writer_free(&bytes);
    diag_list_free(&diags);
    config_tree_free(&tree);
}

bool rig_wait(struct rig *rig, unsigned outcomes)
{
    rig->wanted = outcomes;
    if (rig->count < outcomes && !rig->is_gone)
        run_guarded(rig);
    return rig->count >= outcomes;
}

bool rig_wait_connects(struct rig *rig, unsigned connects)
{
    rig->wanted_connects = connects;
    if (rig->connects < connects && !rig->is_gone)
        run_guarded(rig);
    rig->wanted_connects = 0;
    return rig->connects >= connects;
}

bool rig_wait_container(struct rig *rig, const char *text)
{
    rig->wanted_container = text;
    if (strcmp(rig->container, text) != 0 && !rig->is_gone)
        run_guarded(rig);
    rig->wanted_container = NULL;
    return strcmp(rig->container, text) == 0;
}

void rig_say_container(struct rig *rig, enum ipc_message message, const char *name)
{
    ipc_send_container_name(rig->channel, message, &(struct ipc_container_name){slice_of(name)},
                            NULL);
}

void rig_give_socket(struct rig *rig, int fd, int error)
{
    ipc_send_container_socket(
        rig->channel, IPC_CONTAINER_SOCKET,
        &(struct ipc_container_socket){error, SLICE("/run/engine.sock")},
        &(struct ipc_attachments){.descriptors = &fd, .descriptor_count = fd >= 0 ? 1 : 0});
    if (fd >= 0)
        close(fd);
}

bool rig_wait_gone(struct rig *rig)
{
    rig->wanted = RIG_RESULTS + 1;
    if (!rig->is_gone)
        run_guarded(rig);
    return rig->is_gone;
}

const struct outcome *rig_outcome(const struct rig *rig, uint64_t serial)
{
    for (unsigned i = 0; i < rig->count; i++) {
        if (rig->outcomes[i].serial == serial)
            return &rig->outcomes[i];
    }
    return NULL;
}

void outcome_get_findings(const struct rig *rig, const struct outcome *outcome,
                          struct bundle *bundle, struct arena *arena)
{
    struct slice findings = {outcome->bytes, outcome->size};
    cr_assert_eq(bundle_decode(bundle, arena, ipc_blob_bytes(rig->raw)), 0);
    cr_assert_eq(bundle_get_findings(bundle, arena, findings), 0);
}

bool outcome_has_diag(const struct outcome *outcome, enum diag_severity severity, uint32_t line,
                      const char *text)
{
    const struct diag *diag;
    STAILQ_FOREACH (diag, &outcome->diags.items, next) {
        cr_log_info("%s:%u: %s", diag->place.file, diag->place.line, diag->message);
        if (diag->severity == severity && diag->place.line == line && strstr(diag->message, text))
            return true;
    }
    return false;
}

int rig_end(struct rig *rig)
{
    int status = -1;
    ipc_channel_free(rig->channel);
    waitpid(rig->pid, &status, 0);
    for (unsigned i = 0; i < RIG_RESULTS; i++) {
        diag_list_free(&rig->outcomes[i].diags);
        free(rig->outcomes[i].bytes);
    }
    ipc_blob_unref(rig->raw);
    loop_free(&rig->loop);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
