/* SPDX-License-Identifier: MIT */
/* Sockets for servers in namespaces: asked for, used, and given up. */
#include "worker/rig.h"

#include "io/socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static struct rig rig;
static int server;

static void start_serving(void)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(any);
    char text[256];

    server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    cr_assert_eq(bind(server, (struct sockaddr *)&any, sizeof(any)), 0);
    cr_assert_eq(listen(server, 8), 0);
    cr_assert_eq(getsockname(server, (struct sockaddr *)&any, &len), 0);
    snprintf(text, sizeof(text),
             "location / { proxy_pass http://app; } } upstream app {"
             " server 127.0.0.1:%u netns=blue;",
             ntohs(any.sin_port));
    rig_start(&rig);
    rig_setup(&rig);
    rig_send_tenant(&rig, 1, text);
    rig_send_listener(&rig);
    rig_until(&rig, rig.committed == 1);
}

static void send_sockets(unsigned count, uint8_t family, int error)
{
    struct wire_writer body;
    int sockets[IPC_DESCRIPTORS_MAX];

    for (unsigned i = 0; i < count; i++)
        sockets[i] = socket_for(AF_INET);
    wire_writer_init(&body);
    ipc_put_sockets(&body, &(struct ipc_sockets){SLICE("acme"), SLICE("blue"), AF_INET, error});
    body.data[body.len - 5] = family; /* also one that there is not */
    ipc_send(rig.channel, IPC_SOCKETS, &body,
             &(struct ipc_attachments){.descriptors = sockets, .descriptor_count = count});
    wire_writer_free(&body);
    for (unsigned i = 0; i < count; i++)
        close(sockets[i]);
}

static void send_stale(uint32_t milliseconds)
{
    ipc_send_sockets_stale(rig.channel, IPC_SOCKETS_STALE,
                           &(struct ipc_sockets_stale){SLICE("acme"), SLICE("blue"), milliseconds},
                           NULL);
}

/* Sends a GET. */
static int ask(void)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(rig.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    cr_assert_eq(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
    cr_assert_eq(send(fd, get, sizeof(get) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(get) - 1);
    return fd;
}

static void expect(int fd, const char *text)
{
    size_t len = 0;

    rig.text[0] = '\0';
    for (int turns = 0; !strstr(rig.text, text); turns++) {
        ssize_t got = recv(fd, rig.text + len, sizeof(rig.text) - 1 - len, MSG_DONTWAIT);

        cr_assert(turns < 5000 && got != 0, "no \"%s\" in \"%s\"", text, rig.text);
        len += got > 0 ? (size_t)got : 0;
        rig.text[len] = '\0';
        rig_turn(&rig);
    }
}

static int serve(void)
{
    static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    int fd = -1;

    rig_until(&rig, (fd = accept4(server, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    cr_assert_eq(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), (ssize_t)sizeof(answer) - 1);
    return fd;
}

static bool has_ended(int fd)
{
    char bytes[1024];
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
        ;
    return got == 0 || errno == ECONNRESET;
}

static void end(void)
{
    close(server);
    cr_assert_eq(rig_end(&rig), 0);
}

Test(sockets, a_request_waits_for_them)
{
    int client, backend;

    start_serving();
    client = ask();
    rig_until(&rig, rig.asked == 1);
    send_sockets(IPC_DESCRIPTORS_MAX, 4, 0);
    backend = serve();
    expect(client, "ok");
    rig_until(&rig, rig.asked == 2); /* three are left: a few more */
    close(client);
    close(backend);
    end();
}

Test(sockets, without_any_the_request_fails)
{
    int client;

    start_serving();
    client = ask();
    rig_until(&rig, rig.asked == 1);
    send_sockets(0, 4, ENOENT);
    expect(client, "502");
    close(client);
    end();
}

Test(sockets, a_namespace_that_is_gone_is_left)
{
    int client, backend;

    start_serving();
    client = ask();
    rig_until(&rig, rig.asked == 1);
    send_sockets(1, 4, 0);
    backend = serve();
    expect(client, "ok");
    send_stale(1500);
    rig_until(&rig, has_ended(backend));
    close(client);
    close(backend);
    end();
}

Test(sockets, malformed_messages_end_the_channel)
{
    start_serving();
    send_sockets(1, 5, 0);
    rig_until(&rig, rig.is_gone);
    end();
    rig = (struct rig){0};
    start_serving();
    rig_send_u32(&rig, IPC_SOCKETS_STALE, 7);
    rig_until(&rig, rig.is_gone);
    end();
}

Test(sockets, nobody_is_asked_when_the_supervisor_is_gone)
{
    int client;

    start_serving();
    client = ask();
    rig_until(&rig, rig.asked == 1);
    ipc_channel_free(rig.channel);
    rig.channel = NULL;
    expect(client, "502");
    close(client);
    end();
}
