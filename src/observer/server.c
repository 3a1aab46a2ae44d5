/* SPDX-License-Identifier: MIT */
/* The server's listening sockets, and how many clients come in by them. */
#include "server_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/memory.h"
#include "io/socket.h"

#include <errno.h>

#define ACCEPT_AGAIN 0.5 /* seconds until accept(2) is tried again after a failure */

/* ---- who comes ---- */

/* Among idle ones the one that has been so for longest makes room. */
static bool server_has_room(struct server *server)
{
    struct client *client = TAILQ_FIRST(&server->clients);

    if (server->count < SERVER_CLIENTS)
        return true;
    while (client && !client_is_idle(client))
        client = TAILQ_NEXT(client, next);
    if (client)
        client_close(client);
    return client;
}

static void server_stop_accepting(struct server *server)
{
    struct server_place *place;

    TAILQ_FOREACH (place, &server->places, next)
        ev_io_stop(server->loop->ev, &place->accept);
}

static void server_on_connection(struct ev_loop *ev, ev_io *watcher, int events)
{
    struct server_place *place = watcher->data;
    struct server *server = place->server;
    struct address peer;
    int fd;

    (void)ev;
    (void)events;
    if (!server_has_room(server)) {
        server_stop_accepting(server);
        return;
    }
    fd = socket_accept(place->fd, &peer);
    if (fd >= 0) {
        client_new(server, fd, place);
    } else if (errno != EAGAIN && !socket_accept_may_go_on(errno)) {
        server_stop_accepting(server);
        deadline_set(&server->again, ACCEPT_AGAIN);
    }
}

void server_on_room(struct server *server)
{
    struct server_place *place;

    if (deadline_is_set(&server->again))
        return;
    TAILQ_FOREACH (place, &server->places, next)
        ev_io_start(server->loop->ev, &place->accept);
}

static void server_on_again(struct deadline *again)
{
    server_on_room(CONTAINER_OF(again, struct server, again));
}

/* ---- places ---- */

static void place_free(struct server_place *place)
{
    ev_io_stop(place->server->loop->ev, &place->accept);
    TAILQ_REMOVE(&place->server->places, place, next);
    close(place->fd);
    free(place->address);
    free(place->names);
    free(place);
}

void server_close(struct server *server, struct slice address)
{
    struct server_place *place, *next;

    for (place = TAILQ_FIRST(&server->places); place; place = next) {
        next = TAILQ_NEXT(place, next);
        if (slice_equal(slice_of(place->address), address))
            place_free(place);
    }
}

void server_open(struct server *server, int fd, struct slice address, struct slice names)
{
    struct server_place *place = memory_zeroed(1, sizeof(*place));

    server_close(server, address);
    place->server = server;
    place->fd = fd;
    place->address = memory_slice_text(address);
    place->names = memory_slice_text(names);
    place->is_local = slice_starts_with(address, SLICE("unix:"));
    ev_io_init(&place->accept, server_on_connection, fd, EV_READ);
    place->accept.data = place;
    TAILQ_INSERT_TAIL(&server->places, place, next);
    server_on_room(server);
}

/* ---- life ---- */

void server_cut_behind(struct server *server)
{
    struct client *client, *oldest;
    size_t kept;

    do {
        kept = 0;
        oldest = NULL;
        TAILQ_FOREACH (client, &server->clients, next) {
            size_t size = client_keeps(client);

            kept += size;
            if (size > 0 && (!oldest || client->since < oldest->since))
                oldest = client;
        }
        if (kept > SERVER_KEPT)
            client_close(oldest);
    } while (kept > SERVER_KEPT);
}

static void server_on_status(struct status *status)
{
    struct server *server = CONTAINER_OF(status, struct server, status);
    struct client *client, *next;

    for (client = TAILQ_FIRST(&server->clients); client; client = next) {
        next = TAILQ_NEXT(client, next);
        if (client->state == CLIENT_WAITING)
            client_go_on(client);
    }
    server_cut_behind(server);
}

void server_init(struct server *server, struct loop *loop, void (*ask)(void *owner), void *owner)
{
    *server = (struct server){.loop = loop,
                              .status = {.ask = ask, .on_done = server_on_status, .owner = owner}};
    TAILQ_INIT(&server->places);
    TAILQ_INIT(&server->clients);
    deadline_init(&server->again, loop, server_on_again);
    status_init(&server->status, loop);
    looks_init(&server->looks, loop);
}

void server_free(struct server *server)
{
    while (!TAILQ_EMPTY(&server->places))
        place_free(TAILQ_FIRST(&server->places));
    while (!TAILQ_EMPTY(&server->clients))
        client_close(TAILQ_FIRST(&server->clients));
    deadline_stop(&server->again);
    status_free(&server->status);
    looks_free(&server->looks);
}
