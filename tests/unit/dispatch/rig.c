/* SPDX-License-Identifier: MIT */
/* The rig of this room's tests. */
#include "rig.h"

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

static void take_body(struct rig *rig, struct exchange *exchange)
{
    struct chain taken;
    chain_init(&taken, &rig->loop.buffers);
    size_t len = exchange_take_response(exchange, &taken, sizeof rig->seen.body);
    cr_assert_leq(rig->seen.body_len + len, sizeof rig->seen.body);
    chain_peek(&taken, 0, rig->seen.body + rig->seen.body_len, len);
    rig->seen.body_len += len;
    chain_clear(&taken);
}

static void front_response(void *front, struct exchange *exchange)
{
    struct rig *rig = front;
    int status = exchange->response.status;
    rig->seen.response = exchange->response;
    if (status < 200 && status != 101) {
        rig->seen.interims++;
        rig->seen.interim_status = status;
        return;
    }
    rig->seen.responses++;
    rig->seen.status = status;
    if (rig->seen.closes_at_once) {
        rig->exchange = NULL;
        exchange_close(exchange);
    }
}

static void front_body(void *front, struct exchange *exchange)
{
    struct rig *rig = front;
    take_body(rig, exchange);
    rig->seen.end = exchange->response_body.state;
}

static void front_room(void *front, struct exchange *exchange)
{
    struct rig *rig = front;
    (void)exchange;
    rig->seen.rooms++;
}

static const struct exchange_front front_ops = {
    .on_response = front_response, .on_body = front_body, .on_room = front_room};

/* ---- the backends: backend.h as the test wants it ---- */

static void back_body(void *back, struct exchange *exchange)
{
    struct rig *rig = back;
    if (rig->takes)
        exchange_take_request(exchange, &rig->taken, SIZE_MAX);
}

static void back_room(void *back, struct exchange *exchange)
{
    (void)back;
    (void)exchange;
}

static void back_abort(void *back, struct exchange *exchange)
{
    struct rig *rig = back;
    (void)exchange;
    rig->aborts++;
}

static const struct exchange_back back_ops = {
    .on_body = back_body, .on_room = back_room, .on_abort = back_abort};

int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings)
{
    static const char *const names[] = {"127.0.0.1:9000", "127.0.0.1:9001", "127.0.0.1:9002",
                                        "127.0.0.1:9003"};
    struct rig *rig = group->rig;
    uint32_t next = 0;
    (void)settings;
    attempts->waited_for |= rig->waited_for;
    attempts->queue_seconds += rig->queue_seconds;
    if (rig->start_error)
        return rig->start_error;
    while (next < rig->endpoints && (attempts->tried[0] & (1u << next)))
        next++;
    if (next == rig->endpoints)
        return ERROR_NO_ENDPOINT;
    attempts->tried[0] |= 1u << next;
    attempts->count++;
    attempts->started = loop_now(exchange->loop);
    attempts->address = slice_of(next < 4 ? names[next] : "");
    attempts->reused = rig->has_kept[next] && !rig->wants_fresh;
    rig->has_kept[next] = false;
    rig->wants_fresh = false;
    rig->last = next;
    rig->starts++;
    exchange_attach(exchange, &back_ops, rig);
    if (rig->takes)
        exchange_take_request(exchange, &rig->taken, SIZE_MAX);
    return 0;
}

void backend_attempt_answered(struct backend_group *group, const struct backend_attempts *attempts)
{
    (void)group;
    (void)attempts;
}

void backend_attempt_broke(struct backend_group *group, const struct backend_attempts *attempts,
                           enum error error)
{
    (void)group;
    (void)attempts;
    (void)error;
}

void backend_attempt_failed(struct backend_group *group, struct backend_attempts *attempts)
{
    (void)attempts;
    group->rig->failures++;
}

bool backend_attempt_forgive(struct backend_group *group, struct backend_attempts *attempts,
                             enum error error)
{
    (void)error;
    struct rig *rig = group->rig;
    if (!attempts->reused)
        return false;
    attempts->tried[0] &= ~(1u << rig->last);
    attempts->count--;
    rig->wants_fresh = true;
    rig->forgiven++;
    return true;
}

struct exchange_allowance *backend_allowance(struct backend_group *group)
{
    return &group->rig->allowance;
}

uint32_t backend_untried(const struct backend_group *group, const struct backend_attempts *attempts)
{
    uint32_t tried = (uint32_t)__builtin_popcountll(attempts->tried[0]);
    return group->rig->endpoints - tried;
}

