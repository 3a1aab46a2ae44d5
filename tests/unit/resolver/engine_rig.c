/* SPDX-License-Identifier: MIT */
/* A loop, an engine's client on it, and the test as the container engine. */
#include "engine_rig.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

void engine_rig_start(struct engine_rig *rig)
{
    *rig = (struct engine_rig){0};
    loop_init(&rig->loop);
}

void engine_rig_stop(struct engine_rig *rig)
{
    for (unsigned i = 0; i < rig->peer_count; i++)
        engine_rig_close(rig, i);
    loop_free(&rig->loop);
}

void engine_rig_want(void *owner)
{
    struct engine_rig *rig = owner;
    rig->wanted++;
}

static void connect_one(struct engine_rig *rig)
{
    int sockets[2];
    rig->wanted--;
    if (rig->refusal != 0) {
        engine_on_connection(rig->engine, -1, rig->refusal, SLICE("/run/engine.sock"));
        return;
    }
    cr_assert_lt(rig->peer_count, RIG_PEERS);
    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, sockets), 0);
    rig->peers[rig->peer_count++] = sockets[1];
    engine_on_connection(rig->engine, sockets[0], 0, SLICE("/run/engine.sock"));
}

void engine_rig_turn(struct engine_rig *rig)
{
    ev_timer tick;
    for (unsigned left = rig->wanted; left > 0; left--)
        connect_one(rig);
    ev_now_update(rig->loop.ev);
    ev_timer_init(&tick, on_tick, 0.001, 0.);
    ev_timer_start(rig->loop.ev, &tick);
    ev_run(rig->loop.ev, EVRUN_ONCE);
    ev_timer_stop(rig->loop.ev, &tick);
}

void engine_rig_request(struct engine_rig *rig, unsigned peer, char request[1024])
{
    size_t len = 0;
    request[0] = '\0';
    engine_rig_until(rig, rig->peer_count > peer);
    for (int turns = 0; !strstr(request, "\r\n\r\n"); turns++) {
        cr_assert_lt(turns, 5000, "no request on connection %u: %s", peer, request);
        ssize_t count = recv(rig->peers[peer], request + len, 1023 - len, 0);
        len += count > 0 ? (size_t)count : 0;
        request[len] = '\0';
        engine_rig_turn(rig);
    }
}

bool engine_rig_is_closed(const struct engine_rig *rig, unsigned peer)
{
    char bytes[1024];
    ssize_t count;
    while ((count = recv(rig->peers[peer], bytes, sizeof(bytes), 0)) > 0)
        continue;
    return count == 0;
}

void engine_rig_send(struct engine_rig *rig, unsigned peer, const char *bytes)
{
    size_t len = strlen(bytes);
    while (len > 0) {
        ssize_t count = send(rig->peers[peer], bytes, len, MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN)
            return; /* our side has heard enough */
        bytes += count > 0 ? count : 0;
        len -= count > 0 ? (size_t)count : 0;
        engine_rig_turn(rig);
    }
}

void engine_rig_chunk(struct engine_rig *rig, unsigned peer, const char *bytes)
{
    char size[24];
    snprintf(size, sizeof(size), "%zx\r\n", strlen(bytes));
    engine_rig_send(rig, peer, size);
    engine_rig_send(rig, peer, bytes);
    engine_rig_send(rig, peer, "\r\n");
}

void engine_rig_answer(struct engine_rig *rig, unsigned peer, const char *body)
{
    engine_rig_send(rig, peer, RIG_OK);
    engine_rig_chunk(rig, peer, body);
    engine_rig_send(rig, peer, "0\r\n\r\n");
}

void engine_rig_close(struct engine_rig *rig, unsigned peer)
{
    if (rig->peers[peer] >= 0) {
        (void)engine_rig_is_closed(rig, peer); /* with bytes unread, it would be a reset */
        close(rig->peers[peer]);
    }
    rig->peers[peer] = -1;
}
