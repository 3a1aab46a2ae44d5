/* SPDX-License-Identifier: MIT */
/* A real resolver process, and the test as its supervisor. */
#include "resolver/process.h"

#include "base/memory.h"
#include "ipc/body.h"
#include "resolver/resolver.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define GUARD_SECONDS 15.0

static bool on_container(struct process *process, struct ipc_received *received)
{
    struct slice name = wire_get_slice(&received->body);
    uint32_t pid = wire_get_u32(&received->body);
    struct slice sandbox = wire_get_slice(&received->body);
    struct slice reason = wire_get_slice(&received->body);
    cr_assert_eq(wire_finish(&received->body), 0);
    snprintf(process->container, sizeof(process->container), "%.*s %u %.*s|%.*s",
             SLICE_PRINTF(name), pid, SLICE_PRINTF(sandbox), SLICE_PRINTF(reason));
    return process->wanted_container && strcmp(process->container, process->wanted_container) == 0;
}

static int on_message(void *owner, struct ipc_received *received)
{
    struct process *process = owner;
    if (received->message == IPC_READY)
        process->is_ready = true;
    if (received->message == IPC_PONG)
        process->pong = wire_get_u64(&received->body);
    if (received->message == IPC_WORKING)
        process->working = wire_get_u64(&received->body);
    if (received->message == IPC_EXAMINED) {
        cr_assert_neq(process->working, 0, "said when it begins");
        cr_assert_lt(process->count, PROCESS_RESULTS);
        struct outcome *outcome = &process->outcomes[process->count++];
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
        outcome->at = loop_now(&process->loop) - process->started;
    }
    if (received->message == IPC_CONTAINER_CONNECT &&
        ++process->connects == process->wanted_connects)
        loop_stop(&process->loop);
    if (received->message == IPC_CONTAINER && on_container(process, received))
        loop_stop(&process->loop);
    if (process->wanted_connects > 0 || process->wanted_container)
        return 0;
    if (process->wanted == 0 ? process->is_ready : process->count >= process->wanted)
        loop_stop(&process->loop);
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)reason;
    struct process *process = owner;
    process->is_gone = true;
    loop_stop(&process->loop);
}

static void on_guard(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)timer;
    (void)events;
    ev_break(ev, EVBREAK_ALL);
}

static void run_guarded(struct process *process)
{
    ev_timer_init(&process->guard, on_guard, GUARD_SECONDS, 0);
    ev_now_update(process->loop.ev);
    ev_timer_start(process->loop.ev, &process->guard);
    loop_run(&process->loop);
    ev_timer_stop(process->loop.ev, &process->guard);
}

void process_start(struct process *process, bool with_setup)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    int sockets[2];
    memset(process, 0, sizeof(*process));
    for (unsigned i = 0; i < PROCESS_RESULTS; i++)
        diag_list_init(&process->outcomes[i].diags);
    cr_assert_eq(ipc_pair(sockets), 0);
    process->pid = fork();
    cr_assert_geq(process->pid, 0);
    if (process->pid == 0) {
        close(sockets[0]);
        /* _exit: a process that cannot be traced cannot be searched for leaks either. */
        _exit(resolver_main(sockets[1]));
    }
    close(sockets[1]);
    loop_init(&process->loop);
    process->started = loop_now(&process->loop);
    process->channel = ipc_channel_new(&process->loop, sockets[0], ROLE_SUPERVISOR, ROLE_RESOLVER,
                                       &events, process);
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
    ipc_send(process->channel, IPC_SETUP, &body, NULL);
    wire_writer_free(&body);
    run_guarded(process);
    cr_assert(process->is_ready);
}

void process_send(struct process *process, enum ipc_message message, const struct wire_writer *body,
                  struct slice bytes)
{
    struct ipc_blob *blob = ipc_message_has_blob(message) ? ipc_blob_new(bytes) : NULL;
    ipc_send(process->channel, message, body, &(struct ipc_attachments){.blob = blob});
    if (blob)
        ipc_blob_unref(blob);
}

void process_examine(struct process *process, uint64_t serial, const char *text,
                     struct bundle_file *files, uint32_t file_count)
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
                            .names = process->known,
                            .name_count = process->known ? 1 : 0};
    wire_writer_init(&body);
    wire_writer_init(&bytes);
    wire_put_u64(&body, serial);
    bundle_encode(&bytes, &bundle);
    if (!process->raw)
        process->raw = ipc_blob_new(wire_written(&bytes));
    process_send(process, IPC_EXAMINE, &body, wire_written(&bytes));
    wire_writer_free(&body);
    wire_writer_free(&bytes);
    diag_list_free(&diags);
    config_tree_free(&tree);
}

bool process_wait(struct process *process, unsigned outcomes)
{
    process->wanted = outcomes;
    if (process->count < outcomes && !process->is_gone)
        run_guarded(process);
    return process->count >= outcomes;
}

bool process_wait_connects(struct process *process, unsigned connects)
{
    process->wanted_connects = connects;
    if (process->connects < connects && !process->is_gone)
        run_guarded(process);
    process->wanted_connects = 0;
    return process->connects >= connects;
}

bool process_wait_container(struct process *process, const char *text)
{
    process->wanted_container = text;
    if (strcmp(process->container, text) != 0 && !process->is_gone)
        run_guarded(process);
    process->wanted_container = NULL;
    return strcmp(process->container, text) == 0;
}

void process_say_container(struct process *process, enum ipc_message message, const char *name)
{
    struct wire_writer body;
    wire_writer_init(&body);
    wire_put_slice(&body, slice_of(name));
    process_send(process, message, &body, (struct slice){0});
    wire_writer_free(&body);
}

void process_give_socket(struct process *process, int fd, int error)
{
    struct wire_writer body;
    wire_writer_init(&body);
    wire_put_u32(&body, (uint32_t)error);
    wire_put_slice(&body, SLICE("/run/engine.sock"));
    ipc_send(process->channel, IPC_CONTAINER_SOCKET, &body,
             &(struct ipc_attachments){.descriptors = &fd, .descriptor_count = fd >= 0 ? 1 : 0});
    wire_writer_free(&body);
    if (fd >= 0)
        close(fd);
}

bool process_wait_gone(struct process *process)
{
    process->wanted = PROCESS_RESULTS + 1;
    if (!process->is_gone)
        run_guarded(process);
    return process->is_gone;
}

const struct outcome *process_outcome(const struct process *process, uint64_t serial)
{
    for (unsigned i = 0; i < process->count; i++) {
        if (process->outcomes[i].serial == serial)
            return &process->outcomes[i];
    }
    return NULL;
}

void outcome_get_findings(const struct process *process, const struct outcome *outcome,
                          struct bundle *bundle, struct arena *arena)
{
    struct slice findings = {outcome->bytes, outcome->size};
    cr_assert_eq(bundle_decode(bundle, arena, ipc_blob_bytes(process->raw)), 0);
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

int process_end(struct process *process)
{
    int status = -1;
    ipc_channel_free(process->channel);
    waitpid(process->pid, &status, 0);
    for (unsigned i = 0; i < PROCESS_RESULTS; i++) {
        diag_list_free(&process->outcomes[i].diags);
        free(process->outcomes[i].bytes);
    }
    ipc_blob_unref(process->raw);
    loop_free(&process->loop);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
