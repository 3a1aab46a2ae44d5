/* SPDX-License-Identifier: MIT */
/* HTTP/1 connections: keep-alive, pipelines, clocks. */
#include "frontend/gate.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET "GET / HTTP/1.1\r\nHost: a\r\n\r\n"

static struct gate gate;

Test(h1_connection, keeps_and_closes_as_asked)
{
    gate_start(&gate, "return 200 'ok';");
    int fd = client_open(&gate);
    for (int i = 0; i < 5; i++) {
        client_send(&gate, fd, GET);
        client_expect(&gate, fd, "\r\n\r\nok");
        cr_assert_null(strstr(gate.text, "Connection: close"));
    }
    client_send(&gate, fd, "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close"));
    cr_assert_not(gate.was_reset);
    close(fd);
    client_ask(&gate, "GET / HTTP/1.0\r\n\r\n", "Connection: close");
    gate_close(&gate);
}

Test(h1_connection, answers_a_pipeline_in_order)
{
    char requests[100 * 64];
    size_t len = 0;

    gate_start(&gate, "location / { return 200 '<$request_uri>'; }");
    int fd = client_open(&gate);
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(requests + len, sizeof(requests) - len,
                                "GET /%d HTTP/1.1\r\nHost: a\r\n\r\n", i);
    client_send(&gate, fd, requests);
    client_expect(&gate, fd, "</99>");
    cr_assert_eq(gate_count(&gate, "HTTP/1.1 200"), 100);
    const char *at = gate.text;
    for (int i = 0; i < 100; i++) {
        char text[16];

        snprintf(text, sizeof(text), "</%d>", i);
        at = strstr(at, text);
        cr_assert_not_null(at);
    }
    close(fd);
    gate_close(&gate);
}

/* Responses that nobody reads: what waits here must not grow, and all are answered in the end. */
Test(h1_connection, an_unread_pipeline_waits_for_its_reader)
{
    enum { COUNT = 20000 };
    char *requests = malloc(COUNT * 32);
    size_t len = 0, total = 0, sent = 0;

    gate_start(&gate, "return 200 '0123456789012345678901234567890123456789';"
                      "keepalive_requests 100000;");
    int fd = client_open(&gate);
    for (int i = 0; i < COUNT; i++)
        len += (size_t)snprintf(requests + len, 32, "%s", GET);
    for (int idle = 0; sent < len && idle < 50; idle++) {
        ssize_t now = send(fd, requests + sent, len - sent, MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        idle = now > 0 ? 0 : idle;
        gate_turn(&gate);
    }
    cr_assert_lt(gate.loop.buffers.held, 512 * 1024);
    while (total < COUNT) {
        ssize_t now = send(fd, requests + sent, len - sent, MSG_DONTWAIT);

        sent += now > 0 ? (size_t)now : 0;
        gate_turn(&gate);
        ssize_t got = recv(fd, gate.text, sizeof(gate.text) - 1, MSG_DONTWAIT);
        for (ssize_t i = 0; i < got; i++)
            total += gate.text[i] == 'K'; /* of "OK" */
    }
    cr_assert_eq(total, COUNT);
    free(requests);
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, an_incomplete_head_is_told_408)
{
    gate_start(&gate, "client_header_timeout 1s; return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "GET / HTTP/1.1\r\nHo");
    double before = loop_now(&gate.loop);
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "HTTP/1.1 408 "));
    cr_assert_float_eq(loop_now(&gate.loop) - before, 1.0, 0.5);
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, a_trickled_head_has_one_deadline)
{
    gate_start(&gate, "client_header_timeout 1s; return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, "GET / HTTP/1.1\r\n");
    double before = loop_now(&gate.loop);
    for (int i = 0; i < 8; i++) {
        client_send(&gate, fd, "A: b\r\n");
        gate_run(&gate, 0.1);
    }
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "HTTP/1.1 408 "));
    cr_assert_float_eq(loop_now(&gate.loop) - before, 1.0, 0.5);
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, a_silent_client_is_closed_without_a_word)
{
    gate_start(&gate, "client_header_timeout 1s; return 200 'ok';");
    int fd = client_open(&gate);
    client_rest(&gate, fd);
    cr_assert_eq(gate.len, 0);
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, an_idle_connection_is_closed_after_keepalive_timeout)
{
    gate_start(&gate, "keepalive_timeout 1s; return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "ok");
    double before = loop_now(&gate.loop);
    client_rest(&gate, fd);
    cr_assert_eq(gate.len, 0);
    cr_assert_float_eq(loop_now(&gate.loop) - before, 1.0, 0.5);
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, the_last_of_keepalive_requests_says_so)
{
    gate_start(&gate, "keepalive_requests 2; return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "ok");
    client_send(&gate, fd, GET);
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close"));
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, no_keepalive_at_all)
{
    gate_start(&gate, "keepalive_timeout 0; return 200 'ok';");
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_rest(&gate, fd);
    cr_assert(strstr(gate.text, "Connection: close"));
    close(fd);
    gate_close(&gate);
}

Test(h1_connection, an_idle_connection_holds_no_buffers)
{
    gate_start(&gate, "return 200 'ok';");
    size_t free_large, held;
    int fd = client_open(&gate);
    client_send(&gate, fd, GET);
    client_expect(&gate, fd, "ok");
    gate_run(&gate, 0.01);
    free_large = gate.loop.buffers.large_count;
    held = gate.loop.buffers.held;
    cr_assert_leq(held, free_large * (BUFFER_SIZE + 64) + gate.loop.buffers.small_count * 2048,
                  "%zu bytes in use", held);
    close(fd);
    gate_close(&gate);
}
