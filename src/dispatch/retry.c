/* SPDX-License-Identifier: MIT */
/* Attempts: when another endpoint, or the same once more, may be asked (proxy_next_upstream). */
#include "dispatch_internal.h"

/* RFC 9110 section 9.2.2: what a backend may have acted on is repeated only if that does no
 * harm, or the operator says that it does none. */
static bool is_repeatable(const struct dispatch *dispatch, bool untouched)
{
    const struct exchange *exchange = dispatch->exchange;
    return !exchange->is_closed && exchange_request_is_whole(exchange) &&
           (untouched || http_method_is_repeatable(exchange->request.method) ||
            (dispatch->settings->proxy_next_upstream & NEXT_NON_IDEMPOTENT) != 0);
}

/* The flag of proxy_next_upstream that a failure falls under; 0: none. */
static uint32_t next_flag(enum error error)
{
    switch (error) {
    case ERROR_CONNECT:
    case ERROR_BACKEND_TLS:
    case ERROR_BACKEND_CLOSED:
    case ERROR_BACKEND_RESET:
    case ERROR_BACKEND_TRUNCATED:
    case ERROR_BACKEND_FULL:
    case ERROR_HTTP1_REQUIRED:
    case ERROR_SHORTAGE:
    case ERROR_REFUSED:
    case ERROR_RETIRED:
        return NEXT_ERROR;
    case ERROR_CONNECT_TIMEOUT:
    case ERROR_READ_TIMEOUT:
    case ERROR_WRITE_TIMEOUT:
        return NEXT_TIMEOUT;
    case ERROR_RESPONSE:
    case ERROR_RESPONSE_TOO_LARGE:
        return NEXT_INVALID_HEADER;
    default:
        return 0;
    }
}

static uint32_t next_flag_of_status(int status)
{
    static const struct {
        int status;
        uint32_t flag;
    } flags[] = {{403, NEXT_HTTP_403}, {404, NEXT_HTTP_404}, {429, NEXT_HTTP_429},
                 {500, NEXT_HTTP_500}, {502, NEXT_HTTP_502}, {503, NEXT_HTTP_503},
                 {504, NEXT_HTTP_504}};
    for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
        if (flags[i].status == status)
            return flags[i].flag;
    return 0;
}

static void remember(struct dispatch *dispatch, int status)
{
    struct exchange *exchange = dispatch->exchange;
    struct dispatch_past *past = ARENA_NEW(&exchange->arena, struct dispatch_past);
    *past = attempt_now(dispatch);
    past->status = status;
    dispatch->attempts.waited_for = 0;
    dispatch->attempts.queue_seconds = 0;
    STAILQ_INSERT_TAIL(&dispatch->past, past, next);
    dispatch->past_count++;
    dispatch->backend_status = 0;
    exchange->attempt = (struct exchange_attempt){0};
    exchange->response_at = 0;
}

static void give_up(struct dispatch *dispatch, enum error error)
{
    struct exchange *exchange = dispatch->exchange;
    int status = error_status(error);
    exchange->error = error;
    if (error == ERROR_CLIENT_GONE) {
        /* Its body broke off: nobody is there to be told. */
        report_failure(exchange, dispatch, error, 0);
        exchange_end_response(exchange, PIPE_BROKEN);
        return;
    }
    if (status == 0)
        status = 502;
    if (dispatch->backend_status == 0)
        dispatch->backend_status = status;
    report_failure(exchange, dispatch, error, status);
    reply_error(exchange, dispatch, error, status);
}

void retry_attempt(struct dispatch *dispatch, enum error last)
{
    struct exchange *exchange = dispatch->exchange;
    exchange_rewind_request(exchange);
    if (dispatch->attempts.count + dispatch->attempts.forgiven > 0)
        forward_make_again(dispatch);
    int error = backend_start(dispatch->group, exchange, &dispatch->attempts, dispatch->settings);
    if (error)
        give_up(dispatch, last != ERROR_NONE ? last : (enum error)error);
}

/* Whether another server, which has not been asked yet, is asked next. */
static bool has_next(const struct dispatch *dispatch, uint32_t flag)
{
    return (dispatch->settings->proxy_next_upstream & flag) != 0 &&
           backend_untried(dispatch->group, &dispatch->attempts) > 0;
}

/* The end of a connection that was kept, or shared, says nothing about the server (RFC 9112 section
 * 9.3.1, RFC 9113 section 6.8): it is asked once more, over another one. So is one that wants
 * HTTP/1.1, and one that refused (RFC 9113 section 8.7) unless there is a better one to ask. */
static bool is_forgiven(struct dispatch *dispatch, enum error error)
{
    bool is_refused = error == ERROR_REFUSED && !has_next(dispatch, NEXT_ERROR);
    if (error != ERROR_RETIRED && error != ERROR_HTTP1_REQUIRED && !is_refused)
        return false;
    return backend_attempt_forgive(dispatch->group, &dispatch->attempts, error);
}

void retry_failed(struct dispatch *dispatch, enum error error, bool untouched)
{
    bool may_repeat = is_repeatable(dispatch, untouched);
    if (may_repeat && is_forgiven(dispatch, error)) {
        report_again(dispatch, error);
        dispatch->forgiven++;
        remember(dispatch, error_status(error));
        retry_attempt(dispatch, error);
    } else if (may_repeat && has_next(dispatch, next_flag(error))) {
        int status = error_status(error);
        report_retry(dispatch, error, status);
        remember(dispatch, status);
        retry_attempt(dispatch, error);
    } else {
        give_up(dispatch, error);
    }
}

bool retry_response(struct dispatch *dispatch)
{
    struct exchange *exchange = dispatch->exchange;
    int status = exchange->response.status;
    uint32_t flag = next_flag_of_status(status);
    if ((dispatch->settings->proxy_next_upstream & flag) == 0)
        return false;
    if (status != 403 && status != 404)
        backend_attempt_failed(dispatch->group, &dispatch->attempts);
    if (!is_repeatable(dispatch, false) || !has_next(dispatch, flag))
        return false;
    report_retry(dispatch, ERROR_NONE, status);
    exchange_abort_back(exchange);
    remember(dispatch, status);
    retry_attempt(dispatch, ERROR_NONE);
    return true;
}
