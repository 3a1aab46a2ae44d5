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
    if (status >= 200 && retry_response(dispatch))
        return;
    respond_filter(dispatch);
    exchange_pass_response(exchange);
}

static void on_back_failed(void *mediator, struct exchange *exchange, enum error error,
                           bool untouched)
{
    struct dispatch *dispatch = mediator;
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

static void on_close(void *mediator, struct exchange *exchange)
{
    struct dispatch *dispatch = mediator;
    report_close(dispatch);
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

static void refuse(struct exchange *exchange, struct dispatch *dispatch, enum error error)
{
    int status = error_status(error);
    exchange->error = error;
    report_failure(exchange, dispatch, error, status);
    if (status == 0)
        exchange_end_response(exchange, PIPE_BROKEN);
    else
        reply_error(exchange, dispatch, error, status);
}

static void forward(struct dispatch *dispatch)
{
    const struct config_proxy *proxy = &dispatch->location->config->proxy;
    dispatch->group = dispatch->tenant->upstreams[proxy->upstream].group;
    forward_make(dispatch);
    exchange_keep_request(dispatch->exchange, backend_allowance(dispatch->group));
    retry_attempt(dispatch, ERROR_NONE);
}

void dispatch_start(struct exchange *exchange, struct backends *backends,
                    const struct dispatch_origin *origin)
{
    struct dispatch *dispatch = ARENA_NEW(&exchange->arena, struct dispatch);
    dispatch->exchange = exchange;
    dispatch->backends = backends;
    dispatch->tenant = tenant_ref(origin->tenant);
    STAILQ_INIT(&dispatch->past);
    exchange_set_mediator(exchange, &mediator_ops, dispatch);

    enum error error = (enum error)route_server(dispatch, origin);
    if (error) {
        if (error == ERROR_BAD_CERTIFICATE)
            exchange->reason = exchange->client->tls_client_verify;
        refuse(exchange, dispatch, error);
        return;
    }
    if (dispatch->server->config->answer.status != 0) {
        reply_configured(dispatch, &dispatch->server->config->answer);
        return;
    }
    if (tenant_wants_slash(dispatch->server, dispatch->path)) {
        reply_slash(dispatch);
        return;
    }
    error = (enum error)route_location(dispatch);
    if (error)
        refuse(exchange, dispatch, error);
    else if (dispatch->location->config->answer.status != 0)
        reply_configured(dispatch, &dispatch->location->config->answer);
    else
        forward(dispatch);
}

void dispatch_refuse(struct exchange *exchange, enum error error)
{
    struct dispatch *dispatch = dispatch_of(exchange);
    exchange_abort_back(exchange);
    if (!exchange->response_started) {
        refuse(exchange, dispatch, error);
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
