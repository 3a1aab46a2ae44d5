/* SPDX-License-Identifier: MIT */
/* c-ares on the loop: bounded, coalesced queries with a deadline each. */
#include "names_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"

#include <ares.h>
#include <stdlib.h>
#include <uthash.h>

#define QUERY_SECONDS    5.0  /* then the asker has its answer, whatever the servers do */
#define QUERY_TIMEOUT_MS 1500 /* of a server's first answer; c-ares doubles it */
#define QUERY_TRIES      2
#define QUERIES_AT_ONCE  256 /* a reload of 10,000 tenants must not flood its name server */
#define TICK_SECONDS     0.1

struct query {
    UT_hash_handle hh; /* by host, while it can still be joined */
    TAILQ_ENTRY(query) next;
    TAILQ_HEAD(, names_lookup) askers; /* empty: given up, c-ares still has it */
    struct names *names;
    double deadline;
    char host[]; /* NUL-terminated */
};

TAILQ_HEAD(query_list, query);

struct names {
    struct loop *loop;
    ares_channel channel; /* NULL while nothing runs: the next batch reads resolv.conf anew */
    struct query *by_host;
    struct query_list waiting;
    struct query_list running; /* c-ares has them */
    unsigned live;             /* of running: not given up */
    ev_timer tick;
    struct loop_task pump;
    LIST_HEAD(, names_socket) sockets;
    bool is_closing;
};

/* A socket of c-ares's that the loop watches. */
struct names_socket {
    LIST_ENTRY(names_socket) next;
    ev_io io;
    struct names *names;
    struct loop_task grave;
};

/* ---- sockets ---- */

static void on_socket(struct ev_loop *ev, ev_io *io, int events)
{
    (void)ev;
    struct names_socket *socket = io->data;
    ares_process_fd(socket->names->channel, events & EV_READ ? io->fd : ARES_SOCKET_BAD,
                    events & EV_WRITE ? io->fd : ARES_SOCKET_BAD);
}

static void socket_bury(struct loop_task *task)
{
    free(CONTAINER_OF(task, struct names_socket, grave));
}

static void socket_drop(struct names_socket *socket)
{
    ev_io_stop(socket->names->loop->ev, &socket->io);
    LIST_REMOVE(socket, next);
    socket->grave = (struct loop_task){.run = socket_bury};
    loop_bury(socket->names->loop, &socket->grave);
}

static void on_socket_state(void *argument, ares_socket_t fd, int readable, int writable)
{
    struct names *names = argument;
    int events = (readable ? EV_READ : 0) | (writable ? EV_WRITE : 0);
    struct names_socket *socket;
    LIST_FOREACH (socket, &names->sockets, next) {
        if (socket->io.fd == fd)
            break;
    }
    if (events == 0) {
        if (socket)
            socket_drop(socket);
        return;
    }
    if (!socket) {
        socket = memory_zeroed(1, sizeof(*socket));
        socket->names = names;
        socket->io.data = socket;
        LIST_INSERT_HEAD(&names->sockets, socket, next);
    } else {
        ev_io_stop(names->loop->ev, &socket->io);
    }
    ev_io_init(&socket->io, on_socket, fd, events);
    ev_io_start(names->loop->ev, &socket->io);
}

/* ---- answers ---- */

static int address_compare(const void *left, const void *right)
{
    const struct address *a = left, *b = right;
    if (a->any.sa_family != b->any.sa_family)
        return a->any.sa_family == AF_INET ? -1 : 1;
    if (a->any.sa_family == AF_INET)
        return memcmp(&a->v4.sin_addr, &b->v4.sin_addr, sizeof(a->v4.sin_addr));
    return memcmp(&a->v6.sin6_addr, &b->v6.sin6_addr, sizeof(a->v6.sin6_addr));
}

static bool address_take(struct address *address, const struct sockaddr *from)
{
    memset(address, 0, sizeof(*address)); /* equal addresses must be equal bytes */
    if (from->sa_family == AF_INET) {
        address->v4.sin_family = AF_INET;
        address->v4.sin_addr = ((const struct sockaddr_in *)from)->sin_addr;
        address->len = sizeof(address->v4);
        return true;
    }
    if (from->sa_family == AF_INET6) {
        address->v6.sin6_family = AF_INET6;
        address->v6.sin6_addr = ((const struct sockaddr_in6 *)from)->sin6_addr;
        address->len = sizeof(address->v6);
        return true;
    }
    return false;
}

/* In order before it is cut: servers rotate their answers, and the same set must give the same
 * bundle. */
static void answer_fill(struct names_answer *answer, const struct ares_addrinfo *found)
{
    size_t count = 0, total = 0;
    for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next)
        total++;
    struct address *all = memory_zeroed(total + 1, sizeof(*all));
    for (const struct ares_addrinfo_node *node = found->nodes; node; node = node->ai_next)
        count += address_take(&all[count], node->ai_addr);
    qsort(all, count, sizeof(*all), address_compare);
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && address_compare(&all[i - 1], &all[i]) == 0)
            continue;
        if (answer->count == NAMES_ADDRESSES) {
            answer->is_cut = true;
            break;
        }
        answer->addresses[answer->count++] = all[i];
    }
    free(all);
}

