/* SPDX-License-Identifier: MIT */
/* Sockets for servers in a namespace: asked for, kept, handed out, and given up with what was
 * connected by them. */
#include "stock_internal.h"

#include "backend/sockets.h"
#include "base/log.h"
#include "base/memory.h"
#include "io/stream.h"

#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

/* Seconds. */
#define STOCK_IDLE       10.0 /* then sockets that nobody takes are closed: they cost descriptors */
#define STOCK_AGAIN      0.02 /* until the next question, when the last came too soon; then doubled */
#define STOCK_AGAIN_MOST 1.0
#define STOCK_REST       0.1 /* in which a failure answers whoever comes after it */

/* Milliseconds for which the kernel waits for a peer that does not acknowledge our end. */
#define STOCK_LINGER 1000

#define KEY_MAX 4352 /* bytes: a tenant's name, a path, their NULs, a family */

/* ---- finding ---- */

/* Returns the key's length; 0: there can be no such stock. */
static size_t make_key(char key[KEY_MAX], const struct backend_place *place)
{
    size_t tenant = place->tenant.len, netns = place->netns.len;
    if (tenant == 0 || netns == 0 || tenant + netns + 3 > KEY_MAX)
        return 0;
    memcpy(key, place->tenant.data, tenant);
    key[tenant] = '\0';
    memcpy(key + tenant + 1, place->netns.data, netns);
    key[tenant + 1 + netns] = '\0';
    key[tenant + netns + 2] = place->family == AF_INET6 ? '6' : '4';
    return tenant + netns + 3;
}

static struct backend_stock *stock_find(const struct backends *backends,
                                        const struct backend_place *place)
{
    char key[KEY_MAX];
    size_t len = make_key(key, place);
    struct backend_stock *stock = NULL;
    if (len > 0)
        HASH_FIND(hh, backends->stocks, key, len, stock);
    return stock;
}

/* ---- sockets ---- */

static void drop_sockets(struct backend_stock *stock)
{
    while (stock->count > 0)
        close(stock->sockets[--stock->count]);
    deadline_clear(&stock->idle);
}

static void on_idle(struct deadline *deadline)
{
    drop_sockets((struct backend_stock *)((char *)deadline - offsetof(struct backend_stock, idle)));
}

static void set_error(struct backend_stock *stock, int error)
{
    stock->error = error;
    stock->error_at = loop_now(stock->backends->loop);
}

static bool failed_just_now(const struct backend_stock *stock)
{
    return stock->error != 0 && loop_now(stock->backends->loop) - stock->error_at < STOCK_REST;
}

static bool is_wanted(const struct backend_stock *stock)
{
    return stock->users > 0 || !TAILQ_EMPTY(&stock->waiting);
}

static void ask(struct backend_stock *stock)
{
    struct backends *backends = stock->backends;
    struct backend_place place = {stock->tenant, stock->netns, stock->family};
    if (stock->is_asked || deadline_is_set(&stock->again) || failed_just_now(stock) ||
        !is_wanted(stock))
        return;
    stock->is_asked = true;
    int error = backends->ask != NULL ? backends->ask(backends->ask_owner, &place) : ENOTCONN;
    if (error != 0)
        backends_take_sockets(backends, &place, NULL, 0, error);
}

static void on_again(struct deadline *deadline)
{
    struct backend_stock *stock =
        (struct backend_stock *)((char *)deadline - offsetof(struct backend_stock, again));
    deadline_clear(&stock->again);
    loop_defer(stock->backends->loop, &stock->serve);
}

static int take_one(struct backend_stock *stock)
{
    deadline_set(&stock->idle, STOCK_IDLE);
    return stock->sockets[--stock->count];
}

int stock_take(struct backend_stock *stock)
{
    int fd = -1;
    /* Who waits comes first. */
    if (stock->count > 0 && TAILQ_EMPTY(&stock->waiting))
        fd = take_one(stock);
    if (stock->count < STOCK_LOW)
        ask(stock);
    return fd;
}

/* ---- waiting ---- */

void stock_wait(struct backend_stock *stock, struct stock_wait *wait)
{
    wait->stock = stock;
    TAILQ_INSERT_TAIL(&stock->waiting, wait, next);
    loop_defer(stock->backends->loop, &stock->serve);
}

