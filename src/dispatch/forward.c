/* SPDX-License-Identifier: MIT */
/* The request as the backend gets it: fields, target and authority. */
#include "dispatch_internal.h"

static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '_' ? '-' : c;
}

/* Many backends (CGI, RFC 3875 section 4.1.18, and what follows it) cannot tell "X_Env" from
 * "X-Env": a client must not get past a field that is set here by writing it that way. */
static bool is_same_to_backends(struct slice a, struct slice b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (folded(a.data[i]) != folded(b.data[i]))
            return false;
    return true;
}

static const struct config_header *find_set_header(const struct config_settings *settings,
                                                   struct slice name)
{
    for (uint32_t i = 0; i < settings->set_header_count; i++)
        if (is_same_to_backends(settings->set_headers[i].name, name))
            return &settings->set_headers[i];
    return NULL;
}

#define AUTOMATIC_COUNT 4

/* Names under which backends are told what happened before them. They believe their proxy, which
 * must not repeat what a client made up: neither those that are set here nor those that are not,
 * X-Forwarded-Port, -Prefix, -Ssl and what else there is. */
static bool is_forwarding(struct slice name)
{
    struct slice family = SLICE("x-forwarded-");
    return is_same_to_backends(slice_head(name, family.len), family) ||
           is_same_to_backends(name, SLICE("x-forwarded")) ||
           is_same_to_backends(name, SLICE("x-real-ip")) ||
           is_same_to_backends(name, SLICE("forwarded")) ||
           is_same_to_backends(name, SLICE("x-tenant"));
}

static bool is_kept(const struct dispatch *dispatch, const struct http_field *field)
{
    if (field->id == FIELD_HOST || is_forwarding(field->name))
        return false;
    if (field->id == FIELD_EXPECT && !dispatch->exchange->request.expects_continue)
        return false;
    return !find_set_header(dispatch->settings, field->name);
}

static void keep_fields(struct dispatch *dispatch, struct http_fields *fields)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        if (is_kept(dispatch, &fields->items[i]))
            fields->items[kept++] = fields->items[i];
    fields->count = kept;
}

/* A backend that merges trailers with the fields would take one for what is set here. */
void forward_filter_trailers(struct dispatch *dispatch)
{
    keep_fields(dispatch, &dispatch->exchange->request_body.trailers);
}

static void add_automatic(struct dispatch *dispatch, struct http_fields *fields, struct slice name,
                          struct slice value)
{
    if (value.len > 0 && !find_set_header(dispatch->settings, name))
        http_fields_add(fields, name, value);
}

/* CONFIG.md: these are always set, unless proxy_set_header says otherwise. */
static void add_automatic_fields(struct dispatch *dispatch, struct http_fields *fields)
{
    const struct exchange *exchange = dispatch->exchange;
    add_automatic(dispatch, fields, SLICE("X-Forwarded-For"), exchange->client->peer_host);
    add_automatic(dispatch, fields, SLICE("X-Forwarded-Proto"),
                  exchange->client->is_tls ? SLICE("https") : SLICE("http"));
    add_automatic(dispatch, fields, SLICE("X-Forwarded-Host"), exchange->request.authority);
    add_automatic(dispatch, fields, SLICE("X-Tenant"), dispatch->tenant->config.name);
}

/* Names that the codecs own never get here: the configuration drops them with a warning. */
static void apply_set_headers(struct dispatch *dispatch)
{
    struct http_request *forward = &dispatch->exchange->forward;
    const struct config_settings *settings = dispatch->settings;
    for (uint32_t i = 0; i < settings->set_header_count; i++) {
        const struct config_header *header = &settings->set_headers[i];
        struct slice value = variables_field_value(dispatch, &header->value);
        if (slice_equal_nocase(header->name, SLICE("host")))
            forward->authority = value;
        else if (value.len > 0)
            http_fields_add(&forward->fields, header->name, value);
    }
}

/* An HTTP/1.0 client need not name a host; HTTP/1.1 towards the backend must (RFC 9112 section
 * 3.2). */
static struct slice default_authority(const struct dispatch *dispatch)
{
    struct slice host = dispatch->location->config->proxy.host;
    return slice_starts_with(host, SLICE("unix:")) ? SLICE("localhost") : host;
}

/* nginx's replacement: what the location matched gives way to the URI of proxy_pass; the rest of
 * the normalized path is encoded anew, and the arguments follow. */
static void replace_target(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    struct http_request *forward = &exchange->forward;
    const struct config_location *location = dispatch->location->config;
    struct slice rest = slice_from(dispatch->path, location->pattern.len);
    rest = http_path_encode(&exchange->arena, rest);
    struct slice query = exchange->request.query;
    forward->target =
        arena_printf(&exchange->arena, "%.*s%.*s%s%.*s", SLICE_PRINTF(location->proxy.uri),
                     SLICE_PRINTF(rest), query.len > 0 ? "?" : "", SLICE_PRINTF(query));
    const char *mark = memchr(forward->target.data, '?', forward->target.len);
    forward->has_query = mark;
    forward->path = forward->target;
    forward->query = (struct slice){0};
    if (mark) {
        forward->path.len = (size_t)(mark - forward->target.data);
        forward->query = slice_from(forward->target, forward->path.len + 1);
    }
}

void forward_make(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    struct http_request *forward = &exchange->forward;
    *forward = exchange->request;
    uint32_t capacity =
        forward->fields.count + AUTOMATIC_COUNT + dispatch->settings->set_header_count;
    dispatch_fields_init(&forward->fields, &exchange->arena, capacity);
    http_fields_forward(&forward->fields, &exchange->request.fields);
    keep_fields(dispatch, &forward->fields);
    add_automatic_fields(dispatch, &forward->fields);
    if (forward->authority.len == 0)
        forward->authority = default_authority(dispatch);
    apply_set_headers(dispatch);
    /* HTTP/2 may have brought the whole body before: nobody was there to look at its trailers. */
    if (exchange->request_body.state == PIPE_ENDED)
        forward_filter_trailers(dispatch);
    if (dispatch->location->config->proxy.has_uri)
        replace_target(dispatch);
}

void forward_make_again(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    struct http_fields *fields = &exchange->forward.fields;
    if (!exchange->forward.expects_continue || exchange->request_body.passed == 0)
        return;
    exchange->forward.expects_continue = false;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        if (fields->items[i].id != FIELD_EXPECT)
            fields->items[kept++] = fields->items[i];
    fields->count = kept;
}
