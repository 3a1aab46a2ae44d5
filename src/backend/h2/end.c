/* SPDX-License-Identifier: MIT */
/* What an HTTP/2 connection writes, up to its last words; and its end, with what that is to each of
 * its exchanges. */
#include "h2/h2_internal.h"

#include "balance/balance_internal.h"
#include "netns_internal.h"
#include "pool_internal.h"

#include <assert.h>

/* Bytes of frames that are made between two looks at the clock. */
#define WRITE_PIECE 2048
/* Exchanges that are failed between two looks at the clock. */
#define FAIL_PIECE 8

void back_h2_close(struct back_h2 *connection, int reason)
{
    if (connection->state == BACK_H2_CLOSED)
        return;
    assert(connection->attached == 0);
    pool_remove(&connection->base);
    deadline_stop(&connection->deadline);
    loop_cancel(connection->loop, &connection->turn);
    link_close(connection->link);
    connection->link = NULL;
    backend_netns_close_stream(&connection->base, connection->wire, true);
    backend_netns_part(&connection->base);
    connection->wire = NULL;
    h2_session_free(connection->session);
    connection->session = NULL;
    chain_clear(&connection->in);
    chain_clear(&connection->out);
    log_debug("backend %s: closed: %s", connection->base.endpoint->text,
              backend_close_token(reason));
    back_h2_set_state(connection, BACK_H2_CLOSED);
    endpoint_connection_ended(connection->base.endpoint);
    connection->base.endpoint = NULL;
    loop_bury(connection->loop, &connection->grave);
}

/* What the batch that began at that byte has put on the wire is no longer fresh. */
static void note_sent(struct back_h2 *connection, uint64_t start)
{
    struct back_h2_call *call, *next;
    for (call = TAILQ_FIRST(&connection->fresh); call; call = next) {
        next = TAILQ_NEXT(call, next);
        if (call->stream && h2_stream_sent(call->stream) == 0)
            continue;
        call->sent_from = start;
        back_h2_call_move(call, &connection->begun);
    }
}

void back_h2_write(struct back_h2 *connection)
{
    bool has_more = h2_has_output(connection->session);
    size_t queued = stream_queued(connection->wire);
    if (!has_more || queued >= STREAM_QUEUE)
        return;
    while (has_more && queued + connection->out.len < STREAM_QUEUE) {
        has_more =
            h2_write(connection->session, &connection->out, connection->out.len + WRITE_PIECE);
        if (has_more && loop_should_yield(connection->loop)) {
            back_h2_wake(connection);
            break;
        }
    }
    uint64_t start = connection->written;
    connection->written += connection->out.len;
    note_sent(connection, start);
    stream_write(connection->wire, &connection->out);
}

void back_h2_end(struct back_h2 *connection, int reason)
{
    if (connection->session) {
        h2_shutdown(connection->session);
        h2_write(connection->session, &connection->out, STREAM_QUEUE);
        stream_write(connection->wire, &connection->out);
    }
    back_h2_close(connection, reason);
}

static bool is_end(enum error error)
{
    return error == ERROR_BACKEND_CLOSED || error == ERROR_BACKEND_RESET;
}

/* What the connection's end is to one of its exchanges. */
static enum error error_of(const struct back_h2_call *call, enum error error)
{
    if (call->sending == BACK_H2_WAITS && call->connection->session &&
        call->connection->state != BACK_H2_GREETING)
        return ERROR_RETIRED;
    if (is_end(error) && call->receiving == BACK_H2_HEAD_DUE && call->interim_count == 0 &&
        call->attempts->reused)
        return ERROR_RETIRED;
    return error == ERROR_BACKEND_CLOSED && call->receiving == BACK_H2_BODY_DUE
               ? ERROR_BACKEND_TRUNCATED
               : error;
}

static bool has_failure(const struct back_h2_calls *calls, enum error error)
{
    const struct back_h2_call *call;
    TAILQ_FOREACH (call, calls, next)
        if (call->exchange && call->receiving == BACK_H2_HEAD_DUE &&
            error_of(call, error) != ERROR_RETIRED)
            return true;
    return false;
}

/* Whether max_fails counts its end: once, however many exchanges it takes along. As over HTTP/1.1,
 * neither the end of a kept connection does, nor one after the response has begun. */
static void blame(struct back_h2 *connection, enum error error)
{
    bool is_failure = has_failure(&connection->waiting, error) ||
                      has_failure(&connection->fresh, error) ||
                      has_failure(&connection->begun, error);
    if (is_failure && connection->state != BACK_H2_DRAINING && error != ERROR_SHORTAGE)
        balance_failed(connection->base.endpoint, loop_now(connection->loop));
    connection->is_blamed = true;
}

static struct back_h2_call *first_attached(const struct back_h2 *connection)
{
    const struct back_h2_calls *const lists[] = {&connection->waiting, &connection->fresh,
                                                 &connection->begun};
    struct back_h2_call *call;
    for (unsigned i = 0; connection->attached > 0 && i < 3; i++)
        TAILQ_FOREACH (call, lists[i], next)
            if (call->exchange)
                return call;
    return NULL;
}

static void fail_call(struct back_h2_call *call)
{
    const struct back_h2 *connection = call->connection;
    const char *reason = connection->session ? h2_reason(connection->session) : "";
    if (connection->speaks_http1)
        reason = "the server speaks HTTP/1 (see proxy_http_version)";
    if (*reason != '\0')
        call->exchange->reason = slice_of(reason);
    back_h2_call_fail(call, error_of(call, connection->failing), back_h2_call_is_untouched(call));
}

/* A client that vanishes while others are told may take several along. */
void back_h2_fail_some(struct back_h2 *connection)
{
    struct back_h2_call *call;
    for (unsigned done = 1; (call = first_attached(connection)); done++) {
        fail_call(call);
        if (connection->wire && connection->attached > 0 && done % FAIL_PIECE == 0 &&
            loop_should_yield(connection->loop)) {
            back_h2_wake(connection);
            return;
        }
    }
    back_h2_close(connection, connection->failing);
}

void back_h2_fail(struct back_h2 *connection, enum error error)
{
    if (connection->state == BACK_H2_CLOSED || connection->failing != ERROR_NONE)
        return;
    blame(connection, error);
    /* Retries must not come back. */
    pool_remove(&connection->base);
    connection->failing = error;
    if (connection->wire)
        stream_pause(connection->wire);
    back_h2_fail_some(connection);
}
