/* SPDX-License-Identifier: MIT */
/* What the error log says of exchanges; log_write escapes what peers wrote. */
#include "dispatch_internal.h"

#include "base/log.h"

#include <stdio.h>
#include <string.h>

/* Bytes of a target that a line shows. */
#define TARGET_SHOWN 256
#define WHO_SIZE     512
#define REASON_SIZE  512

/* "tenant acme: GET /x"; only "client" when no request was understood. */
static void describe(const struct exchange *exchange, const struct dispatch *dispatch,
                     char who[WHO_SIZE])
{
    struct slice tenant = dispatch ? dispatch->tenant->config.name : (struct slice){0};
    struct slice method = exchange->request.method_text;
    struct slice target = slice_head(exchange->request.target, TARGET_SHOWN);
    snprintf(who, WHO_SIZE, "%s%.*s%s%.*s%s%.*s", dispatch ? "tenant " : "client",
             SLICE_PRINTF(tenant), method.len > 0 ? ": " : "", SLICE_PRINTF(method),
             target.len > 0 ? " " : "", SLICE_PRINTF(target));
}

/* ": 111: Connection refused"; empty when there is nothing to add to the error's own text. */
static void explain(const struct exchange *exchange, char reason[REASON_SIZE])
{
    snprintf(reason, REASON_SIZE, "%s%.*s", exchange->reason.len > 0 ? ": " : "",
             SLICE_PRINTF(exchange->reason));
}

/* Backends are the operator's business; what clients get wrong is theirs. */
static enum log_level level_of(enum error error, int status)
{
    int told = status != 0 ? status : error_status(error);
    bool is_client = (told >= 400 && told < 500) || told == 501 || told == 505;
    bool is_gone = error == ERROR_CLIENT_GONE || error == ERROR_SEND_TIMEOUT;
    return is_client || is_gone ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
}

void report_failure(const struct exchange *exchange, const struct dispatch *dispatch,
                    enum error error, int status)
{
    enum log_level level = level_of(error, status);
    if (!log_is_enabled(level))
        return;
    char who[WHO_SIZE], reason[REASON_SIZE];
    describe(exchange, dispatch, who);
    explain(exchange, reason);
    struct slice address = dispatch ? dispatch->attempts.address : (struct slice){0};
    log_write(level, "%s: %d %s: %s%s%s (%s%.*s%sclient %.*s)", who,
              status != 0 ? status : exchange->response.status, error_token(error),
              error_text(error), reason,
              exchange->response_started ? ", after the response began" : "",
              address.len > 0 ? "backend " : "", SLICE_PRINTF(address), address.len > 0 ? ", " : "",
              SLICE_PRINTF(exchange->client->peer_host));
}

void report_again(const struct dispatch *dispatch, enum error error)
{
    if (!log_is_enabled(LOG_LEVEL_INFO))
        return;
    const struct exchange *exchange = dispatch->exchange;
    char who[WHO_SIZE];
    describe(exchange, dispatch, who);
    struct slice address = dispatch->attempts.address;
    log_info("%s: %s: %s, sending it again (backend %.*s, client %.*s)", who, error_token(error),
             error_text(error), SLICE_PRINTF(address), SLICE_PRINTF(exchange->client->peer_host));
}

void report_retry(const struct dispatch *dispatch, enum error error, int status)
{
    if (!log_is_enabled(LOG_LEVEL_WARN))
        return;
    const struct exchange *exchange = dispatch->exchange;
    char who[WHO_SIZE], reason[REASON_SIZE];
    describe(exchange, dispatch, who);
    explain(exchange, reason);
    struct slice address = dispatch->attempts.address;
    log_write(LOG_LEVEL_WARN, "%s: %d %s: %s%s, trying the next (backend %.*s, client %.*s)", who,
              status, error_token(error),
              error != ERROR_NONE ? error_text(error) : "the backend answered so", reason,
              SLICE_PRINTF(address), SLICE_PRINTF(exchange->client->peer_host));
}

void report_note(const struct dispatch *dispatch, enum log_level level, const char *text)
{
    if (!log_is_enabled(level))
        return;
    const struct exchange *exchange = dispatch->exchange;
    char who[WHO_SIZE];
    describe(exchange, dispatch, who);
    log_write(level, "%s: %s (client %.*s)", who, text, SLICE_PRINTF(exchange->client->peer_host));
}

enum dispatch_verdict report_close(struct dispatch *dispatch)
{
    if (!log_is_enabled(LOG_LEVEL_DEBUG))
        return DISPATCH_CONTINUE;
    const struct exchange *exchange = dispatch->exchange;
    char who[WHO_SIZE];
    describe(exchange, dispatch, who);
    log_debug("%s: %d, %llu bytes in %.3f s%s%s (client %.*s)", who, exchange->response.status,
              (unsigned long long)exchange->response_body_bytes,
              loop_now(exchange->loop) - exchange->started,
              exchange->error != ERROR_NONE ? ", " : "",
              exchange->error != ERROR_NONE ? error_token(exchange->error) : "",
              SLICE_PRINTF(exchange->client->peer_host));
    return DISPATCH_CONTINUE;
}
