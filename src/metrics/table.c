/* SPDX-License-Identifier: MIT */
/* The table of metrics, looked up. */
#include "metrics/cells.h"

#include "version.h"

const struct metric_row metric_rows[METRIC_ROWS] = {
#define X(name, text, kind, unit, set, help)                                                       \
    {text, help, METRIC_##kind, METRIC_##unit, METRIC_SET_##set, METRIC_CELLS_##set},
    METRICS(X)
#undef X
};

const uint32_t metric_scope_cells[METRIC_SCOPES] = {
#define CELLS(layout) sizeof(struct metrics_##layout##_layout) / sizeof(uint64_t)
    [METRIC_SCOPE_GATEWAY] = CELLS(gateway),   [METRIC_SCOPE_WORKER] = CELLS(worker),
    [METRIC_SCOPE_TENANT] = CELLS(tenant),     [METRIC_SCOPE_LISTENER] = CELLS(listener),
    [METRIC_SCOPE_ENDPOINT] = CELLS(endpoint), [METRIC_SCOPE_CERTIFICATE] = CELLS(certificate),
#undef CELLS
};

/* ---- labels ---- */

static const char *const version[] = {NSGATE_VERSION};
static const char *const gateway_states[METRIC_GATEWAY_STATES] = {"starting", "serving", "ending"};
static const char *const states[METRIC_STATES] = {
    [METRIC_STATE_SERVING] = "serving", [METRIC_STATE_DEGRADED] = "degraded",
    [METRIC_STATE_WAITING] = "waiting", [METRIC_STATE_BLOCKED] = "blocked",
    [METRIC_STATE_REFUSED] = "refused",
};
static const char *const handshakes[METRIC_HANDSHAKE_RESULTS] = {
    [METRIC_HANDSHAKE_FULL] = "full",
    [METRIC_HANDSHAKE_RESUMED] = "resumed",
    [METRIC_HANDSHAKE_FAILED] = "failed",
};
static const char *const unshaken[METRIC_UNSHAKEN] = {
    [METRIC_UNSHAKEN_TLS] = "tls",
    [METRIC_UNSHAKEN_TIMEOUT] = "timeout",
    [METRIC_UNSHAKEN_CLIENT] = "client_gone",
    [METRIC_UNSHAKEN_OTHER] = "other",
};
static const char *const restarts[METRIC_RESTARTS] = {
    [METRIC_RESTART_EXIT] = "exit",
    [METRIC_RESTART_SIGNAL] = "signal",
    [METRIC_RESTART_HUNG] = "hung",
    [METRIC_RESTART_PROTOCOL] = "protocol",
};
static const char *const reloads[METRIC_RELOAD_OUTCOMES] = {
    [METRIC_RELOAD_DONE] = "done",
    [METRIC_RELOAD_PARTIAL] = "partial",
    [METRIC_RELOAD_REFUSED] = "refused",
};
static const char *const sandboxes[METRIC_SANDBOX_MODES] = {"off", "log", "on", "missing"};
static const char *const protocols[METRIC_PROTOCOLS] = {
    [METRIC_PROTOCOL_H1] = "h1", [METRIC_PROTOCOL_H2] = "h2"};
static const char *const codes[METRIC_CODES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
static const char *const limits[METRIC_LIMITS] = {
    [METRIC_LIMIT_CLIENT_HANDSHAKE_RATE] = "client_handshake_rate",
    [METRIC_LIMIT_TENANT_HANDSHAKE_RATE] = "tenant_handshake_rate",
    [METRIC_LIMIT_MAX_HANDSHAKES] = "max_handshakes",
};
static const char *const tls_versions[METRIC_TLS_KINDS] = {
    [METRIC_TLS_1_2] = "TLSv1.2", [METRIC_TLS_1_3] = "TLSv1.3"};
static const char *const closes[CLOSE_REASONS] = {"none",
#define X(name, manner, error, token, text) token,
                                                  CLOSE_TABLE(X)
#undef X
};

/* The errors from CONNECT to NO_ENDPOINT, by the table of all; the last one stands for the rest. */
static const char *const errors[] = {"none",
#define X(name, status, token, text) token,
                                     ERROR_TABLE(X)
#undef X
};
#define FAILURES (errors + (ERROR_CONNECT - ERROR_FIRST_))

const struct metric_labels metric_sets[] = {
    [METRIC_SET_BUILD] = {{"version"}, {version}, {1}, METRIC_ZEROS_ALL},
    [METRIC_SET_GATEWAY] = {{"state"}, {gateway_states}, {METRIC_GATEWAY_STATES}, METRIC_ZEROS_ALL},
    [METRIC_SET_STATE] = {{"state"}, {states}, {METRIC_STATES}, METRIC_ZEROS_ALL},
    [METRIC_SET_HANDSHAKE] = {{"result"},
                              {handshakes},
                              {METRIC_HANDSHAKE_RESULTS},
                              METRIC_ZEROS_ALL},
    [METRIC_SET_RESTART] = {{"reason"}, {restarts}, {METRIC_RESTARTS}, METRIC_ZEROS_ALL},
    [METRIC_SET_RELOAD] = {{"outcome"}, {reloads}, {METRIC_RELOAD_OUTCOMES}, METRIC_ZEROS_ALL},
    [METRIC_SET_SANDBOX] = {{"mode"}, {sandboxes}, {METRIC_SANDBOX_MODES}, METRIC_ZEROS_ALL},
    [METRIC_SET_REQUEST] = {{"protocol", "code"},
                            {protocols, codes},
                            {METRIC_PROTOCOLS, METRIC_CODES},
                            METRIC_ZEROS_ALL},
    [METRIC_SET_LIMIT] = {{"limit"}, {limits}, {METRIC_LIMITS}, METRIC_ZEROS_ALL},
    [METRIC_SET_CLOSE] = {{"reason"}, {closes}, {CLOSE_REASONS}, METRIC_ZEROS_NONE},
    [METRIC_SET_UNSHAKEN] = {{"reason"}, {unshaken}, {METRIC_UNSHAKEN}, METRIC_ZEROS_ALL},
    [METRIC_SET_TLS] = {{"version"}, {tls_versions}, {METRIC_TLS_KINDS}, METRIC_ZEROS_ALL},
    [METRIC_SET_FAILURE] = {{"reason"}, {FAILURES}, {METRIC_FAILURES}, METRIC_ZEROS_OF_USED},
    [METRIC_SET_DURATION] = {{NULL},
                             {NULL},
                             {0},
                             METRIC_ZEROS_ALL}, /* the last one: the table has all */
};

/* ---- histograms ---- */

static const uint64_t durations[] = {METRIC_BOUNDS_DURATION};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

_Static_assert(COUNT(durations) + 2 == METRIC_CELLS_DURATION,
               "a cell for each bucket, and the sum");

const uint64_t *metric_bounds(uint32_t *count)
{
    *count = COUNT(durations);
    return durations;
}

void metrics_observe(struct metrics_cells *cells, enum metric metric, double seconds)
{
    uint64_t value = seconds > 0. ? (uint64_t)(seconds * 1e9) : 0;
    const uint64_t *bounds;
    uint32_t count, bucket = 0, turn;

    if (!cells)
        return;
    bounds = metric_bounds(&count);
    while (bucket < count && value > bounds[bucket])
        bucket++;
    turn = atomic_load_explicit(&cells->turn, memory_order_relaxed);
    atomic_store_explicit(&cells->turn, turn + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    metrics_add(cells, metric, value);
    metrics_add_label(cells, metric, 1 + bucket, 1);
    atomic_store_explicit(&cells->turn, turn + 2, memory_order_release);
}

/* ---- names ---- */

const char *metric_kind_name(enum metric_kind kind)
{
    return kind == METRIC_COUNTER ? "counter" : kind == METRIC_HISTOGRAM ? "histogram" : "gauge";
}

const char *metric_scope_name(enum metric_scope scope)
{
    static const char *const names[] = {
#define X(name, text) text,
        METRICS_SCOPES(X)
#undef X
    };

    return names[scope];
}

const char *const *metric_scope_keys(enum metric_scope scope)
{
    static const char *const keys[METRIC_SCOPES][METRIC_KEYS + 1] = {
        [METRIC_SCOPE_WORKER] = {"worker"},
        [METRIC_SCOPE_LISTENER] = {"listener"},
        [METRIC_SCOPE_ENDPOINT] = {"upstream", "server"},
        [METRIC_SCOPE_CERTIFICATE] = {"server_name", "kind"},
    };

    return keys[scope];
}
