/* SPDX-License-Identifier: MIT */
/* Methods and reason phrases. */
#include "http/message.h"

static const struct slice method_names[] = {
    [METHOD_OTHER] = {"", 0},          [METHOD_GET] = {"GET", 3},
    [METHOD_HEAD] = {"HEAD", 4},       [METHOD_POST] = {"POST", 4},
    [METHOD_PUT] = {"PUT", 3},         [METHOD_DELETE] = {"DELETE", 6},
    [METHOD_OPTIONS] = {"OPTIONS", 7}, [METHOD_PATCH] = {"PATCH", 5},
    [METHOD_LOCK] = {"LOCK", 4},       [METHOD_TRACE] = {"TRACE", 5},
    [METHOD_CONNECT] = {"CONNECT", 7},
};

enum http_method http_method_lookup(struct slice text)
{
    for (unsigned i = METHOD_GET; i <= METHOD_CONNECT; i++) {
        if (slice_equal(method_names[i], text))
            return (enum http_method)i;
    }
    return METHOD_OTHER;
}

bool http_method_is_repeatable(enum http_method method)
{
    return method != METHOD_POST && method != METHOD_LOCK && method != METHOD_PATCH;
}

/* RFC 9110 section 15, and the registry's later ones. */
static const char *const reasons[] = {
    [100] = "Continue",
    [101] = "Switching Protocols",
    [102] = "Processing",
    [103] = "Early Hints",
    [200] = "OK",
    [201] = "Created",
    [202] = "Accepted",
    [203] = "Non-Authoritative Information",
    [204] = "No Content",
    [205] = "Reset Content",
    [206] = "Partial Content",
    [207] = "Multi-Status",
    [208] = "Already Reported",
    [226] = "IM Used",
    [300] = "Multiple Choices",
    [301] = "Moved Permanently",
    [302] = "Found",
    [303] = "See Other",
    [304] = "Not Modified",
    [305] = "Use Proxy",
    [307] = "Temporary Redirect",
    [308] = "Permanent Redirect",
    [400] = "Bad Request",
    [401] = "Unauthorized",
    [402] = "Payment Required",
    [403] = "Forbidden",
    [404] = "Not Found",
    [405] = "Method Not Allowed",
    [406] = "Not Acceptable",
    [407] = "Proxy Authentication Required",
    [408] = "Request Timeout",
    [409] = "Conflict",
    [410] = "Gone",
    [411] = "Length Required",
    [412] = "Precondition Failed",
    [413] = "Content Too Large",
    [414] = "URI Too Long",
    [415] = "Unsupported Media Type",
    [416] = "Range Not Satisfiable",
    [417] = "Expectation Failed",
    [418] = "I'm a teapot",
    [421] = "Misdirected Request",
    [422] = "Unprocessable Content",
    [423] = "Locked",
    [424] = "Failed Dependency",
    [425] = "Too Early",
    [426] = "Upgrade Required",
    [428] = "Precondition Required",
    [429] = "Too Many Requests",
    [431] = "Request Header Fields Too Large",
    [451] = "Unavailable For Legal Reasons",
    [500] = "Internal Server Error",
    [501] = "Not Implemented",
    [502] = "Bad Gateway",
    [503] = "Service Unavailable",
    [504] = "Gateway Timeout",
    [505] = "HTTP Version Not Supported",
    [506] = "Variant Also Negotiates",
    [507] = "Insufficient Storage",
    [508] = "Loop Detected",
    [510] = "Not Extended",
    [511] = "Network Authentication Required",
};

const char *http_reason(int status)
{
    bool is_known = status >= 0 && (size_t)status < sizeof(reasons) / sizeof(reasons[0]);

    return is_known && reasons[status] ? reasons[status] : "";
}
