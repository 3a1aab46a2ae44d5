/* SPDX-License-Identifier: MIT */
/* The gate of this room's tests. */
#include "fixture.h"

#include "h1/read.h"

#include <criterion/criterion.h>
#include <stdio.h>

static const struct h1_limits limits = {.line_max = 8192, .head_max = 32768, .fields_max = 100};

const char *text_of(struct slice s)
{
    static char texts[4][4096];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    snprintf(text, sizeof texts[0], "%.*s", SLICE_PRINTF(s));
    return text;
}

/* ---- the frontend ---- */

static void take_body(struct gate *gate, struct exchange *exchange)
{
    struct chain taken;
    chain_init(&taken, &gate->loop.buffers);
    size_t len = exchange_take_response(exchange, &taken, sizeof gate->seen.body);
    cr_assert_leq(gate->seen.body_len + len, sizeof gate->seen.body);
    chain_peek(&taken, 0, gate->seen.body + gate->seen.body_len, len);
    gate->seen.body_len += len;
    chain_clear(&taken);
}

static void front_response(void *front, struct exchange *exchange)
{
    struct gate *gate = front;
    int status = exchange->response.status;
    gate->seen.response = exchange->response;
    if (status < 200 && status != 101) {
        gate->seen.interims++;
        gate->seen.interim_status = status;
        return;
    }
    gate->seen.responses++;
    gate->seen.status = status;
    if (gate->seen.closes_at_once) {
        gate->exchange = NULL;
        exchange_close(exchange);
    }
}

static void front_body(void *front, struct exchange *exchange)
{
    struct gate *gate = front;
    take_body(gate, exchange);
    gate->seen.end = exchange->response_body.state;
}

static void front_room(void *front, struct exchange *exchange)
{
    struct gate *gate = front;
    (void)exchange;
    gate->seen.rooms++;
}

static const struct exchange_front front_ops = {
    .on_response = front_response, .on_body = front_body, .on_room = front_room};

/* ---- the backends: backend.h as the test wants it ---- */

static void back_body(void *back, struct exchange *exchange)
{
    struct gate *gate = back;
    if (gate->takes)
        exchange_take_request(exchange, &gate->taken, SIZE_MAX);
}

static void back_room(void *back, struct exchange *exchange)
{
    (void)back;
    (void)exchange;
}

static void back_abort(void *back, struct exchange *exchange)
{
    struct gate *gate = back;
    (void)exchange;
    gate->aborts++;
}

static const struct exchange_back back_ops = {
    .on_body = back_body, .on_room = back_room, .on_abort = back_abort};

int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings)
{
    static const char *const names[] = {"127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002",
                                        "127.0.0.1:9003"};
    struct gate *gate = group->gate;
    uint32_t next = 0;
    (void)settings;
    if (gate->start_error)
        return gate->start_error;
    while (next < gate->endpoints && (attempts->tried[0] & (1u << next)))
        next++;
    if (next == gate->endpoints)
        return ERROR_NO_ENDPOINT;
    attempts->tried[0] |= 1u << next;
    attempts->count++;
    attempts->started = loop_now(exchange->loop);
    attempts->address = slice_of(next < 4 ? names[next] : "");
    attempts->reused = gate->has_kept[next] && !gate->wants_fresh;
    gate->has_kept[next] = false;
    gate->wants_fresh = false;
    gate->last = next;
    gate->starts++;
    exchange_attach(exchange, &back_ops, gate);
    if (gate->takes)
        exchange_take_request(exchange, &gate->taken, SIZE_MAX);
    return 0;
}

void backend_attempt_failed(struct backend_group *group, struct backend_attempts *attempts)
{
    (void)attempts;
    group->gate->failures++;
}

bool backend_attempt_forgive(struct backend_group *group, struct backend_attempts *attempts,
                             enum error error)
{
    (void)error;
    struct gate *gate = group->gate;
    if (!attempts->reused)
        return false;
    attempts->tried[0] &= ~(1u << gate->last);
    attempts->count--;
    gate->wants_fresh = true;
    gate->forgiven++;
    return true;
}

struct exchange_allowance *backend_allowance(struct backend_group *group)
{
    return &group->gate->allowance;
}

