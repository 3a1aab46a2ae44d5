/* SPDX-License-Identifier: MIT */
/* One client: what it is answered, what it is refused, and when the connection ends. */
#include "observer/rig.h"

#include <criterion/criterion.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES                                                                                      \
    "hello\t1\t2\t3\ngateway\tversion=1\tstate=serving\tpid=7\ntenant\tname=a\tstate=serving\n"    \
    "end\t0\n"

static struct rig rig;

Test(client, answers_and_keeps_the_connection)
{
    int fd;

    rig_open(&rig, "");
    fd = rig_connect(&rig);
    for (int i = 0; i < 5; i++) {
        rig_send(fd, "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        rig_hear(&rig, fd, "{\"status\": \"ok\"}\n");
        cr_assert_not_null(strstr(rig.said, "HTTP/1.1 200 OK\r\n"));
        cr_assert_not_null(strstr(rig.said, "\r\nContent-Length: 17\r\n"));
    }
    cr_assert_eq(rig.asked, 0);
    rig_send(fd, "HEAD /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    rig_end(&rig, fd);
    cr_assert_str_eq(rig.said + rig.len - 4, "\r\n\r\n");
    rig_close(&rig);
}

Test(client, waits_for_the_status_with_others)
{
    int first, second;

    rig_open(&rig, "");
    first = rig_connect(&rig);
    second = rig_connect(&rig);
    rig_send(first, "GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
    rig_send(second, "GET /status.json HTTP/1.0\r\n\r\n");
    for (int i = 0; i < 1000 && rig.server.count < 2; i++)
        rig_turn(&rig);
    for (int i = 0; i < 100; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.asked, 1);
    rig_tell(&rig, LINES);
    rig_end(&rig, first);
    cr_assert_not_null(strstr(rig.said, "{\"ready\": true}"));
    rig_end(&rig, second);
    cr_assert_not_null(strstr(rig.said, "\"tenant\": \"a\""));
    rig_close(&rig);
}

Test(client, is_told_that_there_is_no_status)
{
    int fd;

    rig_open(&rig, "");
    fd = rig_connect(&rig);
    rig_send(fd, "GET /status.json HTTP/1.0\r\n\r\n");
    while (rig.asked == 0)
        rig_turn(&rig);
    rig_tell(&rig, NULL);
    rig_end(&rig, fd);
    cr_assert_not_null(strstr(rig.said, " 503 "));
    rig_close(&rig);
}

/* A status of 600 KB, more than sockets take. */
static void tell_much(void)
{
    static char line[50000];
    int sockets[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, sockets), 0);
    status_on_connection(&rig.server.status, sockets[0]);
    rig_send(sockets[1], "hello\t1\t2\t0\ngateway\tpid=7\tstate=serving\n");
    memset(line, 'x', sizeof(line) - 2);
    memcpy(line, "tenant\tname=", 12);
    line[sizeof(line) - 2] = '\n';
    for (int i = 0; i < 12; i++) {
        rig_send(sockets[1], line);
        for (int j = 0; j < 20; j++)
            rig_turn(&rig);
    }
    rig_send(sockets[1], "end\t0\n");
    close(sockets[1]);
}

static struct client *ask_much(int *fd)
{
    struct client *client;
    unsigned asked = rig.asked;

    rig.server.status.told = 0.; /* what is there is old */
    *fd = rig_connect(&rig);
    rig_send(*fd, "GET /status.json HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\n");
    while (rig.asked == asked)
        rig_turn(&rig);
    tell_much();
    client = TAILQ_LAST(&rig.server.clients, clients);
    for (int i = 0; i < 20000 && client->state != CLIENT_WRITING; i++)
        rig_turn(&rig);
    cr_assert_eq(client->state, CLIENT_WRITING);
    return client;
}

/* What is there for others too is nobody's fault, however old it is. */
Test(client, that_reads_slowly_keeps_few_statuses)
{
    struct client *first, *second;
    int fds[3];

    rig_open(&rig, "");
    first = ask_much(&fds[0]);
    cr_assert_eq(client_keeps(first), 0, "it is the last one");
    second = ask_much(&fds[1]);
    cr_assert_geq(client_keeps(first), 600000);
    ask_much(&fds[2]);
    cr_assert_eq(rig.server.count, 3);
    first->text->bytes.len = second->text->bytes.len = SERVER_KEPT / 2;
    server_cut_behind(&rig.server);
    cr_assert_eq(rig.server.count, 3);
    first->since = second->since - 1;
    second->text->bytes.len++;
    server_cut_behind(&rig.server);
    cr_assert_eq(rig.server.count, 2);
    cr_assert_eq(TAILQ_FIRST(&rig.server.clients), second, "the older one is cut");
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    rig_close(&rig);
}

Test(client, that_goes_while_it_waits_is_no_more)
{
    int fd;

    rig_open(&rig, "");
    fd = rig_connect(&rig);
    rig_send(fd, "GET /status.json HTTP/1.0\r\n\r\n");
    while (rig.asked == 0)
        rig_turn(&rig);
    close(fd);
    rig_tell(&rig, LINES);
    for (int i = 0; i < 20000 && rig.server.count > 0; i++)
        rig_turn(&rig);
    cr_assert_eq(rig.server.count, 0);
    rig_close(&rig);
}

static void expect(const char *names, const char *request, const char *answer)
{
    int fd;

    rig_open(&rig, names);
    fd = rig_connect(&rig);
    rig_send(fd, request);
    rig_end(&rig, fd);
    cr_expect_not_null(strstr(rig.said, answer), "%s: %s", request, rig.said);
    rig_close(&rig);
}

#define ASK(host) "GET /healthz HTTP/1.1\r\nHost: " host "\r\nConnection: close\r\n\r\n"

Test(client, sees_only_what_is_asked_by_an_address_or_a_listed_name)
{
    expect("", ASK("127.0.0.1"), " 200 ");
    expect("", ASK("10.0.0.1:9180"), " 200 ");
    expect("", ASK("[::1]:9180"), " 200 ");
    expect("", ASK("localhost"), " 421 ");
    expect(" a.test b.test", ASK("a.test:80"), " 200 ");
    expect(" a.test b.test", ASK("B.test"), " 200 ");
    expect(" a.test b.test", ASK("c.test"), " 421 ");
    expect(" a.test b.test", ASK("test"), " 421 ");
    expect(" a.test b.test", ASK("a.test.b.test"), " 421 ");
    expect(" a.test", ASK("127.0.0.1.evil.test"), " 421 ");
    expect(NULL, ASK("anything"), " 200 ");
}

Test(client, refuses_what_it_does_not_do)
{
    expect("", "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 3\r\n\r\nabc", " 405 ");
    expect("", "OPTIONS * HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n", "\r\nAllow: GET, HEAD\r\n");
    expect("", "no request\r\n\r\n", " 400 ");
    expect("", "GET / HTTP/1.1\r\n\r\n", " 400 ");
    expect("", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", " 400 ");
    /* A second request that does not wait for the first one's answer. */
    expect("",
           "GET /healthz HTTP/1.1\r\nHost: 1.1.1.1\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",
           "\r\nConnection: close\r\n");
}
