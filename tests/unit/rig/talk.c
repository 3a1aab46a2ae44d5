/* SPDX-License-Identifier: MIT */
/* Talks to a control socket as its clients do. */
#include "rig/talk.h"

#include "control/connect.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

static char talk_answer[1 << 18];

static int talk_connect(const struct rig *rig, const char *name, const char *request)
{
    struct timeval limit = {.tv_sec = 20};
    char path[160];
    int fd;

    snprintf(path, sizeof(path), "%s/%s", rig->folder, name);
    fd = control_reach(path, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    return fd;
}

int talk_begin(const struct rig *rig, const char *request)
{
    int fd = talk_connect(rig, "pid.sock", request);

    cr_assert_geq(fd, 0);
    return fd;
}

void talk_end(int fd)
{
    size_t len = 0;
    ssize_t got;

    while ((got = read(fd, talk_answer + len, sizeof(talk_answer) - 1 - len)) > 0)
        len += (size_t)got;
    talk_answer[len] = '\0';
    close(fd);
}

bool talk_said(const char *text)
{
    return strstr(talk_answer, text) != NULL;
}

int talk_at(const struct rig *rig, const char *name, const char *request, const char *text)
{
    int fd = talk_connect(rig, name, request);

    if (fd < 0)
        return -1;
    talk_end(fd);
    cr_assert(talk_said(text), "asked for \"%s\", said: %s", text, talk_answer);
    return 0;
}

int talk(const struct rig *rig, const char *request, const char *text)
{
    return talk_at(rig, "pid.sock", request, text);
}

void talk_force(struct rig *rig, const char *line)
{
    cr_assert_eq(talk(rig, "reload-forced\n", "reload done: "), 0);
    rig_expect(rig, line);
}