uint32_t backend_untried(const struct backend_group *group, const struct backend_attempts *attempts)
{
    uint32_t tried = (uint32_t)__builtin_popcountll(attempts->tried[0]);
    return group->gate->endpoints - tried;
}

void backends_unbind(struct backends *backends, struct tenant *tenant)
{
    (void)tenant;
    ((struct gate *)backends)->unbinds++;
}

/* ---- the tenant ---- */

/* A certificate is decoded at its first handshake, and here is none: any bytes will do. */
static void add_identities(struct bundle *bundle, struct arena *arena,
                           const struct config_tenant *model)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < model->server_count; s++)
        count += model->servers[s].certificate_count;
    bundle->identities = ARENA_ARRAY(arena, struct bundle_identity, count);
    for (uint32_t s = 0; s < model->server_count; s++)
        for (uint32_t c = 0; c < model->servers[s].certificate_count; c++) {
            struct bundle_identity *identity = &bundle->identities[bundle->identity_count++];
            identity->certificate_path = model->servers[s].certificates[c].certificate;
            identity->key_path = model->servers[s].certificates[c].key;
            identity->der.chain[0] = SLICE("certificate");
            identity->der.chain_count = 1;
            identity->der.key = SLICE("key");
        }
}

static void print_diags(struct diag_list *diags)
{
    struct diag *diag;
    char text[512];
    STAILQ_FOREACH (diag, &diags->items, next) {
        diag_format(diag, text, sizeof text);
        if (diag->severity == DIAG_ERROR)
            fprintf(stderr, "%s\n", text);
    }
}

static void make_tenant(struct gate *gate, const char *text)
{
    struct config_tree tree;
    struct config_tenant model;
    struct diag_list diags;
    char file[4096];
    snprintf(file, sizeof file, "netns host;\n%s", text);
    config_tree_init(&tree);
    diag_list_init(&diags);
    int parsed = config_parse_text(&tree, &config_files, "acme.conf", slice_of(file), &diags);
    int built =
        config_tenant_build(&model, SLICE("acme"), SLICE("/etc/nsgate"), NULL, &tree.root, &diags);
    print_diags(&diags);
    cr_assert(parsed == 0 && built == 0, "the test's configuration is wrong");
    struct bundle bundle = {
        .tenant = SLICE("acme"), .folder = SLICE("/etc/nsgate"), .root = &tree.root};
    add_identities(&bundle, &tree.arena, &model);
    gate->tenant = tenant_new(&bundle, gate->contexts, &diags);
    print_diags(&diags);
    cr_assert_not_null(gate->tenant);
    config_tenant_free(&model);
    config_tree_free(&tree);
    diag_list_free(&diags);
}

void gate_open(struct gate *gate, const char *text)
{
    memset(gate, 0, sizeof *gate);
    loop_init(&gate->loop);
    exchange_pool_init(&gate->pool, &gate->loop);
    chain_init(&gate->taken, &gate->loop.buffers);
    gate->contexts = tls_contexts_new();
    make_tenant(gate, text);
    gate->group.gate = gate;
    gate->allowance.most = 1 << 20;
    gate->endpoints = 2;
    for (uint32_t i = 0; i < gate->tenant->upstream_count; i++)
        gate->tenant->upstreams[i].group = &gate->group;
    gate->listener = &gate->tenant->listeners[0];
    gate->origin = (struct dispatch_origin){.tenant = gate->tenant, .listener = gate->listener};
    gate->client = (struct exchange_client){.peer_host = SLICE("192.0.2.1"),
                                            .peer_port = 5000,
                                            .local_host = SLICE("10.0.0.1"),
                                            .local_port = 80,
                                            .connection = 17};
}

void gate_close(struct gate *gate)
{
    if (gate->exchange)
        gate_end(gate);
    ev_run(gate->loop.ev, EVRUN_NOWAIT);
    if (gate->tenant)
        tenant_unref(gate->tenant);
    tls_contexts_free(gate->contexts);
    chain_clear(&gate->taken);
    cr_assert_eq(gate->pool.in_use, 0);
    cr_expect_eq(gate->allowance.held, 0);
    exchange_pool_free(&gate->pool);
    loop_free(&gate->loop);
}

