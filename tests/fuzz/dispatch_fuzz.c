/* SPDX-License-Identifier: MIT */
/* rooms: dispatch */
/* A client that asks anything: what is made of its head here never splits a line or forges a field,
 * nor a line of a log. */
#include "dispatch/dispatch.h"

#include "base/log.h"
#include "h1/read.h"

#include <fcntl.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define VALUES "$request|$uri|$args|$arg_a|$cookie_c|$http_x_a|$remote_user|$sent_http_x_echo"

static const char text[] =
    "netns host;\n"
    "log_format d '" VALUES "'; access_log /d d; log_format n escape=none '" VALUES "';\n"
    "access_log /n n; log_format j escape=json '{\"a\":\"" VALUES "\",\"b\":$status}';\n"
    "access_log /j j;\n"
    "upstream app { server 127.0.0.1:9000; }\n"
    "server { listen 10.0.0.1:80; server_name acme.test;\n"
    "  add_header X-Echo \"$uri|$args|$arg_a|$cookie_c|$http_x_a|$host|$http_host\" always;\n"
    "  location / { proxy_pass http://app; proxy_set_header X-Uri \"$uri $arg_a $cookie_c\"; }\n"
    "  location /r/ { proxy_pass http://app/new/; proxy_set_header Host $http_x_a; }\n"
    "  location /go { return 301 https://$host$uri; }\n"
    "  location /here { return 302 $uri; }\n"
    "  location ~ \\.txt$ { return 200 \"$request_uri$proxy_add_x_forwarded_for$http_cookie\"; }\n"
    "}\n";

static struct loop loop;
static struct exchange_pool pool;
static struct tls_contexts *contexts;
static struct tenant *tenant;
static struct dispatch_shared *shared;
static const struct exchange_client client = {
    .peer_host = {"192.0.2.1", 9}, .local_host = {"10.0.0.1", 8}, .local_port = 80};

static void demand(bool holds)
{
    if (!holds)
        abort();
}

static void check_fields(const struct http_fields *fields)
{
    for (uint32_t i = 0; i < fields->count; i++) {
        const struct http_field *field = &fields->items[i];
        demand(http_is_token(field->name));
        demand(field->value.len == 0 || http_is_field_value(field->value));
        demand(!http_field_is_hop_by_hop(field->id) && field->id != FIELD_CONTENT_LENGTH);
    }
}

/* ---- lines of logs ---- */

enum { LINES_DEFAULT, LINES_NONE, LINES_JSON, LINES };

/* The quotes of the format, and no other; behind each backslash what JSON knows. */
static void check_json(struct slice line)
{
    unsigned quotes = 0;
    for (size_t i = 0; i < line.len; i++) {
        quotes += line.data[i] == '"';
        if (line.data[i] == '\\')
            demand(memchr("\"\\nrtbfu", line.data[++i], 8) != NULL);
    }
    demand(quotes == 6 && line.data[0] == '{' && line.data[line.len - 1] == '}');
}

static void check_line(void *owner, uint32_t kind, struct slice line)
{
    unsigned *lines = owner;
    (*lines)++;
    demand(line.len > 1 && line.len <= DISPATCH_LINE_MAX && line.data[line.len - 1] == '\n');
    line.len--;
    for (size_t i = 0; i < line.len; i++) {
        unsigned char byte = (unsigned char)line.data[i];
        demand(byte >= 0x20);
        demand(kind != LINES_DEFAULT || (byte < 0x7f && byte != '"'));
    }
    if (kind == LINES_JSON)
        check_json(line);
}

/* ---- backends that only look at what they get ---- */

