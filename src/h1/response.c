/* SPDX-License-Identifier: MIT */
/* Response heads: the status line, and how the body is framed. */
#include "head_internal.h"

/* HTTP-version SP status-code [ SP reason-phrase ], any white space for each SP (RFC 9112 section
 * 4); many servers leave out the last one with the reason. */
static bool parse_status_line(struct http_response *response, struct slice line,
                              enum http_version *version)
{
    if (line.len < 12 || !slice_starts_with(line, SLICE("HTTP/1.")) || line.data[7] < '0' ||
        line.data[7] > '9' || !h1_is_blank(line.data[8]))
        return false;
    *version = line.data[7] == '0' ? HTTP_1_0 : HTTP_1_1;
    uint64_t status;
    line = slice_trim(slice_from(line, 8));
    if (line.len < 3 || slice_to_u64(slice_head(line, 3), 999, &status) != 0 || status < 100)
        return false;
    if (line.len > 3 && !h1_is_blank(line.data[3]))
        return false;
    response->status = (int)status;
    response->reason = slice_trim(slice_from(line, 3));
    return true;
}

/* `5`, or a list of nothing but that. */
static bool parse_length(struct slice list, int64_t *length)
{
    struct slice member;
    int64_t other;
    if (!http_list_next(&list, &member) || !h1_length_parse(member, length))
        return false;
    while (http_list_next(&list, &member)) {
        if (!h1_length_parse(member, &other) || other != *length)
            return false;
    }
    return true;
}

/* RFC 9112 section 6.3. Fills facts->length and ->framing as the fields have them, whether or not
 * this response has a body. */
static bool parse_framing(const struct head_framing *framing, enum http_version version,
                          struct h1_head_facts *facts)
{
    facts->framing = H1_UNTIL_CLOSE;
    if (framing->codings > 0) {
        facts->framing = H1_CHUNKED;
        /* Its sender may not know what it sends: nothing is read behind it. */
        facts->keep_alive = facts->keep_alive && version != HTTP_1_0;
        return framing->codings == 1 && framing->lengths == 0 &&
               slice_equal_nocase(framing->coding, SLICE("chunked"));
    }
    if (framing->lengths == 0)
        return true;
    facts->framing = H1_LENGTH;
    return !framing->lengths_differ && parse_length(framing->length, &facts->length);
}

/* What the framing means for this status and method (RFC 9110 section 6.4.1). */
static bool settle_body(struct http_response *response, enum http_method method,
                        struct h1_head_facts *facts)
{
    int status = response->status;
    bool is_interim = status < 200;
    bool is_empty = is_interim || status == 204;
    bool claims_body =
        facts->framing == H1_CHUNKED || (facts->framing == H1_LENGTH && facts->length > 0);
    response->has_body = !is_empty && status != 304 && method != METHOD_HEAD;
    response->content_length = facts->framing == H1_LENGTH ? facts->length : HTTP_LENGTH_UNKNOWN;
    if (is_empty && claims_body) {
        /* RFC 9110 section 8.6 forbids it. Bytes may follow that are no response: an interim
         * response cannot be told from them, and behind a 204 nothing more is read. */
        if (is_interim)
            return false;
        facts->keep_alive = false;
    }
    if (is_empty)
        response->content_length = 0;
    if (!response->has_body) {
        facts->framing = H1_NO_BODY;
        facts->length = 0;
    } else if (facts->framing == H1_LENGTH && facts->length == 0) {
        facts->framing = H1_NO_BODY;
    } else if (facts->framing == H1_UNTIL_CLOSE) {
        facts->keep_alive = false;
    }
    return true;
}

int h1_read_response(struct h1_head_reader *reader, struct chain *in,
                     const struct h1_limits *limits, enum http_method method,
                     const struct h1_response_sink *sink)
{
    struct http_response *response = sink->response;
    struct h1_head_facts *facts = sink->facts;
    size_t len = 0;
    switch (h1_head_scan(reader, in, limits, HEAD_OF_RESPONSE, &len)) {
    case SCAN_MORE:
        return H1_MORE;
    case SCAN_BAD_BYTE:
        return ERROR_RESPONSE;
    case SCAN_LINE_TOO_LONG:
    case SCAN_HEAD_TOO_LARGE:
        return ERROR_RESPONSE_TOO_LARGE;
    case SCAN_COMPLETE:
        break;
    }
    *facts = (struct h1_head_facts){.is_response = true, .head_bytes = len};
    *reader = (struct h1_head_reader){0};
    *response = (struct http_response){0};
    http_fields_init(&response->fields, sink->arena);

    struct slice head = h1_head_take(in, sink->arena, len);
    struct slice line;
    struct head_framing framing;
    enum http_version version;
    h1_head_line(&head, &line);
    if (!parse_status_line(response, line, &version) ||
        !h1_head_fields(head, true, &response->fields, &framing))
        return ERROR_RESPONSE;
    /* RFC 9110 section 8.6 and RFC 9112 section 6.1 forbid both in a 101, after which no body can
     * follow. */
    if (response->status == 101)
        framing = (struct head_framing){0};
    facts->keep_alive = h1_is_persistent(&response->fields, version);
    if (!parse_framing(&framing, version, facts))
        return ERROR_RESPONSE;
    return settle_body(response, method, facts) ? H1_DONE : ERROR_RESPONSE;
}