void backends_unbind(struct backends *backends, struct tenant *tenant)
{
    (void)tenant;
    ((struct rig *)backends)->unbinds++;
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

static void make_tenant(struct rig *rig, const char *text)
{
    struct config_tree tree;
    struct config_tenant model;
    struct diag_list diags;
    char file[4096];
    snprintf(file, sizeof file, "netns host;\n%s", text);
    config_tree_init(&tree);
    diag_list_init(&diags);
    int parsed = config_parse_text(&tree, &config_files, "acme.conf", slice_of(file), &diags);
    int built = config_tenant_build(&model,
                                    &(struct config_tenant_source){.name = SLICE("acme"),
                                                                   .folder = SLICE("/etc/nsgate"),
                                                                   .root = &tree.root},
                                    &diags);
    print_diags(&diags);
    cr_assert(parsed == 0 && built == 0, "the test's configuration is wrong");
    struct bundle bundle = {
        .tenant = SLICE("acme"), .folder = SLICE("/etc/nsgate"), .root = &tree.root};
    add_identities(&bundle, &tree.arena, &model);
    rig->tenant = tenant_new(&bundle, rig->contexts, &diags);
    print_diags(&diags);
    cr_assert_not_null(rig->tenant);
    config_tenant_free(&model);
    config_tree_free(&tree);
    diag_list_free(&diags);
}

static void a_key(void *data, size_t size)
{
    memset(data, 3, size);
}

/* What its zones are in. */
static void share(struct rig *rig)
{
    const struct config_tenant *config = &rig->tenant->config;
    struct cells_want wants[CELLS_REGIONS];
    for (uint32_t i = 0; i < config->zone_count; i++)
        wants[i] =
            (struct cells_want){config->zones[i].kind == ZONE_COUNTS ? CELLS_COUNTS : CELLS_RATES,
                                config->zones[i].identity, config->zones[i].size};
    cells_init(&rig->cells);
    cr_assert_eq(cells_fit(&rig->cells, wants, config->zone_count, a_key), 0);
    if (rig->cells.count > 0)
        tenant_set_cells(rig->tenant,
                         cells_map_new(rig->cells.fd, rig->cells.regions, rig->cells.count, 0));
}

/* ---- what is logged ---- */

static void take_line(void *owner, uint32_t destination, struct slice line)
{
    struct rig *rig = owner;
    cr_assert_lt(rig->lines_len + line.len + 16, sizeof rig->lines);
    rig->lines_len += (size_t)sprintf(rig->lines + rig->lines_len, "%u:", destination);
    memcpy(rig->lines + rig->lines_len, line.data, line.len);
    rig->lines_len += line.len;
    rig->lines[rig->lines_len] = '\0';
}

/* Others know the first destination as 100, the second as 101. */
static void number_logs(struct tenant *tenant)
{
    uint32_t numbers[8], count = tenant->config.log_destination_count;
    cr_assert_leq(count, 8);
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = 100 + i;
    tenant_set_log_numbers(tenant, numbers, count);
}

void rig_open(struct rig *rig, const char *text)
{
    memset(rig, 0, sizeof *rig);
    loop_init(&rig->loop);
    exchange_pool_init(&rig->pool, &rig->loop);
    chain_init(&rig->taken, &rig->loop.buffers);
    rig->contexts = tls_contexts_new();
    make_tenant(rig, text);
    share(rig);
    rig->group.rig = rig;
    rig->allowance.most = 1 << 20;
    rig->endpoints = 2;
    for (uint32_t i = 0; i < rig->tenant->upstream_count; i++)
        rig->tenant->upstreams[i].group = &rig->group;
    rig->listener = &rig->tenant->listeners[0];
    rig->shared = dispatch_shared_new(&(struct dispatch_log){take_line, rig});
    number_logs(rig->tenant);
    rig->origin = (struct dispatch_origin){
        .shared = rig->shared, .tenant = rig->tenant, .listener = rig->listener};
    rig->client = (struct exchange_client){.peer_host = SLICE("192.0.2.1"),
                                           .peer_port = 5000,
                                           .local_host = SLICE("10.0.0.1"),
                                           .local_port = 80,
                                           .connection = 17,
                                           .tls_seconds = 0.25};
}

void rig_close(struct rig *rig)
{
    if (rig->exchange)
        rig_end(rig);
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
    if (rig->tenant)
        tenant_unref(rig->tenant);
    cells_free(&rig->cells);
    tls_contexts_free(rig->contexts);
    chain_clear(&rig->taken);
    cr_assert_eq(rig->pool.in_use, 0);
    cr_expect_eq(rig->allowance.held, 0);
    dispatch_shared_free(rig->shared);
    exchange_pool_free(&rig->pool);
    loop_free(&rig->loop);
}

/* ---- exchanges ---- */

static void read_head(struct rig *rig, struct chain *in, struct h1_head_facts *facts)
{
    struct h1_head_reader reader = {0};
    struct exchange *exchange = rig->exchange;
    int verdict =
        h1_read_request(&reader, in, &limits,
                        &(struct h1_request_sink){&exchange->arena, &exchange->request, facts});
    cr_assert_eq(verdict, H1_DONE, "the test's head is wrong: %d", verdict);
    exchange->request_bytes = facts->head_bytes;
    exchange->connection_requests = 3;
}

void rig_begin(struct rig *rig)
{
    if (rig->exchange)
        rig_end(rig);
    memset(&rig->seen, 0, sizeof rig->seen);
    rig->exchange = exchange_new(&rig->pool, &front_ops, rig, &rig->client);
}

void rig_send(struct rig *rig, const char *text)
{
    struct chain in;
    struct h1_head_facts facts;
    rig_begin(rig);
    chain_init(&in, &rig->loop.buffers);
    chain_append_slice(&in, slice_of(text));
    struct exchange *exchange = rig->exchange;
    read_head(rig, &in, &facts);
    dispatch_start(exchange, (struct backends *)rig, &rig->origin);
    if (rig->exchange && in.len > 0)
        exchange_push_request(exchange, &in);
    if (rig->exchange && facts.framing != H1_CHUNKED)
        exchange_end_request(exchange, PIPE_ENDED);
    chain_clear(&in);
}

void rig_get(struct rig *rig, const char *target, const char *fields)
{
    char text[4096];
    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: acme.test\r\n%s\r\n", target, fields);
    rig_send(rig, text);
}

void rig_end(struct rig *rig)
{
    struct exchange *exchange = rig->exchange;
    rig->exchange = NULL;
    exchange_close(exchange);
    ev_run(rig->loop.ev, EVRUN_NOWAIT);
}

void rig_answer(struct rig *rig, const char *head)
{
    struct exchange *exchange = rig->exchange;
    struct h1_head_reader reader = {0};
    struct h1_head_facts facts;
    struct chain in;
    cr_assert_not_null(exchange->back, "no backend is attached");
    chain_init(&in, &rig->loop.buffers);
    chain_append_slice(&in, slice_of(head));
    int verdict =
        h1_read_response(&reader, &in, &limits, exchange->forward.method,
                         &(struct h1_response_sink){&exchange->arena, &exchange->response, &facts});
    cr_assert_eq(verdict, H1_DONE, "the test's answer is wrong: %d", verdict);
    chain_clear(&in);
    exchange_respond(exchange);
}

void rig_body(struct rig *rig, const char *body, enum pipe_state end)
{
    struct chain bytes;
    chain_init(&bytes, &rig->loop.buffers);
    chain_append_slice(&bytes, slice_of(body));
    exchange_push_response(rig->exchange, &bytes);
    chain_clear(&bytes);
    if (end != PIPE_OPEN) {
        exchange_end_response(rig->exchange, end);
        exchange_detach(rig->exchange);
    }
}

void rig_fail(struct rig *rig, enum error error, bool untouched)
{
    exchange_fail_back(rig->exchange, error, untouched);
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

const char *rig_forwarded(const struct rig *rig, const char *name)
{
    return joined(&rig->exchange->forward.fields, name);
}

const char *rig_returned(const struct rig *rig, const char *name)
{
    return joined(&rig->seen.response.fields, name);
}

const char *rig_body_text(struct rig *rig)
{
    return text_of((struct slice){rig->seen.body, rig->seen.body_len});
}

const char rig_places[] = "server { listen 10.0.0.1:80 default_server; server_name acme.test;\n"
                          "  client_max_body_size 10;\n"
                          "  location = /exact { return 200 exact; }\n"
                          "  location /pre { return 200 pre; }\n"
                          "  location /pre/longer { return 200 longer; }\n"
                          "  location ^~ /final { return 200 final; }\n"
                          "  location ~ \\.php$ { return 200 regex; }\n"
                          "  location /empty { }\n"
                          "  location /big { client_max_body_size 0; return 200 big; }\n"
                          "  location /app/ { proxy_pass http://127.0.0.1:9000; }\n"
                          "  location /api { proxy_pass http://127.0.0.1:9000; }\n"
                          "  location /api/ { proxy_pass http://127.0.0.1:9000; }\n"
                          "  location /here/ { return 200 here; }\n"
                          "}\n"
                          "server { listen 10.0.0.1:80; server_name closed.test; return 403; "
                          "location / { return 200 no; } }\n";

bool rig_returns(const struct rig *rig, const char *name)
{
    return http_fields_find_name(&rig->seen.response.fields, slice_of(name)) != NULL;
}

void rig_open_location(struct rig *rig, const char *inside)
{
    char text[1024];
    snprintf(text, sizeof text,
             "server { listen 10.0.0.1:80; server_name acme.test; location / { %s } }\n", inside);
    rig_open(rig, text);
}

void rig_expect_redirect(const char *answer, bool is_tls, uint16_t port, const char *target,
                         const char *place)
{
    struct rig rig;
    rig_open_location(&rig, answer);
    rig.client.is_tls = is_tls;
    rig.client.local_port = port;
    rig_get(&rig, target, "");
    cr_expect_str_eq(rig_returned(&rig, "location"), place, "%s %s: %s", answer, target,
                     rig_returned(&rig, "location"));
    cr_expect_geq(rig.seen.status, 301);
    rig_close(&rig);
}
