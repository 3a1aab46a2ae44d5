/* SPDX-License-Identifier: MIT */
/* Serves and talks in turns. */
#include "server.h"

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
    ((struct server *)owner)->runs++;
    return NULL;
}

static const char *run_never(void *owner)
{
    ((struct server *)owner)->runs++;
    return "a reason";
}

static const struct control_request server_requests[] = {
    {"reload", CONTROL_WAITING, run_waiting},  {"reopen", CONTROL_REOPENING, run_waiting},
    {"status", CONTROL_COUNTING, run_waiting}, {"upgrade", CONTROL_UPGRADING, run_waiting},
    {"never", CONTROL_WAITING, run_never},     {NULL, CONTROL_READING, NULL},
};

void server_open(struct server *server)
{
    char text[512];

    *server = (struct server){.folder = "/tmp/nsg-control.XXXXXX"};
    cr_assert_not_null(mkdtemp(server->folder));
    snprintf(server->pid_file, sizeof(server->pid_file), "%s/a.pid", server->folder);
    snprintf(server->path, sizeof(server->path), "%s/a.sock", server->folder);
    loop_init(&server->loop);
    control_init(&server->control, &server->loop, NULL, server_requests, server);
    cr_assert_eq(control_open(&server->control, server->pid_file, text, sizeof(text)), 0, "%s",
                 text);
}

void server_close(struct server *server)
{
    char command[96];

    control_close(&server->control);
    loop_free(&server->loop);
    snprintf(command, sizeof(command), "rm -r %s", server->folder);
    cr_assert_eq(system(command), 0);
}

int server_ask(struct server *server, const char *request)
{
    int fd;

    server_turn(server); /* makes room in the backlog */
    fd = control_connect(server->path);
    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, request, strlen(request)), (ssize_t)strlen(request));
    return fd;
}

void server_turn(struct server *server)
{
    ev_run(server->loop.ev, EVRUN_NOWAIT);
}

void server_hear(struct server *server, int fd, const char *text)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    size_t len = 0;
    ssize_t got;

    server->said[0] = '\0';
    for (int turn = 0; turn < SERVER_TURNS; turn++) {
        if (text && strstr(server->said, text))
            return;
        server_turn(server);
        if (poll(&ready, 1, 1) == 0)
            continue;
        got = read(fd, server->said + len, sizeof(server->said) - 1 - len);
        if (got <= 0)
            break;
        server->said[len += (size_t)got] = '\0';
    }
    cr_assert(!text, "no \"%s\" in \"%s\"", text, server->said);
}

void server_end(struct server *server, int fd)
{
    server_hear(server, fd, NULL);
    close(fd);
}

bool server_said(const struct server *server, const char *text)
{
    return strstr(server->said, text) != NULL;
}
