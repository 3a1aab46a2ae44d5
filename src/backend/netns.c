/* SPDX-License-Identifier: MIT */
/* Sockets for servers in a namespace: asked for, kept, handed out, and given up with what was
 * connected by them. */
#include "netns_internal.h"

#include "base/container_of.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/stream.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* Seconds. */
#define NETNS_IDLE       10.0 /* then sockets that nobody takes are closed: they cost descriptors */
#define NETNS_AGAIN      0.02 /* until the next question, when the last came too soon; then doubled */
#define NETNS_AGAIN_MOST 1.0
#define NETNS_REST       0.1 /* in which a failure answers whoever comes after it */

/* Milliseconds for which the kernel waits for a peer that does not acknowledge our end. */
#define NETNS_LINGER 1000

#define ID_MAX 4352 /* bytes: a tenant's name, a path, their NULs, a family */

/* ---- finding ---- */

/* Returns the length; 0: there can be no such namespace. */
static size_t make_id(char id[ID_MAX], const struct backend_netns_key *key)
{
    size_t tenant = key->tenant.len, name = key->netns.len;
    if (tenant == 0 || name == 0 || tenant + name + 3 > ID_MAX)
        return 0;
    memcpy(id, key->tenant.data, tenant);
    id[tenant] = '\0';
    memcpy(id + tenant + 1, key->netns.data, name);
    id[tenant + 1 + name] = '\0';
    id[tenant + name + 2] = key->family == AF_INET6 ? '6' : '4';
    return tenant + name + 3;
}

static struct backend_netns *find(const struct backends *backends,
                                  const struct backend_netns_key *key)
{
    char id[ID_MAX];
    size_t len = make_id(id, key);
    struct backend_netns *netns = NULL;
    if (len > 0)
        HASH_FIND(hh, backends->namespaces, id, len, netns);
    return netns;
}

/* ---- sockets ---- */

static void drop_sockets(struct backend_netns *netns)
{
    while (netns->count > 0)
        close(netns->sockets[--netns->count]);
    deadline_clear(&netns->idle);
}

static void on_idle(struct deadline *deadline)
{
    drop_sockets(CONTAINER_OF(deadline, struct backend_netns, idle));
}

static void set_error(struct backend_netns *netns, int error)
{
    netns->error = error;
    netns->error_at = loop_now(netns->backends->loop);
}

static bool failed_just_now(const struct backend_netns *netns)
{
    return netns->error != 0 && loop_now(netns->backends->loop) - netns->error_at < NETNS_REST;
}

static bool is_wanted(const struct backend_netns *netns)
{
    return netns->users > 0 || !TAILQ_EMPTY(&netns->waiting);
}

static void ask(struct backend_netns *netns)
{
    struct backends *backends = netns->backends;
    struct backend_netns_key key = {netns->tenant, netns->name, netns->family};
    if (netns->is_asked || deadline_is_set(&netns->again) || failed_just_now(netns) ||
        !is_wanted(netns))
        return;
    netns->is_asked = true;
    int error = backends->ask ? backends->ask(backends->ask_owner, &key) : ENOTCONN;
    if (error != 0)
        backends_take_sockets(backends, &key, NULL, 0, error);
}

static void on_again(struct deadline *deadline)
{
    struct backend_netns *netns = CONTAINER_OF(deadline, struct backend_netns, again);
    deadline_clear(&netns->again);
    loop_defer(netns->backends->loop, &netns->serve);
}

static int take_one(struct backend_netns *netns)
{
    deadline_set(&netns->idle, NETNS_IDLE);
    return netns->sockets[--netns->count];
}

int backend_netns_take(struct backend_netns *netns)
{
    int fd = -1;
    /* Who waits comes first. */
    if (netns->count > 0 && TAILQ_EMPTY(&netns->waiting))
        fd = take_one(netns);
    if (netns->count < NETNS_LOW)
        ask(netns);
    return fd;
}

/* ---- waiting ---- */

void backend_netns_wait(struct backend_netns *netns, struct backend_netns_wait *wait)
{
    wait->netns = netns;
    TAILQ_INSERT_TAIL(&netns->waiting, wait, next);
    loop_defer(netns->backends->loop, &netns->serve);
}

