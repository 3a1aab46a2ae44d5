/* SPDX-License-Identifier: MIT */
/* The story of one exchange from its head to its end, told by the calls of its two ends. */
#include "dispatch_internal.h"

static void on_response(void *mediator, struct exchange *exchange)
{
    struct dispatch *dispatch = mediator;
    int status = exchange->response.status;
    if (status == 101 &&
        !http_upgrade_confirms(&exchange->response.fields, exchange->forward.upgrade)) {
        /* A switch that nobody asked for, or not to this (RFC 9110 section 15.2.2). */
        backend_attempt_failed(dispatch->group, &dispatch->attempts);
        exchange_abort_back(exchange);
        retry_failed(dispatch, ERROR_RESPONSE, false);
        return;
    }
    if (status == 101)
        exchange->is_tunnel = true;
    if (status == 101 || status >= 200)
        dispatch->backend_status = status;
    if (status == 101 || status >= 200)
        backend_attempt_answered(dispatch->group, &dispatch->attempts);
    if (status >= 200 && retry_response(dispatch))
        return;
    if (phases_run_response(dispatch, PHASE_RESPONSE_HEADERS) == DISPATCH_CONTINUE)
        exchange_pass_response(exchange);
}

static void on_back_failed(void *mediator, struct exchange *exchange, enum error error,
                           bool untouched)
{
    struct dispatch *dispatch = mediator;
    backend_attempt_broke(dispatch->group, &dispatch->attempts, error);
    if (exchange->response_started)
        report_failure(exchange, dispatch, error, 0);
    else
        retry_failed(dispatch, error, untouched);
}

static void on_request_ended(void *mediator, struct exchange *exchange)
{
    if (exchange->request_body.trailers.count > 0)
        forward_filter_trailers(mediator);
}

/* What was answered; for who was not, what nginx notes: 499 for a client that did not wait, 400 for
 * one that has not even asked. */
static int final_status(const struct dispatch *dispatch)
{
    const struct exchange *exchange = dispatch->exchange;
    bool is_client = exchange->error == ERROR_CLIENT_GONE || exchange->error == ERROR_SEND_TIMEOUT;
    if (exchange->response_started || dispatch->is_unanswered)
        return exchange->response.status;
    if (!is_client)
        return 0;
    return exchange->request.method_text.len > 0 ? 499 : 400;
}

static void on_close(void *mediator, struct exchange *exchange)
{
    struct dispatch *dispatch = mediator;
    dispatch->is_over = true;
    dispatch->status = final_status(dispatch);
    phases_run_response(dispatch, PHASE_LOG);
    limit_req_stop(dispatch);
    limit_conn_stop(dispatch);
    struct tenant *tenant = dispatch->tenant;
    exchange_set_mediator(exchange, NULL, NULL);
    if (tenant->references == 1)
        backends_unbind(dispatch->backends, tenant);
    tenant_unref(tenant);
}

static const struct exchange_mediator mediator_ops = {.on_response = on_response,
                                                      .on_back_failed = on_back_failed,
                                                      .on_request_ended = on_request_ended,
                                                      .on_close = on_close};

static struct dispatch *dispatch_of(const struct exchange *exchange)
{
    return exchange->mediator_ops == &mediator_ops ? exchange->mediator : NULL;
}

static struct dispatch *attach(struct exchange *exchange, struct backends *backends,
                               const struct dispatch_origin *origin)
{
    struct dispatch *dispatch = ARENA_NEW(&exchange->arena, struct dispatch);
    dispatch->exchange = exchange;
    dispatch->shared = origin->shared;
    dispatch->backends = backends;
    dispatch->tenant = tenant_ref(origin->tenant);
    STAILQ_INIT(&dispatch->past);
    exchange_set_mediator(exchange, &mediator_ops, dispatch);
    return dispatch;
}

void dispatch_attend(struct exchange *exchange, struct backends *backends,
                     const struct dispatch_origin *origin)
{
    find_named_server(attach(exchange, backends, origin), origin);
}

void dispatch_start(struct exchange *exchange, struct backends *backends,
                    const struct dispatch_origin *origin)
{
    struct dispatch *dispatch = attach(exchange, backends, origin);
    enum error error = (enum error)find_server(dispatch, origin);
    if (error == ERROR_BAD_CERTIFICATE)
        exchange->reason = exchange->client->tls_client_verify;
    if (error)
        reply_refuse(exchange, dispatch, error);
    else
        phases_run_request(dispatch);
}

void dispatch_refuse(struct exchange *exchange, enum error error)
{
    struct dispatch *dispatch = dispatch_of(exchange);
    if (dispatch)
        limit_req_stop(dispatch);
    exchange_abort_back(exchange);
    if (!exchange->response_started) {
        reply_refuse(exchange, dispatch, error);
        return;
    }
    exchange->error = error;
    report_failure(exchange, dispatch, error, 0);
    exchange_end_response(exchange, PIPE_BROKEN);
}

const struct config_settings *dispatch_settings(const struct exchange *exchange)
{
    const struct dispatch *dispatch = dispatch_of(exchange);
    return dispatch ? dispatch->settings : NULL;
}