void stock_forget(struct stock_wait *wait)
{
    if (wait->stock == NULL)
        return;
    TAILQ_REMOVE(&wait->stock->waiting, wait, next);
    wait->stock = NULL;
}

/* Whoever is told may come back for another socket, of this stock too. */
static void on_serve(struct loop_task *task)
{
    struct backend_stock *stock =
        (struct backend_stock *)((char *)task - offsetof(struct backend_stock, serve));
    struct stock_wait *wait;
    stock->references++;
    while ((wait = TAILQ_FIRST(&stock->waiting)) != NULL &&
           (stock->count > 0 || failed_just_now(stock))) {
        int fd = stock->count > 0 ? take_one(stock) : -1;
        stock_forget(wait);
        wait->on_socket(wait, fd, fd < 0 ? stock->error : 0);
    }
    if (wait != NULL || (stock->count > 0 && stock->count < STOCK_LOW))
        ask(stock);
    stock_leave(stock);
}

/* ---- answers ---- */

void backends_set_ask(struct backends *backends,
                      int (*ask_for)(void *owner, const struct backend_place *place), void *owner)
{
    backends->ask = ask_for;
    backends->ask_owner = owner;
}

static void take_answer(struct backend_stock *stock, unsigned count, int error)
{
    stock->is_asked = false;
    if (count > 0) {
        stock->error = 0;
        stock->pause = 0;
        deadline_set(&stock->idle, STOCK_IDLE);
    } else if (error == EAGAIN) {
        stock->pause = stock->pause > 0 ? 2 * stock->pause : STOCK_AGAIN;
        if (stock->pause > STOCK_AGAIN_MOST)
            stock->pause = STOCK_AGAIN_MOST;
        deadline_set(&stock->again, stock->pause);
    } else {
        set_error(stock, error != 0 ? error : EPROTO);
    }
    loop_defer(stock->backends->loop, &stock->serve);
}

void backends_take_sockets(struct backends *backends, const struct backend_place *place,
                           const int *sockets, unsigned count, int error)
{
    struct backend_stock *stock = stock_find(backends, place);
    bool keeps = stock != NULL && is_wanted(stock);
    for (unsigned i = 0; i < count; i++) {
        if (keeps && stock->count < STOCK_MOST)
            stock->sockets[stock->count++] = sockets[i];
        else
            close(sockets[i]);
    }
    if (stock != NULL)
        take_answer(stock, count, error);
}

void backends_forget_asked(struct backends *backends, int error)
{
    struct backend_stock *stock, *next;
    HASH_ITER (hh, backends->stocks, stock, next) {
        if (stock->is_asked)
            take_answer(stock, 0, error);
    }
}

/* ---- connections ---- */

void stock_join(struct backend_connection *connection)
{
    struct backend_stock *stock = connection->endpoint->stock;
    if (stock == NULL)
        return;
    TAILQ_INSERT_TAIL(&stock->present, connection, of_stock);
    connection->standing = BACKEND_PRESENT;
}

void stock_part(struct backend_connection *connection)
{
    struct backend_stock *stock = connection->endpoint->stock;
    if (connection->standing == BACKEND_PRESENT)
        TAILQ_REMOVE(&stock->present, connection, of_stock);
    else if (connection->standing == BACKEND_STALE)
        TAILQ_REMOVE(&stock->stale, connection, of_stock);
    connection->standing = BACKEND_APART;
}

void stock_close_stream(const struct backend_connection *connection, struct stream *stream,
                        bool flush)
{
    const unsigned linger = STOCK_LINGER;
    if (stream != NULL && connection->standing == BACKEND_STALE) {
        stream_close_reset(stream);
        return;
    }
    if (stream != NULL && connection->endpoint->stock != NULL)
        (void)setsockopt(stream_fd(stream), IPPROTO_TCP, TCP_USER_TIMEOUT, &linger, sizeof(linger));
    if (flush)
        stream_flush_close(stream);
    else
        stream_close(stream);
}

static struct backend_connection *find_due(const struct backend_stock *stock, double now)
{
    struct backend_connection *connection;
    TAILQ_FOREACH (connection, &stock->stale, of_stock)
        if (connection->cut_at <= now)
            return connection;
    return NULL;
}

