/* SPDX-License-Identifier: MIT */
/* The rig's machinery: a front and a mediator that write down what they are told. */
#include "rig.h"

#include "io/socket.h"
#include "shared/figures.h"

#include <criterion/criterion.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static int listen_any(struct address *address)
{
    struct sockaddr_in any = {.sin_family = AF_INET};
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    cr_assert_geq(fd, 0);
    cr_assert_eq(bind(fd, (struct sockaddr *)&any, sizeof(any)), 0);
    cr_assert_eq(listen(fd, 64), 0);
    address_of_socket(fd, address);
    return fd;
}

void rig_init(struct rig *rig, unsigned servers)
{
    memset(rig, 0, sizeof(*rig));
    loop_init(&rig->loop);
    exchange_pool_init(&rig->pool, &rig->loop);
    rig->backends = backends_new(&rig->loop);
    rig->settings.proxy_connect_timeout = 5;
    rig->settings.proxy_read_timeout = 5;
    rig->settings.proxy_send_timeout = 5;
    rig->tenant.config.name = SLICE("acme");
    rig->tenant.upstreams = &rig->upstream;
    rig->tenant.upstream_count = 1;
    rig->upstream.config = &rig->upstream_config;
    rig->upstream.endpoints = rig->endpoints;
    rig->upstream.endpoint_count = servers;
    rig->upstream_config.name = SLICE("app");
    rig->upstream_config.keepalive = 4;
    for (unsigned i = 0; i < RIG_SERVERS; i++) {
        rig->listeners[i] = -1;
        rig->endpoints[i].config = &rig->endpoint_configs[i];
        rig->endpoint_configs[i].weight = 1;
        rig->endpoint_configs[i].max_fails = 1;
        rig->endpoint_configs[i].fail_timeout = 10;
    }
    for (unsigned i = 0; i < servers; i++)
        rig->listeners[i] = listen_any(&rig->endpoints[i].address);
    backends_bind(rig->backends, &rig->tenant);
}

void rig_free(struct rig *rig)
{
    backends_free(rig->backends);
    exchange_pool_free(&rig->pool);
    rig_turn(rig);
    loop_free(&rig->loop);
    for (unsigned i = 0; i < RIG_SERVERS; i++)
        if (rig->listeners[i] >= 0)
            close(rig->listeners[i]);
    if (rig->figures.memory)
        figures_unmap(&rig->figures);
}

/* Whose figures they are. */
#define NUMBER (3 * METRICS_TENANTS + 1)

void rig_count(struct rig *rig)
{
    int fd = figures_new_file();
    figures_map(&rig->figures, fd);
    close(fd);
    backends_set_figures(rig->backends, SLICE("acme"), &rig->figures, NUMBER);
}

uint64_t rig_counted(const struct rig *rig, enum metric metric)
{
    return figures_of(&rig->figures, NUMBER, metric, 0);
}

void rig_bind(struct rig *rig)
{
    /* The new tenant is bound before the old one goes. */
    backends_bind(rig->backends, &rig->tenant);
    backends_unbind(rig->backends, &rig->tenant);
}

struct backend_group *rig_group(struct rig *rig)
{
    return rig->upstream.group;
}

double rig_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void on_nap(struct ev_loop *ev, ev_timer *timer, int events)
{
    (void)ev;
    (void)timer;
    (void)events;
}

void rig_turn(struct rig *rig)
{
    ev_timer nap;
    ev_timer_init(&nap, on_nap, 0.002, 0.);
    ev_timer_start(rig->loop.ev, &nap);
    ev_run(rig->loop.ev, EVRUN_ONCE);
    ev_timer_stop(rig->loop.ev, &nap);
    /* The turn's end comes with the next preparation to sleep. */
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
}

/* ---- the front ---- */

static void front_response(void *front, struct exchange *exchange)
{
    struct visit *visit = front;
    visit->status = exchange->response.status;
    if (visit->status < 200 && visit->status != 101) {
        visit->interims++;
        visit->last_interim = (unsigned)visit->status;
    } else {
        visit->responses++;
    }
}

static void front_body(void *front, struct exchange *exchange)
{
    struct visit *visit = front;
    struct exchange_pipe *pipe = &exchange->response_body;
    if (visit->takes && pipe->bytes.len > 0) {
        struct chain bytes;
        chain_init(&bytes, &visit->rig->loop.buffers);
        exchange_take_response(exchange, &bytes, SIZE_MAX);
        size_t room = sizeof(visit->body) - 1 - visit->body_len;
        size_t len = bytes.len < room ? bytes.len : room;
        chain_peek(&bytes, 0, visit->body + visit->body_len, len);
        visit->body_len += len;
        chain_clear(&bytes);
    }
    visit->has_ended = pipe->state == PIPE_ENDED;
    visit->is_broken = pipe->state == PIPE_BROKEN;
    if (visit->closes && visit->has_ended && pipe->bytes.len == 0 && !visit->is_closed)
        visit_close(visit);
}

static void front_room(void *front, struct exchange *exchange)
{
    (void)exchange;
    struct visit *visit = front;
    visit->rooms++;
}

static const struct exchange_front front_ops = {
    .on_response = front_response, .on_body = front_body, .on_room = front_room};

