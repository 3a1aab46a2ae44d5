/* SPDX-License-Identifier: MIT */
/* rooms: frontend h1 base virtual_clock */
/* An HTTP/2 client that sends any frames, through a real gateway on loopback, to a witness that
 * reads HTTP/1: every request that arrives is one request, read in one way only. */
#include "frontend/frontend.h"

#include "base/log.h"
#include "base/memory.h"
#include "h1/read.h"
#include "http/characters.h"
#include "io/socket.h"
#include "virtual_clock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ADDRESS   "127.0.0.1:8080"
#define TURNS_MAX 64
#define PIECES    16
/* What no client can know: a request without it was not made by the gateway. */
#define MARK "f7c1e09b52d84a36"

/* How the witness answers; the input says so. */
enum mood {
    MOOD_LENGTH,
    MOOD_CHUNKED,
    MOOD_EARLY, /* once the head is here */
    MOOD_INTERIM,
    MOOD_CLOSE, /* a body that ends with the connection */
    MOOD_SILENT,
    MOOD_BROKEN,
    MOOD_LARGE,
    MOODS
};

enum progress { READING_HEAD, READING_BODY, ANSWERED, SWITCHED };

/* One connection that the gateway has made to the witness. */
struct visit {
    LIST_ENTRY(visit) next;
    ev_io io;
    int fd;
    enum progress progress;
    bool is_answered; /* before the body's end */
    struct chain in;
    struct arena arena;
    struct h1_head_reader head;
    struct h1_body_reader body;
    struct http_request request;
};

static const char text[] = "netns host;\n"
                           "upstream app { server 127.0.0.1:%u max_fails=0; keepalive 4; }\n"
                           "server { listen " ADDRESS "; server_name acme.test;\n"
                           "  proxy_set_header X-Mark " MARK ";\n"
                           "  location / { proxy_pass http://app; }\n"
                           "  location /r/ { proxy_pass http://app/new/;\n"
                           "    proxy_set_header X-Mark " MARK ";\n"
                           "    proxy_set_header Host $http_host;\n"
                           "    proxy_set_header X-Uri \"$uri|$arg_a|$cookie_c|$http_x_a\"; }\n"
                           "  location /h/ { proxy_pass http://app; proxy_set_header Host $host;\n"
                           "    proxy_set_header X-Mark " MARK "; }\n"
                           "  location /here { return 200 $uri; }\n"
                           "}\n";

static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
                              "\0\0\0\4\0\0\0\0\0"; /* SETTINGS, empty */

static const struct h1_limits limits = {
    .line_max = 1 << 20, .head_max = 1 << 20, .fields_max = 1000};

static struct loop loop;
static struct backends *backends;
static struct tls_contexts *contexts;
static struct frontend *frontend;
static LIST_HEAD(, visit) visits;
static ev_io door; /* of the witness */
static uint16_t port;
static enum mood mood;
static bool has_moved; /* in this turn */
static char scratch[64 * 1024];

/* What must hold, by name: a finding says what did not. */
#define demand(holds) demand_that((holds), #holds, __LINE__)

static void demand_that(bool holds, const char *what, int line)
{
    if (holds)
        return;
    fprintf(stderr, "line %d does not hold: %s\n", line, what);
    abort();
}

/* ---- the witness ---- */

static void visit_free(struct visit *visit)
{
    ev_io_stop(loop.ev, &visit->io);
    close(visit->fd);
    LIST_REMOVE(visit, next);
    chain_clear(&visit->in);
    arena_free(&visit->arena);
    free(visit);
}

