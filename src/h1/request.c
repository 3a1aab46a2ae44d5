/* SPDX-License-Identifier: MIT */
/* Request heads: the request line, Host, and how the body is framed. */
#include "head_internal.h"

/* RFC 9112 section 2.3. Returns 0 or an error. */
static int parse_version(struct slice text, enum http_version *version)
{
    if (text.len != 8 || !slice_starts_with(text, SLICE("HTTP/")) || text.data[6] != '.')
        return ERROR_REQUEST_LINE;
    char major = text.data[5];
    char minor = text.data[7];
    if (major < '0' || major > '9' || minor < '0' || minor > '9')
        return ERROR_REQUEST_LINE;
    if (major != '1')
        return ERROR_HTTP_VERSION;
    *version = minor == '0' ? HTTP_1_0 : HTTP_1_1;
    return 0;
}

/* method SP request-target SP HTTP-version (RFC 9112 section 3); single spaces only. */
static int parse_request_line(struct http_request *request, struct slice line)
{
    const char *space = memchr(line.data, ' ', line.len);
    if (!space)
        return ERROR_REQUEST_LINE;
    request->method_text = slice_head(line, (size_t)(space - line.data));
    struct slice rest = slice_from(line, request->method_text.len + 1);
    space = memchr(rest.data, ' ', rest.len);
    if (!space || space == rest.data || !http_is_token(request->method_text))
        return ERROR_REQUEST_LINE;
    struct slice target = slice_head(rest, (size_t)(space - rest.data));
    int error = parse_version(slice_from(rest, target.len + 1), &request->version);
    if (error != 0)
        return error;
    request->method = http_method_lookup(request->method_text);
    if (request->method == METHOD_CONNECT)
        return ERROR_METHOD;
    return http_target_parse(request, target);
}

/* RFC 9112 sections 3.2 and 3.2.2: exactly one Host, which an absolute-form overrules. */
static int parse_host(struct http_request *request, struct arena *arena)
{
    struct slice target_authority = request->authority;
    struct http_field *host = NULL;
    for (uint32_t i = 0; i < request->fields.count; i++) {
        if (request->fields.items[i].id != FIELD_HOST)
            continue;
        if (host)
            return ERROR_HOST;
        host = &request->fields.items[i];
    }
    if (!host && request->version != HTTP_1_0)
        return ERROR_HOST;
    if (host && http_authority_parse(request, arena, host->value) != 0)
        return ERROR_HOST;
    if (target_authority.len == 0)
        return 0;
    if (http_authority_parse(request, arena, target_authority) != 0)
        return ERROR_HOST;
    if (host)
        host->value = target_authority;
    else
        http_fields_add(&request->fields, SLICE("Host"), target_authority);
    return 0;
}

/* What is wrong with a Transfer-Encoding that is not just `chunked`. RFC 9112 section 6.1: a coding
 * that is not known is 501; section 6.3: without one final chunked the length is not known. */
static int judge_coding(struct slice coding)
{
    unsigned chunked = 0;
    bool has_others = false;
    bool is_last = false;
    struct slice member;
    while (http_list_next(&coding, &member)) {
        is_last = slice_equal_nocase(member, SLICE("chunked"));
        chunked += is_last;
        has_others |= !is_last;
    }
    return chunked == 1 && is_last && has_others ? ERROR_CODING : ERROR_LENGTH;
}

/* RFC 9112 section 6.3, without its leniency. */
static int parse_framing(struct http_request *request, const struct head_framing *framing,
                         struct h1_head_facts *facts)
{
    if (framing->codings > 0) {
        if (framing->codings > 1 || framing->lengths > 0 || request->version == HTTP_1_0)
            return ERROR_LENGTH;
        if (!slice_equal_nocase(framing->coding, SLICE("chunked")))
            return judge_coding(framing->coding);
        facts->framing = H1_CHUNKED;
        request->content_length = HTTP_LENGTH_UNKNOWN;
        return 0;
    }
    if (framing->lengths == 0)
        return 0;
    if (framing->lengths > 1 || !h1_length_parse(framing->length, &facts->length))
        return ERROR_LENGTH;
    facts->framing = facts->length > 0 ? H1_LENGTH : H1_NO_BODY;
    request->content_length = facts->length;
    request->has_length = true;
    return 0;
}

static int parse_head(struct slice head, struct arena *arena, struct http_request *request,
                      struct h1_head_facts *facts)
{
    struct slice line;
    struct head_framing framing;
    *request = (struct http_request){0};
    http_fields_init(&request->fields, arena);
    h1_head_line(&head, &line);
    request->line = line;
    int error = parse_request_line(request, line);
    if (error != 0)
        return error;
    if (!h1_head_fields(head, false, &request->fields, &framing))
        return ERROR_FIELD;
    error = parse_host(request, arena);
    if (error != 0)
        return error;
    error = parse_framing(request, &framing, facts);
    if (error != 0)
        return error;
    facts->keep_alive = h1_is_persistent(&request->fields, request->version);
    request->upgrade = http_upgrade_choose(request);
    const struct http_field *expect = http_fields_find(&request->fields, FIELD_EXPECT);
    request->expects_continue = expect && request->version != HTTP_1_0 &&
                                request->content_length != 0 &&
                                slice_equal_nocase(expect->value, SLICE("100-continue"));
    return H1_DONE;
}

int h1_read_request(struct h1_head_reader *reader, struct chain *in, const struct h1_limits *limits,
                    const struct h1_request_sink *sink)
{
    size_t len = 0;
    switch (h1_head_scan(reader, in, limits, HEAD_OF_REQUEST, &len)) {
    case SCAN_MORE:
        return H1_MORE;
    case SCAN_BAD_BYTE:
        return reader->lines == 0 ? ERROR_REQUEST_LINE : ERROR_FIELD;
    case SCAN_LINE_TOO_LONG:
        return reader->lines == 0 ? ERROR_TARGET_TOO_LONG : ERROR_HEAD_TOO_LARGE;
    case SCAN_HEAD_TOO_LARGE:
        return ERROR_HEAD_TOO_LARGE;
    case SCAN_COMPLETE:
        break;
    }
    *sink->facts = (struct h1_head_facts){.head_bytes = len + 2 * (size_t)reader->blank};
    *reader = (struct h1_head_reader){0};
    return parse_head(h1_head_take(in, sink->arena, len), sink->arena, sink->request, sink->facts);
}
