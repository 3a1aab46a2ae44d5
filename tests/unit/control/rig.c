/* SPDX-License-Identifier: MIT */
/* Serves and talks in turns. */
#include "rig.h"

#include "control/connect.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SERVER_TURNS 10000 /* of a millisecond at most */

static const char *run_waiting(void *owner)
{
    ((struct rig *)owner)->runs++;
    return NULL;
}

static const char *run_never(void *owner)
{
    ((struct rig *)owner)->runs++;
    return "a reason";
}

static const struct control_request server_requests[] = {
    {"reload", CONTROL_WAITING, run_waiting},  {"reopen", CONTROL_REOPENING, run_waiting},
    {"status", CONTROL_COUNTING, run_waiting}, {"upgrade", CONTROL_UPGRADING, run_waiting},
    {"never", CONTROL_WAITING, run_never},     {NULL, CONTROL_READING, NULL},
};

void rig_open(struct rig *rig)
{
    char text[512];

    *rig = (struct rig){.folder = "/tmp/nsg-control.XXXXXX"};
    cr_assert_not_null(mkdtemp(rig->folder));
    snprintf(rig->pid_file, sizeof(rig->pid_file), "%s/a.pid", rig->folder);
    snprintf(rig->path, sizeof(rig->path), "%s/a.sock", rig->folder);
    loop_init(&rig->loop);
    control_init(&rig->control, &rig->loop, NULL, server_requests, rig);
    cr_assert_eq(control_open(&rig->control, rig->pid_file, text, sizeof(text)), 0, "%s", text);
}

void rig_close(struct rig *rig)
{
    char command[96];

    control_close(&rig->control);
    loop_free(&rig->loop);
    snprintf(command, sizeof(command), "rm -r %s", rig->folder);
    cr_assert_eq(system(command), 0);
}

int rig_ask(struct rig *rig, const char *request)
{
    int fd;

    rig_turn(rig); /* makes room in the backlog */
    fd = control_reach(rig->path, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    return fd;
}

void rig_turn(struct rig *rig)
{
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
}

void rig_hear(struct rig *rig, int fd, const char *text)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t got;

    rig->said[0] = '\0';
    for (int turn = 0; turn < SERVER_TURNS; turn++) {
        if (text && strstr(rig->said, text))
            return;
        rig_turn(rig);
        if (poll(&ready, 1, 1) == 0)
            continue;
        got = read(fd, rig->said + len, sizeof(rig->said) - 1 - len);
        if (got <= 0)
            break;
        rig->said[len += (size_t)got] = '\0';
    }
    cr_assert(!text, "no \"%s\" in \"%s\"", text, rig->said);
}

void rig_end(struct rig *rig, int fd)
{
    rig_hear(rig, fd, NULL);
    close(fd);
}

bool rig_said(const struct rig *rig, const char *text)
{
    return strstr(rig->said, text) != NULL;
}
