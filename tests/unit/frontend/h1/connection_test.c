/* SPDX-License-Identifier: MIT */
/* HTTP/1 connections: keep-alive, pipelines, clocks. */
#include "frontend/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct rig rig;

Test(h1_connection, keeps_and_closes_as_asked)
{
    rig_start(&rig, "return 200 'ok';");
    int fd = client_open(&rig);
    for (int i = 0; i < 5; i++) {
        client_send(&rig, fd, GET);
        client_expect(&rig, fd, "\r\n\r\nok");
        cr_assert_null(strstr(rig.text, "Connection: close"));
    }
    client_send(&rig, fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close"));
    cr_assert_not(rig.was_reset);
    close(fd);
    client_ask(&rig, "GET / HTTP/1.0\r\n\r\n", "Connection: close");
    rig_close(&rig);
}

Test(h1_connection, answers_a_pipeline_in_order)
{
    char requests[100 * 64];
    size_t len = 0;

    rig_start(&rig, "location / { return 200 '<$request_uri>'; }");
    int fd = client_open(&rig);
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    client_send(&rig, fd, requests);
    client_expect(&rig, fd, "</99>");
    cr_assert_eq(rig_count(&rig, "HTTP/1.1 200"), 100);
    const char *at = rig.text;
    for (int i = 0; i < 100; i++) {
        char text[16];

        snprintf(text, sizeof(text), "</%d>", i);
        at = strstr(at, text);
        cr_assert_not_null(at);
    }
    close(fd);
    rig_close(&rig);
}

/* Responses that nobody reads: what waits here must not grow, and all are answered in the end. */
Test(h1_connection, an_unread_pipeline_waits_for_its_reader)
{
    enum { COUNT = 20000 };
    char *requests = malloc(COUNT * 32);
    size_t len = 0, total = 0, sent = 0;

    rig_start(&rig, "return 200 '0123456789012345678901234567890123456789';"
                    "keepalive_requests 100000;");
    int fd = client_open(&rig);
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(requests + len, 32, "%s", GET);
    for (int idle = 0; sent < len && idle < 50; idle++) {
        ssize_t now = send(fd, requests + sent, len - sent, MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        idle = now > 0 ? 0 : idle;
        rig_turn(&rig);
    }
    cr_assert_lt(rig.loop.buffers.held, 512 * 1024);
    while (total < COUNT) {
        ssize_t now = send(fd, requests + sent, len - sent, MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        rig_turn(&rig);
        ssize_t got = recv(fd, rig.text, sizeof(rig.text) - 1, MSG_DONTWAIT);
        for (ssize_t i = 0; i < got; i++)
            total += rig.text[i] == 'K'; /* of "OK" */
    }
    cr_assert_eq(total, COUNT);
    free(requests);
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, an_incomplete_head_is_told_408)
{
    rig_start(&rig, "client_header_timeout 1s; return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "GET / HTTP/1.1\r\nHo");
    struct rig_watch watch = rig_watch(&rig);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 408 "));
    rig_expect_took(&rig, &watch, 0.5, 1.5);
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, a_trickled_head_has_one_deadline)
{
    rig_start(&rig, "client_header_timeout 1s; return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, "GET / HTTP/1.1\r\n");
    struct rig_watch watch = rig_watch(&rig);
    for (int i = 0; i < 8; i++) {
        client_send(&rig, fd, "A: b\r\n");
        rig_run(&rig, 0.1);
    }
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "HTTP/1.1 408 "));
    rig_expect_took(&rig, &watch, 0.5, 1.5);
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, a_silent_client_is_closed_without_a_word)
{
    rig_start(&rig, "client_header_timeout 1s; return 200 'ok';");
    int fd = client_open(&rig);
    client_rest(&rig, fd);
    cr_assert_eq(rig.len, 0);
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, an_idle_connection_is_closed_after_keepalive_timeout)
{
    rig_start(&rig, "keepalive_timeout 1s; return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "ok");
    struct rig_watch watch = rig_watch(&rig);
    client_rest(&rig, fd);
    cr_assert_eq(rig.len, 0);
    rig_expect_took(&rig, &watch, 0.5, 1.5);
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, the_last_of_keepalive_requests_says_so)
{
    rig_start(&rig, "keepalive_requests 2; return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "ok");
    client_send(&rig, fd, GET);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close"));
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, no_keepalive_at_all)
{
    rig_start(&rig, "keepalive_timeout 0; return 200 'ok';");
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_rest(&rig, fd);
    cr_assert(strstr(rig.text, "Connection: close"));
    close(fd);
    rig_close(&rig);
}

Test(h1_connection, an_idle_connection_holds_no_buffers)
{
    rig_start(&rig, "return 200 'ok';");
    size_t free_large, held;
    int fd = client_open(&rig);
    client_send(&rig, fd, GET);
    client_expect(&rig, fd, "ok");
    rig_run(&rig, 0.01);
    free_large = rig.loop.buffers.large_count;
    held = rig.loop.buffers.held;
    cr_assert_leq(held, free_large * (BUFFER_SIZE + 64) + rig.loop.buffers.small_count * 2048,
                  "%zu bytes in use", held);
    close(fd);
    rig_close(&rig);
}