int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings)
{
    const struct http_request *forward = &exchange->forward;
    (void)group;
    (void)attempts;
    (void)settings;
    check_fields(&forward->fields);
    demand(http_fields_count(&forward->fields, FIELD_X_TENANT) == 1);
    demand(http_fields_count(&forward->fields, FIELD_X_FORWARDED_FOR) == 1);
    demand(http_fields_count(&forward->fields, FIELD_HOST) == 0);
    demand(slice_equal(http_fields_find(&forward->fields, FIELD_X_TENANT)->value, SLICE("acme")));
    demand(forward->authority.len == 0 || http_is_field_value(forward->authority));
    demand(forward->target.len > 0 && http_is_field_value(forward->target));
    return ERROR_NO_ENDPOINT;
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
    (void)group;
    (void)attempts;
}

bool backend_attempt_forgive(struct backend_group *group, struct backend_attempts *attempts,
                             enum error error)
{
    (void)group;
    (void)attempts;
    (void)error;
    return false;
}

struct exchange_allowance *backend_allowance(struct backend_group *group)
{
    static struct exchange_allowance allowance = {.most = 1024};
    (void)group;
    return &allowance;
}

uint32_t backend_untried(const struct backend_group *group, const struct backend_attempts *attempts)
{
    (void)group;
    (void)attempts;
    return 0;
}

void backends_unbind(struct backends *backends, struct tenant *gone)
{
    (void)backends;
    (void)gone;
}

/* ---- the frontend ---- */

static void front_response(void *front, struct exchange *exchange)
{
    unsigned *responses = front;
    check_fields(&exchange->response.fields);
    (*responses)++;
}

static void front_ignore(void *front, struct exchange *exchange)
{
    (void)front;
    (void)exchange;
}

static const struct exchange_front front_ops = {
    .on_response = front_response, .on_body = front_ignore, .on_room = front_ignore};

static unsigned lines;

static void prepare(void)
{
    static const uint32_t numbers[] = {LINES_DEFAULT, LINES_NONE, LINES_JSON};
    struct config_tree tree;
    struct diag_list diags;
    loop_init(&loop);
    exchange_pool_init(&pool, &loop);
    config_tree_init(&tree);
    diag_list_init(&diags);
    demand(config_parse_text(&tree, &config_files, "acme.conf", slice_of(text), &diags) == 0);
    struct bundle bundle = {.tenant = SLICE("acme"), .folder = SLICE("/"), .root = &tree.root};
    contexts = tls_contexts_new();
    tenant = tenant_new(&bundle, contexts, &diags);
    demand(tenant != NULL);
    tenant_set_log_numbers(tenant, numbers, LINES);
    shared = dispatch_shared_new(&(struct dispatch_log){check_line, &lines});
    config_tree_free(&tree);
    diag_list_free(&diags);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct h1_limits limits = {.line_max = 8192, .head_max = 32768, .fields_max = 100};
    struct h1_head_reader reader = {0};
    struct h1_head_facts facts;
    struct chain in;
    unsigned responses = 0;
    if (!tenant) {
        log_set_sink(LOG_SINK_FILE, open("/dev/null", O_WRONLY | O_CLOEXEC));
        log_set_level(LOG_LEVEL_DEBUG);
        prepare();
    }
    chain_init(&in, &loop.buffers);
    chain_append(&in, data, size);
    struct exchange *exchange = exchange_new(&pool, &front_ops, &responses, &client);
    int verdict =
        h1_read_request(&reader, &in, &limits,
                        &(struct h1_request_sink){&exchange->arena, &exchange->request, &facts});
    struct dispatch_origin origin = {
        .shared = shared, .tenant = tenant, .listener = &tenant->listeners[0]};
    if (verdict == H1_DONE) {
        dispatch_start(exchange, NULL, &origin);
    } else {
        dispatch_attend(exchange, NULL, &origin);
        dispatch_refuse(exchange, verdict < 0 ? (enum error)verdict : ERROR_HEADER_TIMEOUT);
    }
    demand(responses == 1);
    lines = 0;
    exchange_close(exchange);
    demand(lines == LINES);
    chain_clear(&in);
    ev_run(loop.ev, EVRUN_NOWAIT);
    return 0;
}
