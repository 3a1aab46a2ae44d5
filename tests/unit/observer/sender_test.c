/* SPDX-License-Identifier: MIT */
/* Syslog: what a line looks like, and a server that is replaced, slow or not there. */
#include "sender_internal.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct address server;

static int listen_there(void)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    unlink(server.local.sun_path);
    cr_assert_eq(bind(fd, &server.any, server.len), 0);
    return fd;
}

static void open_folder(void)
{
    char folder[] = "/tmp/nsg-sender-XXXXXX";

    cr_assert_not_null(mkdtemp(folder));
    server.local.sun_family = AF_UNIX;
    snprintf(server.local.sun_path, sizeof(server.local.sun_path), "%s/log", folder);
    server.len = sizeof(server.local);
    setenv("TZ", "UTC", 1);
}

static void remove_folder(void)
{
    unlink(server.local.sun_path);
    *strrchr(server.local.sun_path, '/') = '\0';
    rmdir(server.local.sun_path);
}

TestSuite(sender, .init = open_folder, .fini = remove_folder);

static void expect(int fd, const char *text)
{
    char got[256] = "";

    cr_assert_gt(recv(fd, got, sizeof(got) - 1, 0), 0);
    cr_assert_str_eq(got, text);
}

Test(sender, sends_what_nginx_sends)
{
    struct ipc_log_place place = {
        .server = server, .priority = 190, .tag = SLICE("web"), .has_hostname = true};
    struct sender sender;
    int fd = listen_there();

    sender_init(&sender, &place, "host");
    cr_assert_eq(sender_send(&sender, SLICE("a line\n"), 1000000000), 0);
    expect(fd, "<190>Sep  9 01:46:40 host web: a line");
    sender_free(&sender);
    place.has_hostname = false;
    sender_init(&sender, &place, "host");
    cr_assert_eq(sender_send(&sender, SLICE("another\n"), 1000000001), 0);
    expect(fd, "<190>Sep  9 01:46:41 web: another");
    cr_assert_eq(sender_send(&sender, SLICE("late\n"), 1000086400), 0);
    expect(fd, "<190>Sep 10 01:46:40 web: late");
    sender_free(&sender);
    close(fd);
}

Test(sender, connects_anew)
{
    struct ipc_log_place place = {.server = server, .tag = SLICE("a")};
    struct sender sender;
    int fd;

    sender_init(&sender, &place, "");
    cr_assert_eq(sender_send(&sender, SLICE("1\n"), 0), ENOENT);
    fd = listen_there();
    cr_assert_eq(sender_send(&sender, SLICE("2\n"), 0), 0);
    close(fd);
    cr_assert_eq(sender_send(&sender, SLICE("3\n"), 0), ECONNREFUSED);
    fd = listen_there();
    cr_assert_eq(sender_send(&sender, SLICE("4\n"), 0), 0);
    expect(fd, "<0>Jan  1 00:00:00 a: 4");
    sender_free(&sender);
    close(fd);
}

Test(sender, does_not_wait_for_a_slow_one)
{
    struct ipc_log_place place = {.server = server, .tag = SLICE("a")};
    struct sender sender;
    int fd = listen_there();
    int result = 0;

    sender_init(&sender, &place, "");
    for (int i = 0; i < 100000 && result == 0; i++)
        result = sender_send(&sender, SLICE("line\n"), 0);
    cr_assert_eq(result, EAGAIN);
    expect(fd, "<0>Jan  1 00:00:00 a: line");
    cr_assert_eq(sender_send(&sender, SLICE("line\n"), 0), 0);
    sender_free(&sender);
    close(fd);
}
