/* SPDX-License-Identifier: MIT */
/* /page.json as a client gets it: in chunks, of all or of one, or that nothing is known. */
#include "ipc/sealed.h"
#include "observer/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static struct rig rig;
static struct metrics_file board;

static void begin(void)
{
    uint64_t size = metrics_file_size(METRICS_BOARD);
    int fd = sealed_memory("board", size);
    char *memory = sealed_memory_map(fd, size, true);

    cr_assert_not_null(memory);
    metrics_file_describe(METRICS_BOARD, memory);
    cr_assert_eq(metrics_file_open(&board, METRICS_BOARD, memory), 0);
    rig_open(&rig, "");
    cr_assert_eq(looks_set(&rig.server.looks, METRICS_SOURCE_BOARD, fd), 0);
    close(fd);
}

static void end(void)
{
    rig_close(&rig);
    munmap(board.memory, metrics_file_size(METRICS_BOARD));
}

static void enter(uint32_t slot, const char *name)
{
    metrics_board_enter(&board, slot, (slot + 1) * (uint64_t)METRICS_TENANTS);
    metrics_board_set_text(&board, slot, &(struct metrics_text){.name = slice_of(name)});
}

/* What is answered to that request, to the end. */
static const char *answer(const char *method, const char *target, const char *version)
{
    int fd = rig_connect(&rig);
    char request[256];

    snprintf(request, sizeof(request),
             "%s %s HTTP/%s\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", method, target,
             version);
    rig_send(fd, request);
    rig_end(&rig, fd);
    return rig.said;
}

TestSuite(feed, .init = begin, .fini = end);

Test(feed, is_framed_as_the_client_can_read)
{
    enter(0, "acme");
    cr_expect_not_null(
        strstr(answer("GET", "/page.json", "1.1"), "Transfer-Encoding: chunked\r\n"));
    cr_expect_str_eq(rig.said + rig.len - 7, "\r\n0\r\n\r\n");
    cr_expect_not_null(strstr(rig.said, "[\"acme\","));
    cr_expect_null(strstr(answer("GET", "/page.json", "1.0"), "chunked"));
    cr_expect_str_eq(rig.said + rig.len - 2, "}\n");
    answer("HEAD", "/page.json", "1.1");
    cr_expect_str_eq(rig.said + rig.len - 4, "\r\n\r\n");
    cr_expect_null(strstr(rig.said, "acme"));
    cr_assert_eq(rig.asked, 0, "the supervisor is not asked");
}

Test(feed, is_of_the_tenant_that_is_asked_for)
{
    enter(0, "a/b c%");
    enter(1, "other");
    cr_expect_not_null(
        strstr(answer("GET", "/page.json?tenant=a%2Fb%20c%25", "1.0"), "[\"a/b c%\","));
    cr_expect_null(strstr(rig.said, "\"other\""));
    cr_expect_not_null(strstr(rig.said, "\"parts\":["));
    cr_expect_not_null(
        strstr(answer("GET", "/page.json?tenant=a%2fb+c%25", "1.0"), "[\"a/b c%\","));
}

Test(feed, what_cannot_be_a_name_is_nobody)
{
    static const char *const targets[] = {"/page.json?tenant=", "/page.json?tenant=%2",
                                          "/page.json?tenant=%zz", "/page.json?tenant=x"};

    enter(0, "acme");
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        cr_expect_not_null(strstr(answer("GET", targets[i], "1.0"), "\"tenants\":[\n]"), "%s: %s",
                           targets[i], rig.said);
    }
}

