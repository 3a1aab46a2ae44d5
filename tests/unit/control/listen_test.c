/* SPDX-License-Identifier: MIT */
/* Names of Unix sockets: who gets one, and whose is removed. */
#include "control/listen.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static const struct listen_options options = {0111, 4};
static char folder[32];
static char path[64];

static void begin(void)
{
    strcpy(folder, "/tmp/nsg-listen-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/sock", folder);
}

static void end(void)
{
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "nothing else is left");
}

static bool reaches(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool result;

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    result = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
    close(fd);
    return result;
}

TestSuite(listen, .init = begin, .fini = end);

Test(listen, has_its_mode_and_replaces_what_is_stale)
{
    struct stat status;

    for (int i = 0; i < 2; i++) { /* the first one leaves its name */
        int fd = listen_local(path, &options, NULL);

        cr_assert_geq(fd, 0);
        cr_assert(fcntl(fd, F_GETFL) & O_NONBLOCK && fcntl(fd, F_GETFD) & FD_CLOEXEC);
        cr_assert_eq(stat(path, &status), 0);
        cr_assert_eq(status.st_mode & 0777, 0666);
        cr_assert(reaches());
        close(fd);
    }
}

Test(listen, what_is_anothers_stays)
{
    int fd = listen_local(path, &options, NULL);

    cr_assert_lt(listen_local(path, &options, NULL), 0);
    cr_assert_eq(errno, EADDRINUSE);
    cr_assert(reaches());
    close(fd);
    unlink(path);
    close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
    cr_assert_lt(listen_local(path, &options, NULL), 0);
    cr_assert_eq(errno, EEXIST);
    listen_name_remove(path, NULL);
    cr_assert_eq(access(path, F_OK), 0, "it is no socket");
}

Test(listen, a_name_is_removed_while_it_is_ours)
{
    struct listen_name first, second;
    int fds[2];

    fds[0] = listen_local(path, &options, &first);
    cr_assert_geq(fds[0], 0);
    unlink(path); /* somebody has taken it */
    fds[1] = listen_local(path, &options, &second);
    cr_assert_geq(fds[1], 0);
    listen_name_remove(path, &first);
    cr_assert(reaches());
    listen_name_remove(path, &second);
    cr_assert_lt(access(path, F_OK), 0);
    close(fds[0]);
    close(fds[1]);
}