static void set_cut(struct backend_stock *stock)
{
    const struct backend_connection *connection;
    double now = loop_now(stock->backends->loop);
    double first = INFINITY;
    TAILQ_FOREACH (connection, &stock->stale, of_stock)
        first = connection->cut_at < first ? connection->cut_at : first;
    if (isinf(first))
        deadline_clear(&stock->cut);
    else
        deadline_set(&stock->cut, first > now ? first - now : 0);
}

static void on_cut(struct deadline *deadline)
{
    struct backend_stock *stock =
        (struct backend_stock *)((char *)deadline - offsetof(struct backend_stock, cut));
    double now = loop_now(stock->backends->loop);
    struct backend_connection *connection;
    stock->references++;
    /* One that is cut may take others along: each is looked for anew. */
    while ((connection = find_due(stock, now)) != NULL)
        connection->protocol->cut(connection);
    set_cut(stock);
    stock_leave(stock);
}

/* Whoever is told may connect anew: that joins the present ones at their end. Who still waits for
 * a socket will get one of the namespace that comes. */
static void leave_now(struct backend_stock *stock, double cut_at)
{
    struct backend_connection *connection;
    TAILQ_FOREACH (connection, &stock->stale, of_stock)
        if (connection->cut_at > cut_at)
            connection->cut_at = cut_at;
    TAILQ_FOREACH (connection, &stock->present, of_stock)
        connection->cut_at = cut_at;
    drop_sockets(stock);
    while ((connection = TAILQ_FIRST(&stock->present)) != NULL && connection->cut_at > 0) {
        TAILQ_REMOVE(&stock->present, connection, of_stock);
        TAILQ_INSERT_TAIL(&stock->stale, connection, of_stock);
        connection->standing = BACKEND_STALE;
        connection->protocol->leave(connection);
    }
}

void backends_leave_namespace(struct backends *backends, const struct backend_place *place,
                              double seconds)
{
    static const sa_family_t families[] = {AF_INET, AF_INET6};
    for (unsigned i = 0; i < 2; i++) {
        struct backend_place one = {place->tenant, place->netns, families[i]};
        struct backend_stock *stock = stock_find(backends, &one);
        if (stock == NULL)
            continue;
        log_debug("tenant %.*s: leaving network namespace %.*s", SLICE_PRINTF(place->tenant),
                  SLICE_PRINTF(place->netns));
        stock->references++;
        leave_now(stock, loop_now(backends->loop) + seconds);
        set_cut(stock);
        stock_leave(stock);
    }
}

/* ---- life ---- */

static struct backend_stock *stock_new(struct backends *backends, const char *key, size_t len,
                                       const struct backend_place *place)
{
    struct backend_stock *stock = memory_zeroed(1, sizeof(*stock) + len);
    stock->backends = backends;
    memcpy(stock->key, key, len);
    stock->key_len = len;
    stock->tenant = (struct slice){stock->key, place->tenant.len};
    stock->netns = (struct slice){stock->key + place->tenant.len + 1, place->netns.len};
    stock->family = place->family;
    stock->serve.run = on_serve;
    TAILQ_INIT(&stock->waiting);
    TAILQ_INIT(&stock->present);
    TAILQ_INIT(&stock->stale);
    deadline_init(&stock->again, backends->loop, on_again);
    deadline_init(&stock->idle, backends->loop, on_idle);
    deadline_init(&stock->cut, backends->loop, on_cut);
    HASH_ADD(hh, backends->stocks, key, len, stock);
    return stock;
}

struct backend_stock *stock_enter(struct backends *backends, struct slice tenant,
                                  struct slice netns, sa_family_t family)
{
    struct backend_place place = {tenant, netns, family};
    struct backend_stock *stock = stock_find(backends, &place);
    char key[KEY_MAX];
    if (stock == NULL)
        stock = stock_new(backends, key, make_key(key, &place), &place);
    stock->references++;
    stock->users++;
    return stock;
}

void stock_retire(struct backend_stock *stock)
{
    if (stock != NULL && --stock->users == 0)
        drop_sockets(stock);
}

void stock_leave(struct backend_stock *stock)
{
    if (stock == NULL || --stock->references > 0)
        return;
    drop_sockets(stock);
    deadline_stop(&stock->again);
    deadline_stop(&stock->idle);
    deadline_stop(&stock->cut);
    loop_cancel(stock->backends->loop, &stock->serve);
    HASH_DEL(stock->backends->stocks, stock);
    free(stock);
}
