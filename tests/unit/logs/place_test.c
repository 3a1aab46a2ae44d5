/* SPDX-License-Identifier: MIT */
/* Places of lines: copied, put and got, and what no sender puts. */
#include "logs/place.h"

#include <criterion/criterion.h>

static const struct config_log_destination file = {.kind = LOG_TO_FILE,
                                                   .identity = SLICE("file /var/log/a.log")};

static struct config_log_destination syslog_at(struct address *server)
{
    server->local = (struct sockaddr_un){AF_UNIX, "/dev/log"};
    server->len = sizeof(server->local);
    return (struct config_log_destination){.kind = LOG_TO_SYSLOG,
                                           .identity = SLICE("syslog unix:/dev/log 190 a 1"),
                                           .server = *server,
                                           .priority = 190,
                                           .tag = SLICE("a"),
                                           .has_hostname = true};
}

static bool put_and_get(const struct ipc_log_place *body, struct log_place *got)
{
    struct wire_writer writer;
    struct wire_reader reader;
    int result;

    *got = (struct log_place){0};
    wire_writer_init(&writer);
    ipc_put_log_place(&writer, *body);
    wire_reader_init(&reader, wire_written(&writer));
    log_place_get(&reader, got);
    result = wire_finish(&reader);
    wire_writer_free(&writer);
    return result == 0;
}

Test(place, a_file_has_a_path)
{
    struct log_place place, copy, got;
    struct ipc_log_place body;

    log_place_set(&place, &file);
    log_place_copy(&copy, &place);
    log_place_free(&place);
    cr_assert_str_eq(copy.path, "/var/log/a.log");
    body = log_place_body(&copy);
    cr_assert(put_and_get(&body, &got));
    cr_assert_str_eq(got.path, "/var/log/a.log");
    cr_assert_eq(got.server.len, 0);
    log_place_free(&copy);
    log_place_free(&got);
}

Test(place, syslog_has_a_server)
{
    struct address server;
    struct config_log_destination from = syslog_at(&server);
    struct log_place place, got;
    struct ipc_log_place body;

    log_place_set(&place, &from);
    body = log_place_body(&place);
    cr_assert(put_and_get(&body, &got));
    cr_assert_null(got.path);
    cr_assert_str_eq(got.tag, "a");
    cr_assert_eq(got.priority, 190);
    cr_assert(got.has_hostname);
    cr_assert(address_equal(&got.server, &server));
    log_place_free(&place);
    log_place_free(&got);
}

Test(place, what_cannot_be_is_refused)
{
    struct address server;
    struct config_log_destination from = syslog_at(&server);
    struct log_place place, got;
    struct ipc_log_place good, wrong;

    log_place_set(&place, &from);
    good = log_place_body(&place);
    wrong = good;
    wrong.kind = 3;
    cr_expect_not(put_and_get(&wrong, &got));
    wrong = good;
    wrong.kind = LOG_TO_FILE;
    cr_expect_not(put_and_get(&wrong, &got), "it has no path");
    wrong = good;
    wrong.server.len = 0;
    cr_expect_not(put_and_get(&wrong, &got));
    wrong = good;
    wrong.server.any.sa_family = AF_PACKET;
    cr_expect_not(put_and_get(&wrong, &got));
    wrong = good;
    wrong.tag = (struct slice){"a\0b", 3};
    cr_expect_not(put_and_get(&wrong, &got));
    log_place_free(&place);
}