/* The query can be joined no more; whoever waits is told. */
static void query_answer(struct query *query, const struct names_answer *answer)
{
    HASH_DEL(query->names->by_host, query);
    query->names->live--;
    while (!TAILQ_EMPTY(&query->askers)) {
        struct names_lookup *lookup = TAILQ_FIRST(&query->askers);
        TAILQ_REMOVE(&query->askers, lookup, next);
        lookup->on_answer(lookup, answer);
    }
}

static void on_addrinfo(void *argument, int status, int timeouts, struct ares_addrinfo *found)
{
    (void)timeouts;
    struct query *query = argument;
    struct names *names = query->names;
    TAILQ_REMOVE(&names->running, query, next);
    if (!names->is_closing && !TAILQ_EMPTY(&query->askers)) {
        struct names_answer answer = {.reason = ares_strerror(status)};
        if (status == ARES_SUCCESS && found)
            answer_fill(&answer, found);
        query_answer(query, &answer);
    }
    if (found)
        ares_freeaddrinfo(found);
    free(query);
    if (!names->is_closing)
        loop_defer(names->loop, &names->pump);
}

/* ---- queries ---- */

static int channel_open(struct names *names)
{
    struct ares_options options = {
        .timeout = QUERY_TIMEOUT_MS,
        .tries = QUERY_TRIES,
        .sock_state_cb = on_socket_state,
        .sock_state_cb_data = names,
    };
    int status = ares_init_options(&names->channel, &options,
                                   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
    if (status != ARES_SUCCESS) {
        names->channel = NULL;
        log_error("c-ares cannot start: %s", ares_strerror(status));
    }
    return status;
}

static void query_start(struct query *query)
{
    struct names *names = query->names;
    const struct ares_addrinfo_hints hints = {.ai_family = AF_UNSPEC, .ai_flags = ARES_AI_NOSORT};
    TAILQ_REMOVE(&names->waiting, query, next);
    TAILQ_INSERT_TAIL(&names->running, query, next);
    names->live++;
    query->deadline = loop_now(names->loop) + QUERY_SECONDS;
    int status = names->channel ? ARES_SUCCESS : channel_open(names);
    if (status != ARES_SUCCESS) {
        on_addrinfo(query, status, 0, NULL);
        return;
    }
    ev_timer_again(names->loop->ev, &names->tick);
    /* May answer before it returns: from /etc/hosts, or with an error. */
    ares_getaddrinfo(names->channel, query->host, NULL, &hints, on_addrinfo, query);
}

/* At a turn's end, never inside c-ares: it must not be destroyed by its own callback. */
static void on_pump(struct loop_task *task)
{
    struct names *names = CONTAINER_OF(task, struct names, pump);
    while (names->live < QUERIES_AT_ONCE && !TAILQ_EMPTY(&names->waiting))
        query_start(TAILQ_FIRST(&names->waiting));
    if (names->live > 0)
        return;
    ev_timer_stop(names->loop->ev, &names->tick);
    if (names->channel)
        ares_destroy(names->channel); /* what was given up is called back, and goes */
    names->channel = NULL;
}

static void on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)events;
    struct names *names = timer->data;
    const struct names_answer late = {.reason = "no answer in time"};
    ares_process_fd(names->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
    struct query *query;
    TAILQ_FOREACH (query, &names->running, next) {
        if (!TAILQ_EMPTY(&query->askers) && query->deadline <= loop_now(names->loop))
            query_answer(query, &late);
    }
    loop_defer(names->loop, &names->pump);
}

void names_ask(struct names *names, struct names_lookup *lookup, struct slice host)
{
    struct query *query;
    HASH_FIND(hh, names->by_host, host.data, host.len, query);
    if (!query) {
        query = memory_zeroed(1, sizeof(*query) + host.len + 1);
        query->names = names;
        memcpy(query->host, host.data, host.len);
        TAILQ_INIT(&query->askers);
        TAILQ_INSERT_TAIL(&names->waiting, query, next);
        HASH_ADD(hh, names->by_host, host, (unsigned)host.len, query);
        loop_defer(names->loop, &names->pump);
    }
    TAILQ_INSERT_TAIL(&query->askers, lookup, next);
}

struct names *names_new(struct loop *loop)
{
    struct names *names = memory_zeroed(1, sizeof(*names));
    names->loop = loop;
    TAILQ_INIT(&names->waiting);
    TAILQ_INIT(&names->running);
    LIST_INIT(&names->sockets);
    ev_timer_init(&names->tick, on_tick, TICK_SECONDS, TICK_SECONDS);
    names->tick.data = names;
    names->pump.run = on_pump;
    ares_library_init(ARES_LIB_INIT_ALL);
    return names;
}

void names_free(struct names *names)
{
    names->is_closing = true;
    ev_timer_stop(names->loop->ev, &names->tick);
    loop_cancel(names->loop, &names->pump);
    HASH_CLEAR(hh, names->by_host);
    if (names->channel)
        ares_destroy(names->channel);
    while (!TAILQ_EMPTY(&names->waiting)) {
        struct query *query = TAILQ_FIRST(&names->waiting);
        TAILQ_REMOVE(&names->waiting, query, next);
        free(query);
    }
    ares_library_cleanup();
    free(names);
}
