/* SPDX-License-Identifier: MIT */
/* A real worker process, and the test as its supervisor. */
#include "worker/rig.h"

#include "io/socket.h"
#include "tenant/bundle.h"
#include "worker/worker.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define TICK 0.003

static void note_committed(struct rig *rig, uint64_t serial)
{
    if (serial == RIG_LISTENER)
        rig->taken++;
    else
        rig->committed = serial;
}

static int on_message(void *owner, struct ipc_received *received)
{
    struct rig *rig = owner;

    if (received->message == IPC_READY)
        rig->ready++;
    if (received->message == IPC_WORKING) {
        rig->working = wire_get_u64(&received->body);
        cr_assert_neq(rig->committed, rig->working, "said when it begins");
    }
    if (received->message == IPC_COMMITTED)
        note_committed(rig, wire_get_u64(&received->body));
    if (received->message == IPC_PONG)
        rig->pong = wire_get_u64(&received->body);
    if (received->message == IPC_LACKED) {
        cr_assert_eq(wire_get_u64(&received->body), RIG_LISTENER);
        cr_assert(slice_equal(wire_get_slice(&received->body), SLICE(RIG_ADDRESS)));
        rig->lack = (int)wire_get_u32(&received->body);
        rig->lacked++;
    }
    if (received->message == IPC_LISTENER_DEAD) {
        cr_assert(slice_equal(wire_get_slice(&received->body), SLICE("acme")));
        cr_assert(slice_equal(wire_get_slice(&received->body), SLICE(RIG_ADDRESS)));
        rig->dead_error = wire_get_u32(&received->body);
        rig->dead++;
    }
    if (received->message == IPC_SOCKETS_ASK) {
        cr_assert(slice_equal(wire_get_slice(&received->body), SLICE("acme")));
        cr_assert(slice_equal(wire_get_slice(&received->body), SLICE("blue")));
        cr_assert_eq(wire_get_u8(&received->body), 4);
        cr_assert_eq(wire_finish(&received->body), 0);
        rig->asked++;
    }
    return 0;
}

static void on_gone(void *owner, const char *reason)
{
    (void)reason;
    ((struct rig *)owner)->is_gone = true;
}

static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

void rig_start(struct rig *rig)
{
    static const struct ipc_events events = {.on_message = on_message, .on_gone = on_gone};
    int sockets[2];

    memset(rig, 0, sizeof(*rig));
    rig->listener = -1;
    cr_assert_eq(ipc_pair(sockets), 0);
    rig->pid = fork();
    cr_assert_geq(rig->pid, 0);
    if (rig->pid == 0) {
        close(sockets[0]);
        /* _exit: a process that cannot be traced cannot be searched for leaks either. */
        _exit(worker_main(sockets[1]));
    }
    close(sockets[1]);
    loop_init(&rig->loop);
    ev_timer_init(&rig->tick, on_tick, TICK, TICK);
    ev_timer_start(rig->loop.ev, &rig->tick);
    rig->channel = ipc_channel_new(&rig->loop, sockets[0],
                                   (struct ipc_ends){ROLE_SUPERVISOR, ROLE_WORKER}, &events, rig);
}

void rig_setup(struct rig *rig)
{
    struct ipc_setup setup = {
        .index = 2,
        .column = TALLY_WORKERS + 2,
        .log_level = LOG_LEVEL_ERROR,
        .log_sink = LOG_SINK_STDERR,
        .identity = {.keep = getuid() != 0, .user = 65534, .group = 65534},
    };
    struct wire_writer body;
    int descriptors[2];

    descriptors[1] = figures_new_file();
    figures_map(&rig->figures, descriptors[1]);
    rig->tally = tally_new(&descriptors[0]);
    cr_assert_not_null(rig->tally);
    tally_set_workers(rig->tally, 1, 4);
    wire_writer_init(&body);
    ipc_put_setup(&body, &setup);
    ipc_send(rig->channel, IPC_SETUP, &body,
             &(struct ipc_attachments){.descriptors = descriptors, .descriptor_count = 2});
    wire_writer_free(&body);
    close(descriptors[1]);
    rig_until(rig, rig->ready == 1);
}