void backend_netns_cancel(struct backend_netns_wait *wait)
{
    if (!wait->netns)
        return;
    TAILQ_REMOVE(&wait->netns->waiting, wait, next);
    wait->netns = NULL;
}

/* Whoever is told may come back for another socket, of this netns too. */
static void on_serve(struct loop_task *task)
{
    struct backend_netns *netns = CONTAINER_OF(task, struct backend_netns, serve);
    struct backend_netns_wait *wait;
    netns->references++;
    while ((wait = TAILQ_FIRST(&netns->waiting)) && (netns->count > 0 || failed_just_now(netns))) {
        int fd = netns->count > 0 ? take_one(netns) : -1;
        backend_netns_cancel(wait);
        wait->on_socket(wait, fd, fd < 0 ? netns->error : 0);
    }
    if (wait || (netns->count > 0 && netns->count < NETNS_LOW))
        ask(netns);
    backend_netns_unref(netns);
}

/* ---- answers ---- */

void backends_set_ask(struct backends *backends,
                      int (*ask_for)(void *owner, const struct backend_netns_key *key), void *owner)
{
    backends->ask = ask_for;
    backends->ask_owner = owner;
}

static void take_answer(struct backend_netns *netns, unsigned count, int error)
{
    netns->is_asked = false;
    if (count > 0) {
        netns->error = 0;
        netns->pause = 0;
        deadline_set(&netns->idle, NETNS_IDLE);
    } else if (error == EAGAIN) {
        netns->pause = netns->pause > 0 ? 2 * netns->pause : NETNS_AGAIN;
        if (netns->pause > NETNS_AGAIN_MOST)
            netns->pause = NETNS_AGAIN_MOST;
        deadline_set(&netns->again, netns->pause);
    } else {
        set_error(netns, error != 0 ? error : EPROTO);
    }
    loop_defer(netns->backends->loop, &netns->serve);
}

void backends_take_sockets(struct backends *backends, const struct backend_netns_key *key,
                           const int *sockets, unsigned count, int error)
{
    struct backend_netns *netns = find(backends, key);
    bool keeps = netns && is_wanted(netns);
    for (unsigned i = 0; i < count; i++) {
        if (keeps && netns->count < NETNS_MOST)
            netns->sockets[netns->count++] = sockets[i];
        else
            close(sockets[i]);
    }
    if (netns)
        take_answer(netns, count, error);
}

void backends_forget_asked(struct backends *backends, int error)
{
    struct backend_netns *netns, *next;
    HASH_ITER (hh, backends->namespaces, netns, next) {
        if (netns->is_asked)
            take_answer(netns, 0, error);
    }
}

/* ---- connections ---- */

void backend_netns_join(struct backend_connection *connection)
{
    struct backend_netns *netns = connection->endpoint->netns;
    if (!netns)
        return;
    TAILQ_INSERT_TAIL(&netns->present, connection, of_netns);
    connection->standing = BACKEND_PRESENT;
}

void backend_netns_part(struct backend_connection *connection)
{
    struct backend_netns *netns = connection->endpoint->netns;
    if (connection->standing == BACKEND_PRESENT)
        TAILQ_REMOVE(&netns->present, connection, of_netns);
    else if (connection->standing == BACKEND_STALE)
        TAILQ_REMOVE(&netns->stale, connection, of_netns);
    connection->standing = BACKEND_APART;
}

void backend_netns_close_stream(const struct backend_connection *connection, struct stream *stream,
                                bool flush)
{
    const unsigned linger = NETNS_LINGER;
    if (stream && connection->standing == BACKEND_STALE) {
        stream_close_reset(stream);
        return;
    }
    if (stream && connection->endpoint->netns)
        (void)setsockopt(stream_fd(stream), IPPROTO_TCP, TCP_USER_TIMEOUT, &linger, sizeof(linger));
    if (flush)
        stream_flush_close(stream);
    else
        stream_close(stream);
}

static struct backend_connection *find_due(const struct backend_netns *netns, double now)
{
    struct backend_connection *connection;
    TAILQ_FOREACH (connection, &netns->stale, of_netns)
        if (connection->cut_at <= now)
            return connection;
    return NULL;
}