/* ---- exchanges ---- */

static void read_head(struct gate *gate, struct chain *in, struct h1_head_facts *facts)
{
    struct h1_head_reader reader = {0};
    struct exchange *exchange = gate->exchange;
    int verdict =
        h1_read_request(&reader, in, &limits, &exchange->arena, &exchange->request, facts);
    cr_assert_eq(verdict, H1_DONE, "the test's head is wrong: %d", verdict);
    exchange->request_bytes = facts->head_bytes;
    exchange->connection_requests = 3;
}

void gate_send(struct gate *gate, const char *text)
{
    struct chain in;
    struct h1_head_facts facts;
    if (gate->exchange)
        gate_end(gate);
    memset(&gate->seen, 0, sizeof gate->seen);
    chain_init(&in, &gate->loop.buffers);
    chain_append_slice(&in, slice_of(text));
    gate->exchange = exchange_new(&gate->pool, &front_ops, gate, &gate->client);
    struct exchange *exchange = gate->exchange;
    read_head(gate, &in, &facts);
    dispatch_start(exchange, (struct backends *)gate, &gate->origin);
    if (gate->exchange && in.len > 0)
        exchange_push_request(exchange, &in);
    if (gate->exchange && facts.framing != H1_CHUNKED)
        exchange_end_request(exchange, PIPE_ENDED);
    chain_clear(&in);
}

void gate_get(struct gate *gate, const char *target, const char *fields)
{
    char text[4096];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: acme.test\r\n%s\r\n", target, fields);
    gate_send(gate, text);
}

void gate_end(struct gate *gate)
{
    struct exchange *exchange = gate->exchange;
    gate->exchange = NULL;
    exchange_close(exchange);
    ev_run(gate->loop.ev, EVRUN_NOWAIT);
}

void gate_answer(struct gate *gate, const char *head)
{
    struct exchange *exchange = gate->exchange;
    struct h1_head_reader reader = {0};
    struct h1_head_facts facts;
    struct chain in;
    cr_assert_not_null(exchange->back, "no backend is attached");
    chain_init(&in, &gate->loop.buffers);
    chain_append_slice(&in, slice_of(head));
    int verdict = h1_read_response(&reader, &in, &limits, exchange->forward.method,
                                   &exchange->arena, &exchange->response, &facts);
    cr_assert_eq(verdict, H1_DONE, "the test's answer is wrong: %d", verdict);
    chain_clear(&in);
    exchange_respond(exchange);
}

void gate_body(struct gate *gate, const char *body, enum pipe_state end)
{
    struct chain bytes;
    chain_init(&bytes, &gate->loop.buffers);
    chain_append_slice(&bytes, slice_of(body));
    exchange_push_response(gate->exchange, &bytes);
    chain_clear(&bytes);
    if (end != PIPE_OPEN) {
        exchange_end_response(gate->exchange, end);
        exchange_detach(gate->exchange);
    }
}

void gate_fail(struct gate *gate, enum error error, bool untouched)
{
    exchange_fail_back(gate->exchange, error, untouched);
}

/* ---- what came out ---- */

static const char *joined(const struct http_fields *fields, const char *name)
{
    static char texts[4][2048];
    static unsigned turn;
    char *text = texts[turn++ % 4];
    size_t len = 0;
    text[0] = '\0';
    for (uint32_t i = 0; i < fields->count; i++)
        if (slice_equal_nocase(fields->items[i].name, slice_of(name)))
            len += (size_t)snprintf(text + len, sizeof texts[0] - len, "%s%.*s", len > 0 ? "|" : "",
                                    SLICE_PRINTF(fields->items[i].value));
    return text;
}

const char *gate_forwarded(const struct gate *gate, const char *name)
{
    return joined(&gate->exchange->forward.fields, name);
}

const char *gate_returned(const struct gate *gate, const char *name)
{
    return joined(&gate->seen.response.fields, name);
}

const char *gate_body_text(struct gate *gate)
{
    return text_of((struct slice){gate->seen.body, gate->seen.body_len});
}