static void say(const struct visit *visit, const char *data, size_t len)
{
    /* A gateway that does not read makes this one fall silent, which is an answer, too. */
    (void)!send(visit->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void say_text(const struct visit *visit, const char *what)
{
    say(visit, what, strlen(what));
}

/* Returns whether the connection can go on. */
static bool answer(struct visit *visit)
{
    bool is_head = visit->request.method == METHOD_HEAD;

    switch (mood) {
    case MOOD_CHUNKED:
        say_text(visit, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-t\r\n\r\n");
        say_text(visit, is_head ? "" : "2\r\nok\r\n0\r\nx-t: 1\r\n\r\n");
        return true;
    case MOOD_CLOSE:
        say_text(visit, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok");
        return false;
    case MOOD_SILENT:
        return true;
    case MOOD_BROKEN:
        say_text(visit, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nok");
        return false;
    case MOOD_LARGE:
        say_text(visit, "HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n");
        say(visit, scratch, is_head ? 0 : sizeof(scratch));
        return true;
    case MOOD_INTERIM:
        say_text(visit, "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n");
        /* fall through */
    default:
        say_text(visit, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
        say_text(visit, is_head ? "" : "ok");
        return true;
    }
}

static void check_fields(const struct http_fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];

        demand(http_is_token(field->name));
        demand(field->value.len == 0 || http_is_field_value(field->value));
        demand(memchr(field->value.data, '\r', field->value.len) == NULL);
        demand(memchr(field->value.data, '\n', field->value.len) == NULL);
        demand(memchr(field->value.data, '\0', field->value.len) == NULL);
    }
}

static void check_head(const struct http_request *request, const struct h1_head_facts *facts)
{
    const struct http_fields *fields = &request->fields;
    unsigned marks = 0;

    check_fields(fields);
    for (uint32_t i = 0; i < fields->count; i++)
        if (slice_equal_nocase(fields->items[i].name, SLICE("x-mark"))) {
            demand(slice_equal(fields->items[i].value, SLICE(MARK)));
            marks++;
        }
    demand(marks == 1);
    demand(http_fields_count(fields, FIELD_X_TENANT) == 1);
    demand(slice_equal(http_fields_find(fields, FIELD_X_TENANT)->value, SLICE("acme")));
    demand(http_fields_count(fields, FIELD_X_FORWARDED_FOR) == 1);
    demand(http_fields_count(fields, FIELD_HOST) == 1);
    demand(request->method != METHOD_CONNECT);
    demand(facts->framing != H1_UNTIL_CLOSE);
}

/* The next request comes only once this one is answered: there is nothing behind it. */
static bool finish(struct visit *visit)
{
    bool goes_on = true;

    demand(visit->in.len == 0);
    if (!visit->is_answered)
        goes_on = answer(visit);
    visit->is_answered = false;
    visit->progress = READING_HEAD;
    if (mood == MOOD_SILENT)
        visit->progress = ANSWERED;
    arena_reset(&visit->arena);
    return goes_on;
}

static void begin(struct visit *visit, const struct h1_head_facts *facts)
{
    check_head(&visit->request, facts);
    h1_body_start(&visit->body, facts);
    visit->progress = READING_BODY;
    if (visit->request.upgrade.len > 0) {
        say_text(visit, "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n"
                        "Upgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\nraw");
        visit->progress = SWITCHED;
        return;
    }
    if (visit->request.expects_continue)
        say_text(visit, "HTTP/1.1 100 Continue\r\n\r\n");
    if (mood == MOOD_EARLY && facts->framing != H1_NO_BODY)
        visit->is_answered = answer(visit);
}

/* Returns whether the connection goes on. */
static bool advance(struct visit *visit)
{
    struct http_fields trailers;
    struct h1_head_facts facts;
    struct chain out;
    int verdict;

    if (visit->progress == READING_HEAD && visit->in.len > 0) {
        http_fields_init(&visit->request.fields, &visit->arena);
        verdict =
            h1_read_request(&visit->head, &visit->in, &limits,
                            &(struct h1_request_sink){&visit->arena, &visit->request, &facts});
        demand(verdict >= 0);
        if (verdict == H1_DONE)
            begin(visit, &facts);
    }
    if (visit->progress == READING_BODY) {
        chain_init(&out, &loop.buffers);
        http_fields_init(&trailers, &visit->arena);
        verdict = h1_read_body(&visit->body, &visit->in, &limits,
                               &(struct h1_body_sink){&out, SIZE_MAX, &trailers});
        demand(verdict >= 0);
        chain_clear(&out);
        check_fields(&trailers);
        if (verdict == H1_DONE)
            return finish(visit);
    }
    if (visit->progress == SWITCHED)
        chain_clear(&visit->in);
    demand(visit->progress != ANSWERED || visit->in.len == 0);
    return true;
}

static void on_visit(struct ev_loop *ev, ev_io *io, int events)
{
    struct visit *visit = io->data;
    size_t room;
    char *to = chain_reserve(&visit->in, BUFFER_SIZE, &room);
    ssize_t got = recv(visit->fd, to, room, MSG_DONTWAIT);

    (void)ev;
    (void)events;
    has_moved = true;
    chain_commit(&visit->in, got > 0 ? (size_t)got : 0);
    if (got == 0 || (got < 0 && errno != EAGAIN) || !advance(visit))
        visit_free(visit);
}

static void on_door(struct ev_loop *ev, ev_io *io, int events)
{
    struct address peer;
    int fd = socket_accept(io->fd, &peer);

    (void)events;
    has_moved = true;
    if (fd < 0)
        return;
    struct visit *visit = memory_alloc(sizeof(*visit));
    *visit = (struct visit){.fd = fd};
    chain_init(&visit->in, &loop.buffers);
    arena_init(&visit->arena, 4096);
    ev_io_init(&visit->io, on_visit, fd, EV_READ);
    visit->io.data = visit;
    ev_io_start(ev, &visit->io);
    LIST_INSERT_HEAD(&visits, visit, next);
}

/* ---- the gateway ---- */

static int listen_anywhere(uint16_t *number)
{
    struct socket_listen_options options = {.backlog = 64};
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct address address;
    const char *call;
    int fd;

    address_set(&address, (struct sockaddr *)&any, sizeof(any));
    fd = socket_listen(&address, &options, &call);
    demand(fd >= 0);
    address_of_socket(fd, &address);
    *number = address_port(&address);
    return fd;
}

static struct tenant *make_tenant(uint16_t witness)
{
    struct config_tree tree;
    struct diag_list diags;
    struct arena arena;
    struct tenant *tenant;

    arena_init(&arena, 4096);
    config_tree_init(&tree);
    diag_list_init(&diags);
    demand(config_parse_text(&tree, &config_files, "acme.conf", arena_printf(&arena, text, witness),
                             &diags) == 0);
    struct bundle bundle = {.tenant = SLICE("acme"), .folder = SLICE("/"), .root = &tree.root};
    tenant = tenant_new(&bundle, contexts, &diags);
    demand(tenant != NULL);
    config_tree_free(&tree);
    diag_list_free(&diags);
    arena_free(&arena);
    return tenant;
}

/* Turns in which more happens than the turn itself: its two watchers. */
static void on_pending(struct ev_loop *ev)
{
    has_moved = has_moved || ev_pending_count(ev) > 1;
    ev_invoke_pending(ev);
}

static void prepare(void)
{
    uint16_t witness;
    int fd;

    log_set_sink(LOG_SINK_FILE, open("/dev/null", O_WRONLY | O_CLOEXEC));
    log_set_level(LOG_LEVEL_INFO);
    loop_init(&loop);
    ev_set_invoke_pending_cb(loop.ev, on_pending);
    contexts = tls_contexts_new();
    backends = backends_new(&loop);
    struct frontend_config config = {.loop = &loop, .backends = backends, .contexts = contexts};
    frontend = frontend_new(&config);
    demand(frontend != NULL);
    fd = listen_anywhere(&witness);
    ev_io_init(&door, on_door, fd, EV_READ);
    ev_io_start(loop.ev, &door);
    struct tenant *tenant = make_tenant(witness);
    backends_bind(backends, tenant);
    frontend_set_tenant(frontend, tenant, 3, 0);
    fd = listen_anywhere(&port);
    const struct frontend_listener_id id = {SLICE("acme"), SLICE(ADDRESS), 0};
    frontend_add_listener(frontend, &id, fd);
}

/* Until nothing moves any more. */
static void settle(int client)
{
    for (unsigned turns = 0; turns < TURNS_MAX; turns++) {
        has_moved = false;
        ev_run(loop.ev, EVRUN_NOWAIT);
        if (client >= 0 && recv(client, scratch, sizeof(scratch), MSG_DONTWAIT) > 0)
            has_moved = true;
        if (!has_moved)
            return;
    }
}

/* The client's reset ends its connection, and no timeout need be over for that. The kernel may
 * deliver it late: a machine that is busy does it outside our calls. Whoever stays is found by
 * libFuzzer's own limit. */
static void settle_without_client(void)
{
    virtual_clock_set_pace(0);
    for (settle(-1); frontend_connections(frontend) > 0; settle(-1))
        usleep(1000);
}

/* ---- the client ---- */

static int client_open(void)
{
    static const struct linger at_once = {1, 0};
    static const int on = 1;
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int verdict;

    demand(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    /* libFuzzer's own clock sends signals. */
    do
        verdict = connect(fd, (struct sockaddr *)&address, sizeof(address));
    while (verdict < 0 && errno == EINTR);
    demand(verdict == 0);
    return fd;
}

static void client_send(int client, const void *data, size_t len)
{
    (void)!send(client, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The first byte: how the witness answers, and how quickly time goes by; the second: into pieces of
 * how many bytes it is split (0 to 239, in steps of 4; 0: none), or that the client ends its side
 * (240 and above). */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t piece, at = 2;
    int client;

    if (!frontend)
        prepare();
    if (size < 2)
        return -1;
    mood = (enum mood)(data[0] % MOODS);
    virtual_clock_set_pace(data[0] / MOODS);
    piece = data[1] >= 240 || data[1] == 0 ? size : (size_t)data[1] * 4;
    client = client_open();
    client_send(client, preface, sizeof(preface) - 1);
    for (unsigned i = 0; at < size; i++) {
        size_t len = i + 1 == PIECES || size - at < piece ? size - at : piece;

        client_send(client, data + at, len);
        settle(client);
        at += len;
    }
    if (data[1] >= 240)
        shutdown(client, SHUT_WR);
    settle(client);
    close(client);
    settle_without_client();
    while (!LIST_EMPTY(&visits))
        visit_free(LIST_FIRST(&visits));
    settle(-1);
    return 0;
}