Test(feed, a_connection_is_kept_behind_it)
{
    int fd = rig_connect(&rig);

    for (int i = 0; i < 3; i++) {
        rig_send(fd, "GET /page.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
        rig_hear(&rig, fd, "\r\n0\r\n\r\n");
    }
    close(fd);
}

Test(feed, without_figures_it_is_told)
{
    looks_set(&rig.server.looks, METRICS_SOURCE_BOARD, -1);
    cr_expect_not_null(strstr(answer("GET", "/page.json", "1.0"), " 503 "));
    cr_expect_not_null(strstr(rig.said, "not known"));
}

static struct client *read_slowly(int *fd)
{
    struct client *client;

    *fd = rig_connect(&rig);
    rig_send(*fd, "GET /page.json HTTP/1.0\r\n\r\n");
    for (unsigned i = 0, count = rig.server.count; i < 10000 && rig.server.count == count; i++)
        rig_turn(&rig);
    client = TAILQ_LAST(&rig.server.clients, clients);
    for (int i = 0; i < 10000 && client->state != CLIENT_WRITING; i++)
        rig_turn(&rig);
    cr_assert_not_null(client->feed);
    return client;
}

static void look_anew(void)
{
    rig.server.looks.last->taken = -1000;
    look_unref(looks_at(&rig.server.looks, SLICE("")));
    server_cut_behind(&rig.server);
    rig_turn(&rig);
}

/* Who reads a long answer slowly is not waited for by others, and is cut when all who do so keep
 * too much. */
Test(feed, a_slow_reader_is_cut)
{
    struct client *first, *second;
    char name[32];
    int fds[2];

    for (uint32_t i = 0; i < 9000; i++) {
        snprintf(name, sizeof(name), "tenant-%u-of-many", i);
        enter(i, name);
    }
    first = read_slowly(&fds[0]);
    for (int i = 0; i < 50; i++)
        look_anew();
    cr_assert_eq(rig.server.count, 1, "it keeps one look, however many have come since");
    second = read_slowly(&fds[1]);
    look_anew();
    cr_assert_eq(rig.server.count, 2);
    second->feed->look->snapshot->size = SERVER_KEPT;
    first->since = second->since - 1;
    look_anew();
    cr_assert_eq(rig.server.count, 1);
    cr_assert_eq(TAILQ_FIRST(&rig.server.clients), second);
    close(fds[0]);
    close(fds[1]);
}

/* ---- /metrics ---- */

static const char *scrape(const char *target, const char *fields)
{
    int fd = rig_connect(&rig);
    char request[512];

    snprintf(request, sizeof(request),
             "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n%s\r\n", target, fields);
    rig_send(fd, request);
    rig_end(&rig, fd);
    return rig.said;
}

Test(feed, metrics_are_in_the_format_that_is_asked_for)
{
    enter(0, "acme");
    cr_expect_not_null(strstr(scrape("/metrics?tenant=acme", ""),
                              "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    cr_expect_not_null(strstr(rig.said, "\r\nVary: Accept, Accept-Encoding\r\n"));
    cr_expect_null(strstr(rig.said, "nsgate_workers_wanted"), "one tenant's alone");
    cr_expect_not_null(strstr(rig.said, "# TYPE nsgate_tenant_state gauge"));
    scrape("/metrics?tenant=acme",
           "Accept: application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
           "text/plain;version=0.0.4;q=0.5,*/*;q=0.1\r\nAccept-Encoding: gzip;q=0.2, *;q=0\r\n");
    cr_expect_not_null(strstr(rig.said, "Content-Type: application/openmetrics-text; "
                                        "version=1.0.0; charset=utf-8\r\n"));
    cr_expect_not_null(strstr(rig.said, "\r\nContent-Encoding: gzip\r\n"));
    cr_expect_eq(rig.server.looks.last ? rig.server.looks.last->references : 1, 1);
}

Test(feed, metrics_of_who_is_not_there_are_none)
{
    enter(0, "acme");
    cr_expect_not_null(strstr(scrape("/metrics?tenant=other", ""), "HTTP/1.1 404 "));
    cr_expect_not_null(strstr(scrape("/metrics?x=y&tenant=", ""), "HTTP/1.1 404 "));
    cr_expect_not_null(strstr(scrape("/metrics?x=y&tenant=%61cme", ""), "HTTP/1.1 200 "));
    looks_set(&rig.server.looks, METRICS_SOURCE_BOARD, -1);
    cr_expect_not_null(strstr(scrape("/metrics?tenant=acme", ""), "HTTP/1.1 503 "));
}