void rig_send_raw_tenant(struct rig *rig, uint64_t serial, struct slice bytes)
{
    static const char keys[160];
    const struct ipc_tenant body = {.serial = serial,
                                    .name = SLICE("acme"),
                                    .slot = 5,
                                    .figures = RIG_NUMBER,
                                    .ticket_keys = {keys, sizeof(keys)},
                                    .cells = rig->cells.len > 0 ? rig->cells : SLICE("\0\0\0\0"),
                                    .logs = rig->logs};
    struct ipc_blob *blob = ipc_blob_new(bytes);

    ipc_send_tenant(rig->channel, IPC_TENANT, &body,
                    &(struct ipc_attachments){&rig->cells_fd, rig->cells_fd > 0 ? 1 : 0, blob});
    ipc_blob_unref(blob);
}

void rig_send_tenant(struct rig *rig, uint64_t serial, const char *server)
{
    struct config_tree tree;
    struct diag_list diags;
    struct wire_writer bytes;
    char text[512];

    snprintf(text, sizeof(text), "netns host; server { listen %s; %s }", RIG_ADDRESS, server);
    config_tree_init(&tree);
    diag_list_init(&diags);
    cr_assert_eq(config_parse_text(&tree, &config_files, "/c/acme.conf", slice_of(text), &diags),
                 0);
    struct bundle bundle = {.tenant = SLICE("acme"), .folder = SLICE("/c"), .root = &tree.root};
    wire_writer_init(&bytes);
    bundle_encode(&bytes, &bundle);
    rig_send_raw_tenant(rig, serial, wire_written(&bytes));
    wire_writer_free(&bytes);
    diag_list_free(&diags);
    config_tree_free(&tree);
}

void rig_send_listener(struct rig *rig)
{
    struct socket_listen_options options = {.backlog = 64};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct address address;
    const char *call;
    int fd;

    address_set(&address, (struct sockaddr *)&any, sizeof(any));
    fd = socket_listen(&address, &options, &call);
    cr_assert_geq(fd, 0);
    address_of_socket(fd, &address);
    rig->port = address_port(&address);
    ipc_send_listener(rig->channel, IPC_LISTENER,
                      &(struct ipc_listener){RIG_LISTENER, SLICE("acme"), SLICE(RIG_ADDRESS), 0},
                      &(struct ipc_attachments){.descriptors = &fd, .descriptor_count = 1});
    if (rig->listener >= 0)
        close(rig->listener);
    rig->listener = fd;
}

void rig_send_remove(struct rig *rig, const char *tenant)
{
    ipc_send_tenant_remove(rig->channel, IPC_TENANT_REMOVE,
                           &(struct ipc_tenant_remove){99, slice_of(tenant), rig->moves}, NULL);
}

void rig_send_close(struct rig *rig, const char *tenant)
{
    ipc_send_listener_close(
        rig->channel, IPC_LISTENER_CLOSE,
        &(struct ipc_listener_close){slice_of(tenant), SLICE(RIG_ADDRESS), 0, IPC_NO_LIMIT}, NULL);
}

void rig_send_u32(struct rig *rig, enum ipc_message message, uint32_t value)
{
    struct wire_writer body;

    wire_writer_init(&body);
    wire_put_u32(&body, value);
    ipc_send(rig->channel, message, &body, NULL);
    wire_writer_free(&body);
}

void rig_send_drain(struct rig *rig, uint32_t milliseconds, bool when_alone)
{
    ipc_send_drain(rig->channel, IPC_DRAIN, &(struct ipc_drain){milliseconds, when_alone}, NULL);
}

void rig_turn(struct rig *rig)
{
    ev_run(rig->loop.ev, EVRUN_ONCE);
}

void rig_ask(struct rig *rig, int fd, const char *text)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    size_t len = 0;

    cr_assert_eq(send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(get) - 1);
    rig->text[0] = '\0';
    for (int turns = 0; !strstr(rig->text, text); turns++) {
        ssize_t got = recv(fd, rig->text + len, sizeof(rig->text) - 1 - len, MSG_DONTWAIT);

        cr_assert(turns < 5000 && got != 0, "no \"%s\" in \"%s\"", text, rig->text);
        len += got > 0 ? (size_t)got : 0;
        rig->text[len] = '\0';
        rig_turn(rig);
    }
}

int rig_get(struct rig *rig, const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(rig->port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    rig_ask(rig, fd, text);
    return fd;
}

int rig_end(struct rig *rig)
{
    int status = -1;

    if (rig->channel)
        ipc_channel_free(rig->channel);
    waitpid(rig->pid, &status, 0);
    if (rig->tally)
        tally_free(rig->tally);
    if (rig->figures.memory)
        figures_unmap(&rig->figures);
    if (rig->listener >= 0)
        close(rig->listener);
    ev_timer_stop(rig->loop.ev, &rig->tick);
    loop_free(&rig->loop);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