static void set_cut(struct backend_netns *netns)
{
    const struct backend_connection *connection;
    double now = loop_now(netns->backends->loop);
    double first = INFINITY;
    TAILQ_FOREACH (connection, &netns->stale, of_netns)
        first = connection->cut_at < first ? connection->cut_at : first;
    if (isinf(first))
        deadline_clear(&netns->cut);
    else
        deadline_set(&netns->cut, first > now ? first - now : 0);
}

static void on_cut(struct deadline *deadline)
{
    struct backend_netns *netns = CONTAINER_OF(deadline, struct backend_netns, cut);
    double now = loop_now(netns->backends->loop);
    struct backend_connection *connection;
    netns->references++;
    /* One that is cut may take others along: each is looked for anew. */
    while ((connection = find_due(netns, now)))
        connection->protocol->cut(connection);
    set_cut(netns);
    backend_netns_unref(netns);
}

/* Whoever is told may connect anew: that joins the present ones at their end. Who still waits for
 * a socket will get one of the namespace that comes. */
static void leave_now(struct backend_netns *netns, double cut_at)
{
    struct backend_connection *connection;
    TAILQ_FOREACH (connection, &netns->stale, of_netns)
        if (connection->cut_at > cut_at)
            connection->cut_at = cut_at;
    TAILQ_FOREACH (connection, &netns->present, of_netns)
        connection->cut_at = cut_at;
    drop_sockets(netns);
    while ((connection = TAILQ_FIRST(&netns->present)) && connection->cut_at > 0) {
        TAILQ_REMOVE(&netns->present, connection, of_netns);
        TAILQ_INSERT_TAIL(&netns->stale, connection, of_netns);
        connection->standing = BACKEND_STALE;
        connection->protocol->leave(connection);
    }
}

void backends_leave_namespace(struct backends *backends, const struct backend_netns_key *key,
                              double seconds)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6};
    for (unsigned i = 0; i < 2; i++) {
        struct backend_netns_key one = {key->tenant, key->netns, families[i]};
        struct backend_netns *netns = find(backends, &one);
        if (!netns)
            continue;
        log_debug("tenant %.*s: leaving network namespace %.*s", SLICE_PRINTF(key->tenant),
                  SLICE_PRINTF(key->netns));
        netns->references++;
        leave_now(netns, loop_now(backends->loop) + seconds);
        set_cut(netns);
        backend_netns_unref(netns);
    }
}

/* ---- life ---- */

static struct backend_netns *make(struct backends *backends, const struct backend_netns_key *key)
{
    char id[ID_MAX];
    size_t len = make_id(id, key);
    struct backend_netns *netns = memory_zeroed(1, sizeof(*netns) + len);
    netns->backends = backends;
    memcpy(netns->id, id, len);
    netns->id_len = len;
    netns->tenant = (struct slice){netns->id, key->tenant.len};
    netns->name = (struct slice){netns->id + key->tenant.len + 1, key->netns.len};
    netns->family = key->family;
    netns->serve.run = on_serve;
    TAILQ_INIT(&netns->waiting);
    TAILQ_INIT(&netns->present);
    TAILQ_INIT(&netns->stale);
    deadline_init(&netns->again, backends->loop, on_again);
    deadline_init(&netns->idle, backends->loop, on_idle);
    deadline_init(&netns->cut, backends->loop, on_cut);
    HASH_ADD(hh, backends->namespaces, id, len, netns);
    return netns;
}

struct backend_netns *backend_netns_ref(struct backends *backends,
                                        const struct backend_netns_key *key)
{
    struct backend_netns *netns = find(backends, key);
    if (!netns)
        netns = make(backends, key);
    netns->references++;
    netns->users++;
    return netns;
}

void backend_netns_retire(struct backend_netns *netns)
{
    if (netns && --netns->users == 0)
        drop_sockets(netns);
}

void backend_netns_unref(struct backend_netns *netns)
{
    if (!netns || --netns->references > 0)
        return;
    drop_sockets(netns);
    deadline_stop(&netns->again);
    deadline_stop(&netns->idle);
    deadline_stop(&netns->cut);
    loop_cancel(netns->backends->loop, &netns->serve);
    HASH_DEL(netns->backends->namespaces, netns);
    free(netns);
}
