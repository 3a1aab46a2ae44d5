/* SPDX-License-Identifier: MIT */
/* rooms: backend virtual_clock */
/* A server that says anything: what reaches the frontend is one whole response, or a failure. */
#include "backend/backend.h"

#include "io/loop_internal.h"
#include "virtual_clock.h"

#include <assert.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

/* What the frontend and the mediator were told of one exchange. */
struct told {
    unsigned finals;
    unsigned failures;
    uint64_t body;
    bool has_ended;
};

static struct loop loop;
static struct exchange_pool pool;
static struct backends *backends;
static struct config_settings settings;
static struct tenant tenant;
static struct tenant_upstream upstream;
static int listener;

static void front_response(void *front, struct exchange *exchange)
{
    struct told *told = front;
    int status = exchange->response.status;
    assert(status >= 100 && status <= 999 && told->finals == 0 && !told->has_ended);
    if (status >= 200 || status == 101) {
        assert(status != 101 || exchange->is_tunnel);
        told->finals++;
    }
}

static void front_body(void *front, struct exchange *exchange)
{
    struct told *told = front;
    struct exchange_pipe *pipe = &exchange->response_body;
    struct chain bytes;
    assert(told->finals == 1 && !told->has_ended);
    chain_init(&bytes, &loop.buffers);
    told->body += exchange_take_response(exchange, &bytes, SIZE_MAX);
    chain_clear(&bytes);
    told->has_ended = pipe->state != PIPE_OPEN;
    int64_t length = exchange->response.content_length;
    if (pipe->state == PIPE_ENDED && !exchange->is_tunnel) {
        if (exchange->response.has_body && length >= 0)
            assert(told->body == (uint64_t)length);
        assert(exchange->response.has_body || told->body == 0);
    }
}

static void front_room(void *front, struct exchange *exchange)
{
    (void)front;
    (void)exchange;
}

static void mediator_response(void *mediator, struct exchange *exchange)
{
    (void)mediator;
    exchange_pass_response(exchange);
}

static void mediator_failed(void *mediator, struct exchange *exchange, enum error error,
                            bool untouched)
{
    struct told *told = mediator;
    (void)exchange;
    (void)untouched;
    assert(error < 0 && !told->has_ended);
    told->failures++;
}

static void mediator_close(void *mediator, struct exchange *exchange)
{
    (void)mediator;
    (void)exchange;
}

static const struct exchange_front front_ops = {front_response, front_body, front_room};
static const struct exchange_mediator mediator_ops = {.on_response = mediator_response,
                                                      .on_back_failed = mediator_failed,
                                                      .on_close = mediator_close};

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    static struct config_upstream config = {.keepalive = 4};
    static struct config_endpoint server = {.weight = 1};
    static struct tenant_endpoint endpoint = {.config = &server};
    /* An abstract address: nothing to clean up. */
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    int len = snprintf(local.sun_path + 1, sizeof(local.sun_path) - 1, "nsgate-fuzz-%d", getpid());
    socklen_t address_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)len);
    listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (bind(listener, (struct sockaddr *)&local, address_len) != 0 || listen(listener, 8) != 0)
        return -1;
    address_set(&endpoint.address, (struct sockaddr *)&local, address_len);
    loop_init(&loop);
    exchange_pool_init(&pool, &loop);
    backends = backends_new(&loop);
    settings.proxy_connect_timeout = settings.proxy_read_timeout = settings.proxy_send_timeout = 60;
    config.name = SLICE("u");
    upstream =
        (struct tenant_upstream){.config = &config, .endpoints = &endpoint, .endpoint_count = 1};
    tenant.config.name = SLICE("t");
    tenant.upstreams = &upstream;
    tenant.upstream_count = 1;
    backends_bind(backends, &tenant);
    return 0;
}

/* Until nothing is left, in however many pieces. What one turn causes comes with the next. */
static void settle(void)
{
    for (unsigned turns = 0; turns < 2 || loop_has_work(&loop); turns++)
        ev_run(loop.ev, EVRUN_NOWAIT);
}

/* One exchange, to which the server says the bytes in two parts and closes. options: bit 0 HEAD,
 * bit 1 asks to switch, bit 2 keeps the server's side open, bit 3 and above: how quickly time goes
 * by. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct exchange_client client;
    struct backend_attempts attempts = {0};
    struct told told = {0};
    if (size < 2 || size > 100000)
        return 0;
    uint8_t options = data[0];
    virtual_clock_set_pace(options / 8);
    size_t first = (size_t)data[1] * (size - 2) / 255;
    data += 2;
    size -= 2;

    struct exchange *exchange = exchange_new(&pool, &front_ops, &told, &client);
    exchange_set_mediator(exchange, &mediator_ops, &told);
    struct http_request *forward = &exchange->forward;
    forward->method = options & 1 ? METHOD_HEAD : METHOD_GET;
    forward->method_text = options & 1 ? SLICE("HEAD") : SLICE("GET");
    forward->target = SLICE("/");
    forward->authority = SLICE("h");
    if (options & 2)
        forward->upgrade = SLICE("websocket");
    else
        exchange_end_request(exchange, PIPE_ENDED);
    if (backend_start(upstream.group, exchange, &attempts, &settings) != 0)
        __builtin_trap();
    settle();
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    (void)!send(fd, data, first, MSG_NOSIGNAL);
    settle();
    (void)!send(fd, data + first, size - first, MSG_NOSIGNAL);
    settle();
    if (!(options & 4))
        close(fd);
    settle();

    if (!(options & 4) && !exchange->is_tunnel)
        assert(told.has_ended || told.failures == 1);
    exchange_close(exchange);
    if (options & 4)
        close(fd);
    settle();
    assert(backends_idle_count(backends) == 0);
    return 0;
}
