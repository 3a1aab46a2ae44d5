/* SPDX-License-Identifier: MIT */
/* The phase of content: a location's answer comes from its backends (proxy_pass). */
#include "dispatch_internal.h"

enum dispatch_verdict proxy_start(struct dispatch *dispatch)
{
    const struct config_location *location = dispatch->location->config;
    if (!location->has_proxy)
        return reply_refuse(dispatch->exchange, dispatch, ERROR_NOT_FOUND);
    dispatch->group = dispatch->tenant->upstreams[location->proxy.upstream].group;
    dispatch->attempts.counts = tenant_counts(dispatch->tenant, CONFIG_MAX_CONNS);
    forward_make(dispatch);
    exchange_keep_request(dispatch->exchange, backend_allowance(dispatch->group));
    retry_attempt(dispatch, ERROR_NONE);
    return DISPATCH_WAIT;
}
