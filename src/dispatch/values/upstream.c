/* SPDX-License-Identifier: MIT */
/* Variables of the attempts: what each server was asked, and what came of it. */
#include "dispatch_internal.h"

static double seconds_of(const struct dispatch *dispatch)
{
    const struct exchange *exchange = dispatch->exchange;
    double until = loop_now(exchange->loop);
    if (exchange->attempt.ended > 0)
        until = exchange->attempt.ended;
    else if (exchange->response_at > 0)
        until = exchange->response_at; /* while it goes on, its head's time is what is known */
    return until - dispatch->attempts.started;
}

struct dispatch_past attempt_now(const struct dispatch *dispatch)
{
    const struct exchange *exchange = dispatch->exchange;
    const struct exchange_attempt *attempt = &exchange->attempt;
    const struct backend_attempts *attempts = &dispatch->attempts;
    struct dispatch_past now = {.status = dispatch->backend_status,
                                .connect = -1,
                                .header = -1,
                                .sent = attempt->sent,
                                .received = attempt->received,
                                .waited_for = attempts->waited_for,
                                .queue_seconds = attempts->queue_seconds};
    if (dispatch_is_attempting(dispatch)) {
        now.address = attempts->address;
        now.seconds = seconds_of(dispatch);
        if (attempt->connected > 0)
            now.connect = attempt->connected - attempts->started;
        if (exchange->response_at > 0)
            now.header = exchange->response_at - attempts->started;
        if (exchange->response_at > 0 && !dispatch->is_own_reply)
            now.length = exchange->response_body.passed;
    } else if (now.status > 0 || now.waited_for > 0) {
        uint32_t upstream = dispatch->location->config->proxy.upstream;
        now.address = dispatch->tenant->config.upstreams[upstream].name;
    }
    return now;
}

static struct slice waited_for(unsigned waits)
{
    switch (waits) {
    case BACKEND_WAIT_SERVER:
        return SLICE("server");
    case BACKEND_WAIT_CONNECTION:
        return SLICE("connection");
    case BACKEND_WAIT_SERVER | BACKEND_WAIT_CONNECTION:
        return SLICE("server+connection");
    default:
        return SLICE("-");
    }
}

static struct slice time_item(struct dispatch *dispatch, double value)
{
    return value >= 0 ? value_seconds(dispatch, value) : SLICE("-");
}

static struct slice item(struct dispatch *dispatch, enum config_variable variable,
                         const struct dispatch_past *attempt)
{
    switch (variable) {
    case VARIABLE_UPSTREAM_ADDR:
        return attempt->address;
    case VARIABLE_UPSTREAM_STATUS:
        return attempt->status == 0 ? SLICE("-")
                                    : value_number(dispatch, (uint64_t)attempt->status);
    case VARIABLE_UPSTREAM_CONNECT_TIME:
        return time_item(dispatch, attempt->connect);
    case VARIABLE_UPSTREAM_HEADER_TIME:
        return time_item(dispatch, attempt->header);
    case VARIABLE_UPSTREAM_RESPONSE_TIME:
        return attempt->status == 0 && !dispatch->is_over ? SLICE("-")
                                                          : time_item(dispatch, attempt->seconds);
    case VARIABLE_UPSTREAM_QUEUE_TIME:
        return value_seconds(dispatch, attempt->queue_seconds);
    case VARIABLE_UPSTREAM_QUEUE_REASON:
        return waited_for(attempt->waited_for);
    case VARIABLE_UPSTREAM_BYTES_SENT:
        return value_number(dispatch, attempt->sent);
    case VARIABLE_UPSTREAM_BYTES_RECEIVED:
        return value_number(dispatch, attempt->received);
    default:
        return value_number(dispatch, attempt->length);
    }
}

static struct slice appended(struct dispatch *dispatch, struct slice list, struct slice item)
{
    if (list.len == 0)
        return item;
    return arena_printf(&dispatch->exchange->arena, "%.*s, %.*s", SLICE_PRINTF(list),
                        SLICE_PRINTF(item));
}

/* What nobody knows before there is an answer. */
static bool is_of_the_answer(enum config_variable variable)
{
    return variable != VARIABLE_UPSTREAM_ADDR && variable != VARIABLE_UPSTREAM_QUEUE_TIME &&
           variable != VARIABLE_UPSTREAM_QUEUE_REASON;
}

/* The attempts in their order, as nginx lists them: "127.0.0.1:9000, 127.0.0.1:9001". As with nginx
 * a request for which no server could be chosen has the upstream's name for an address. */
struct slice upstream_value(struct dispatch *dispatch, enum config_variable variable)
{
    struct slice list = {0};
    const struct dispatch_past *past;
    STAILQ_FOREACH (past, &dispatch->past, next)
        list = appended(dispatch, list, item(dispatch, variable, past));
    struct dispatch_past last = attempt_now(dispatch);
    bool is_unknown = last.status == 0 && !dispatch->is_over && is_of_the_answer(variable);
    if (last.address.len == 0 || (list.len == 0 && is_unknown))
        return list;
    return appended(dispatch, list, item(dispatch, variable, &last));
}

struct slice upstream_field(struct dispatch *dispatch, struct slice name)
{
    struct arena *arena = &dispatch->exchange->arena;
    if (!dispatch->backend_fields.arena)
        return (struct slice){0};
    if (http_field_lookup(name) == FIELD_CONTENT_LENGTH)
        return dispatch->backend_length >= 0
                   ? value_number(dispatch, (uint64_t)dispatch->backend_length)
                   : (struct slice){0};
    return lookup_joined(arena, &dispatch->backend_fields, name, SLICE(", "));
}
