/* SPDX-License-Identifier: MIT */
/* The phase of response headers: what is hidden, and what is added. */
#include "dispatch_internal.h"

/* As nginx: these are for the proxy in front, not for its clients. Date and Server stay. */
static bool is_for_proxy(struct slice name)
{
    return slice_equal_nocase(slice_head(name, 8), SLICE("x-accel-")) ||
           slice_equal_nocase(name, SLICE("x-pad"));
}

static bool is_hidden(const struct config_settings *settings, const struct http_field *field)
{
    if (field->id == FIELD_OTHER && is_for_proxy(field->name))
        return true;
    for (uint32_t i = 0; i < settings->hide_header_count; i++)
        if (slice_equal_nocase(settings->hide_headers[i], field->name))
            return true;
    return false;
}

/* Those of nginx's add_header without `always`. */
static bool is_usual(int status)
{
    return status == 200 || status == 201 || status == 204 || status == 206 ||
           (status >= 301 && status <= 304) || status == 307 || status == 308;
}

enum dispatch_verdict headers_add(struct dispatch *dispatch)
{
    struct http_response *response = &dispatch->exchange->response;
    const struct config_settings *settings = dispatch->settings;
    bool is_for_all = is_usual(response->status);
    if (response->status < 200 && !dispatch->is_own_reply)
        return DISPATCH_CONTINUE;
    for (uint32_t i = 0; i < settings->add_header_count; i++) {
        const struct config_header *header = &settings->add_headers[i];
        if (!is_for_all && !header->always)
            continue;
        struct slice value = variables_field_value(dispatch, &header->value);
        if (value.len > 0)
            http_fields_add(&response->fields, header->name, value);
    }
    return DISPATCH_CONTINUE;
}

enum dispatch_verdict headers_filter(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    struct http_response *response = &exchange->response;
    struct http_fields came = response->fields;
    struct http_fields *fields = &response->fields;
    if (dispatch->is_own_reply)
        return DISPATCH_CONTINUE;
    dispatch->backend_fields = came;
    dispatch->backend_length = response->content_length;
    dispatch_fields_init(fields, &exchange->arena,
                         came.count + 1 + dispatch->settings->add_header_count);
    http_fields_forward(fields, &came);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < fields->count; i++)
        if (!is_hidden(dispatch->settings, &fields->items[i]))
            fields->items[kept++] = fields->items[i];
    fields->count = kept;
    /* The one hop-by-hop field that must go through (RFC 9110 section 7.8). */
    if (response->status == 101)
        http_fields_add(fields, SLICE("Upgrade"), exchange->forward.upgrade);
    return DISPATCH_CONTINUE;
}
