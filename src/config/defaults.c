/* SPDX-License-Identifier: MIT */
/* What everything is when the configuration says nothing; a test holds docs/CONFIG.md to it. */
#include "defaults_internal.h"

#include "base/sandbox_mode.h"

const struct config_main default_main = {
    .user = SLICE("nobody"),
    .workers_per_tenant = 2,
    .log_sink = LOG_SINK_STDERR,
    .log_level = LOG_LEVEL_NOTICE,
    .pid_file = SLICE("/run/nsgate.pid"),
    .worker_shutdown_timeout = 30,
    .sandbox = SANDBOX_ON,
};

const struct config_tenant default_tenant = {.max_connections = 4096, .cpu_weight = 100};

const struct config_settings default_settings = {
    .keepalive_timeout = 75,
    .keepalive_requests = 1000,
    .client_header_timeout = 10,
    .client_body_timeout = 60,
    .send_timeout = 60,
    .client_max_body_size = 1024UL * 1024,
    .header_buffers = 4,
    .header_buffer_size = 8 * 1024,
    .http2 = true,
    .http2_max_concurrent_streams = 128,
    .proxy_connect_timeout = 60,
    .proxy_read_timeout = 60,
    .proxy_send_timeout = 60,
    .proxy_next_upstream = NEXT_ERROR | NEXT_TIMEOUT,
    .limit_req = {.level = LOG_LEVEL_ERROR, .status = 503},
    .limit_conn = {.level = LOG_LEVEL_ERROR, .status = 503},
    .proxy_http_version = 11,
    .proxy_ssl_verify = true,
    .proxy_ssl_session_reuse = true,
    .proxy_ssl_verify_depth = 1,
    .proxy_ssl_protocols = TLS_VERSIONS,
    .ssl_protocols = TLS_VERSIONS,
    .ssl_verify_depth = 1,
};

const struct config_listen default_listen = {.backlog = 511, .ipv6only = true};

const struct config_upstream default_upstream = {.keepalive = CONFIG_KEEPALIVE_FOLLOWS,
                                                 .queue_timeout = 60};

const struct config_endpoint default_endpoint = {.weight = 1, .max_fails = 1, .fail_timeout = 10};