/* ---- the mediator ---- */

static void mediator_response(void *mediator, struct exchange *exchange)
{
    struct visit *visit = mediator;
    if (visit->aborts && exchange->response.status >= 200) {
        backend_attempt_failed(rig_group(visit->rig), &visit->attempts);
        exchange_abort_back(exchange);
        visit->aborts = false;
        cr_assert_eq(visit_start(visit), 0);
        return;
    }
    exchange_pass_response(exchange);
}

static void mediator_failed(void *mediator, struct exchange *exchange, enum error error,
                            bool untouched)
{
    (void)exchange;
    struct visit *visit = mediator;
    visit->failures++;
    visit->error = error;
    visit->untouched = untouched;
    bool forgiven = visit->forgives && visit->attempts.reused &&
                    backend_attempt_forgive(rig_group(visit->rig), &visit->attempts, error);
    if (!forgiven && !visit->retries)
        return;
    (void)visit_start(visit);
}

static void mediator_close(void *mediator, struct exchange *exchange)
{
    (void)exchange;
    struct visit *visit = mediator;
    visit->is_closed = true;
}

static const struct exchange_mediator mediator_ops = {.on_response = mediator_response,
                                                      .on_back_failed = mediator_failed,
                                                      .on_close = mediator_close};

/* ---- visits ---- */

void visit_init(struct visit *visit, struct rig *rig, enum http_method method, int64_t length)
{
    static const char *const methods[] = {"OTHER",   "GET",   "HEAD", "POST",  "PUT",    "DELETE",
                                          "OPTIONS", "PATCH", "LOCK", "TRACE", "CONNECT"};
    memset(visit, 0, sizeof(*visit));
    visit->rig = rig;
    visit->takes = true;
    visit->exchange = exchange_new(&rig->pool, &front_ops, visit, &rig->client);
    exchange_set_mediator(visit->exchange, &mediator_ops, visit);
    struct http_request *forward = &visit->exchange->forward;
    forward->method = method;
    forward->method_text = slice_of(methods[method]);
    forward->version = HTTP_1_1;
    forward->target = SLICE("/x");
    forward->authority = SLICE("acme.test");
    forward->content_length = length;
    if (length == 0)
        exchange_end_request(visit->exchange, PIPE_ENDED);
}

int visit_start(struct visit *visit)
{
    exchange_rewind_request(visit->exchange);
    return backend_start(rig_group(visit->rig), visit->exchange, &visit->attempts,
                         &visit->rig->settings);
}

void visit_get(struct visit *visit, struct rig *rig)
{
    visit_init(visit, rig, METHOD_GET, 0);
    cr_assert_eq(visit_start(visit), 0);
}

void visit_push(struct visit *visit, const char *text)
{
    struct chain bytes;
    chain_init(&bytes, &visit->rig->loop.buffers);
    chain_append(&bytes, text, strlen(text));
    exchange_push_request(visit->exchange, &bytes);
}

void visit_close(struct visit *visit)
{
    if (!visit->is_closed)
        exchange_close(visit->exchange);
}

/* ---- the server ---- */

bool server_has_connection(struct rig *rig, unsigned server)
{
    struct pollfd poll_fd = {.fd = rig->listeners[server], .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

int server_accept(struct rig *rig, unsigned server)
{
    int fd = -1;
    RIG_UNTIL(rig, (fd = accept4(rig->listeners[server], NULL, NULL, SOCK_NONBLOCK)) >= 0);
    return fd;
}

const char *server_read(struct rig *rig, int fd, const char *text)
{
    static char seen[64 * 1024];
    size_t len = 0;
    seen[0] = '\0';
    double end = rig_seconds() + 20;
    while (strstr(seen, text) == NULL) {
        cr_assert(rig_seconds() < end, "no \"%s\" in \"%s\"", text, seen);
        rig_turn(rig);
        ssize_t got = recv(fd, seen + len, sizeof(seen) - 1 - len, 0);
        cr_assert(got != 0 || strstr(seen, text), "the end, and no \"%s\" in \"%s\"", text, seen);
        len += got > 0 ? (size_t)got : 0;
        seen[len] = '\0';
    }
    return seen;
}

bool server_sees_end(int fd)
{
    char bytes[4096];
    ssize_t got;
    while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        ;
    return got == 0 || errno == ECONNRESET;
}

void server_send(int fd, const char *text)
{
    size_t len = strlen(text);
    cr_assert_eq(send(fd, text, len, MSG_NOSIGNAL), (ssize_t)len);
}

void server_reset(int fd)
{
    const struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(fd);
}

void server_answer(struct rig *rig, int fd, const char *body)
{
    char text[1024];
    server_read(rig, fd, "\r\n\r\n");
    snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body),
             body);
    server_send(fd, text);
}

int serve_once(struct rig *rig, unsigned server, int fd)
{
    struct visit visit;
    visit_get(&visit, rig);
    if (fd < 0)
        fd = server_accept(rig, server);
    server_answer(rig, fd, "hello");
    RIG_UNTIL(rig, visit.has_ended);
    cr_assert_str_eq(visit.body, "hello");
    visit_close(&visit);
    rig_turn(rig);
    return fd;
}
