/* SPDX-License-Identifier: MIT */
/* Lines as the reader of /dev/log gets them, and one that stalls, goes and comes back. */
#include "base/syslog_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

static char path[64];
static int reader = -1;

static void listen_there(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    memcpy(address.sun_path, path, sizeof path);
    reader = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(bind(reader, (struct sockaddr *)&address, sizeof address), 0);
}

static void leave(void)
{
    close(reader);
    unlink(path);
}

static void start(void)
{
    snprintf(path, sizeof path, "/tmp/nsg-syslog-%d", (int)getpid());
    listen_there();
}

static void end(void)
{
    syslog_close();
    leave();
}

TestSuite(syslog, .init = start, .fini = end, .timeout = 60);

static ssize_t take(char line[8192])
{
    ssize_t len = recv(reader, line, 8191, MSG_DONTWAIT);

    line[len > 0 ? len : 0] = '\0';
    return len;
}

Test(syslog, a_line_has_priority_date_name_and_pid)
{
    char expected[64];
    char line[8192];

    syslog_open(path);
    cr_assert(syslog_send(LOG_WARNING, "worker 1: hello"));
    take(line);
    cr_assert_eq(strncmp(line, "<28>", 4), 0, "%s", line); /* 3 * 8 + 4 */
    snprintf(expected, sizeof expected, " nsgate[%d]: worker 1: hello", (int)getpid());
    cr_assert_eq(strcmp(line + strlen("<28>Nov 23 18:00:00"), expected), 0, "%s", line);
}

Test(syslog, a_long_line_is_whole)
{
    static char text[4097];
    char line[8192];

    memset(text, 'x', sizeof text - 1);
    syslog_open(path);
    cr_assert(syslog_send(LOG_ERR, text));
    cr_assert_gt(take(line), 4096);
}

Test(syslog, does_not_wait_for_a_reader_that_stalls)
{
    char line[8192];
    int sent = 0;

    syslog_open(path);
    while (sent < 100000 && syslog_send(LOG_ERR, "x"))
        sent++;
    cr_assert_lt(sent, 100000, "it never was full");
    while (take(line) > 0)
        ;
    cr_assert(syslog_send(LOG_ERR, "again"));
    take(line);
    cr_assert_not_null(strstr(line, "again"));
}

Test(syslog, finds_a_reader_that_was_replaced)
{
    char line[8192];

    syslog_open(path);
    leave();
    cr_assert_not(syslog_send(LOG_ERR, "nobody"));
    listen_there();
    cr_assert(syslog_send(LOG_ERR, "back"));
    cr_assert_gt(take(line), 0);
}
