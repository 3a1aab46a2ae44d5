/* SPDX-License-Identifier: MIT */
/* The log: its format, what a peer's bytes look like in it, and that it never blocks. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static int pipes[2];

static void start(void)
{
    cr_assert_eq(pipe(pipes), 0);
    log_set_sink(LOG_SINK_FILE, pipes[1]);
    log_set_role("worker 1");
}

TestSuite(log, .init = start);

static size_t read_line(char *line, size_t size)
{
    ssize_t len = read(pipes[0], line, size - 1);
    cr_assert_gt(len, 0);
    line[len] = '\0';
    return (size_t)len;
}

Test(log, writes_one_line)
{
    char line[8192];
    log_notice("tenant %s: %d", "acme", 7);
    read_line(line, sizeof line);
    cr_assert_not_null(strstr(line, " [notice] "));
    cr_assert_not_null(strstr(line, " worker 1: tenant acme: 7\n"));
}

/* A line of a signal handler has the time of any other, whatever the zone and the day. */
Test(log, tells_the_same_time_in_a_signal_handler)
{
    static const char *const zones[] = {"UTC", "<+0545>-5:45", "<-11>11", "<+14>-14"};

    for (size_t i = 0; i < sizeof(zones) / sizeof(zones[0]); i++) {
        char before[8192], within[8192], after[8192];
        setenv("TZ", zones[i], 1);
        tzset();
        log_load_time();
        log_notice("a");
        read_line(before, sizeof before);
        log_set_in_signal(true);
        log_notice("a");
        log_set_in_signal(false);
        read_line(within, sizeof within);
        log_notice("a");
        read_line(after, sizeof after);
        cr_expect(strcmp(before, within) == 0 || strcmp(within, after) == 0, "%s: %s and %s",
                  zones[i], before, within);
    }
}

Test(log, makes_control_bytes_visible)
{
    char line[8192];
    log_error("path %s", "/a\r\n2026/01/01 [error] forged\x1b[0m");
    read_line(line, sizeof line);
    cr_assert_not_null(strstr(line, "/a\\x0d\\x0a2026"));
    cr_assert_not_null(strstr(line, "\\x1b[0m"));
    cr_assert_eq(strchr(line, '\n'), line + strlen(line) - 1, "one line only");
}

Test(log, cuts_long_lines)
{
    char line[8192], text[6000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    log_error("%s", text);
    size_t len = read_line(line, sizeof line);
    cr_assert_leq(len, 4096);
    cr_assert_eq(line[len - 1], '\n');
}

Test(log, keeps_quiet_below_its_level)
{
    log_set_level(LOG_LEVEL_WARN);
    log_notice("not seen");
    log_debug("not seen");
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    char byte;
    cr_assert_eq(read(pipes[0], &byte, 1), -1);
    cr_assert_eq(log_level_parse("warn"), LOG_LEVEL_WARN);
    cr_assert_eq(log_level_parse("loud"), -1);
}

Test(log, drops_and_counts_when_the_reader_stalls, .timeout = 60)
{
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 100; i++)
        log_error("%s", text);
    cr_assert_gt(log_dropped(), 0);
}

static void fill(void)
{
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 100; i++)
        log_error("%s", text);
}

Test(log, tells_what_was_lost_once_it_can, .timeout = 60)
{
    static char bytes[1 << 20];
    char expected[64];
    fill();
    snprintf(expected, sizeof expected, ": %lu lines of this process could not be", log_dropped());
    cr_assert_gt(read(pipes[0], bytes, sizeof bytes - 1), 0);
    log_error("and on it goes");
    memset(bytes, 0, sizeof bytes);
    cr_assert_gt(read(pipes[0], bytes, sizeof bytes - 1), 0);
    cr_assert_not_null(strstr(bytes, expected), "%s", bytes);
    cr_assert_not_null(strstr(bytes, "and on it goes\n"));
    log_error("once");
    memset(bytes, 0, sizeof bytes);
    cr_assert_gt(read(pipes[0], bytes, sizeof bytes - 1), 0);
    cr_assert_null(strstr(bytes, "could not be"));
}

Test(log, does_not_wait_for_a_socket, .timeout = 60)
{
    int sockets[2];
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
    log_set_sink(LOG_SINK_STDERR, sockets[1]);
    for (int i = 0; i < 10; i++)
        fill();
    cr_assert_gt(log_dropped(), 0);
}

Test(log, counts_what_a_full_disk_takes, .timeout = 60)
{
    int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
    cr_assert_geq(full, 0);
    log_set_sink(LOG_SINK_FILE, full);
    log_error("one");
    log_error("two");
    cr_assert_eq(log_dropped(), 2);
    close(full);
}

Test(log, a_closed_descriptor_takes_nothing, .timeout = 60)
{
    log_set_sink(LOG_SINK_FILE, -1);
    log_error("one");
    cr_assert_eq(log_dropped(), 1);
}

/* What a start says on standard error, wherever the log is. */
Test(log, prints_without_waiting_for_a_reader, .timeout = 60)
{
    char line[8192];
    char full[4096];
    int flags;
    int errors[2];
    cr_assert_eq(pipe(errors), 0);
    dup2(errors[1], STDERR_FILENO);
    log_print("nsgate: [warn] as it is");
    ssize_t len = read(errors[0], line, sizeof line - 1);
    cr_assert_gt(len, 0);
    line[len] = '\0';
    cr_assert_str_eq(line, "nsgate: [warn] as it is\n");
    memset(full, 'x', sizeof full);
    flags = fcntl(errors[1], F_GETFL);
    fcntl(errors[1], F_SETFL, flags | O_NONBLOCK);
    while (write(errors[1], full, sizeof full) > 0)
        ;
    fcntl(errors[1], F_SETFL, flags);
    log_print("nobody reads this");
    cr_assert_eq(log_dropped(), 1);
    log_notice("goes to the log");
    read_line(line, sizeof line);
    cr_assert_not_null(strstr(line, "1 lines of this process could not be written here"));
}
