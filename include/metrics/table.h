/* SPDX-License-Identifier: MIT */
/* Everything that is measured: one row each. Cells, sums, texts and docs/METRICS.md are loops over
 * these rows. To add a metric is one row here and one call (metrics/cells.h) where it happens. */
#ifndef METRICS_TABLE_H
#define METRICS_TABLE_H

#include "base/close.h"

#include <stdbool.h>
#include <stdint.h>

/* X(NAME, exported name, kind, unit, set, help)
 * A row's set says how many cells it has: one for each combination of labels, or those of a
 * histogram with its bounds. */
#define METRICS_GATEWAY(X)                                                                         \
    X(BUILD_INFO, "nsgate_build_info", GAUGE, COUNT, BUILD, "The version that runs, always 1")     \
    X(GATEWAY_STATE, "nsgate_state", GAUGE, COUNT, GATEWAY,                                        \
      "1 for the state that the gateway is in")                                                    \
    X(START_TIME, "nsgate_start_time_seconds", NEWEST, SECONDS, ONE,                               \
      "When the gateway was started, upgrades not counted, in seconds since 1970")                 \
    X(PID, "nsgate_supervisor_pid", NEWEST, COUNT, ONE, "The supervisor's process")                \
    X(GENERATION, "nsgate_generation", NEWEST, COUNT, ONE,                                         \
      "How many generations of workers there have been")                                           \
    X(WORKERS_WANTED, "nsgate_workers_wanted", GAUGE, COUNT, ONE,                                  \
      "Workers that the configuration asks for")                                                   \
    X(WORKERS_READY, "nsgate_workers_ready", GAUGE, COUNT, ONE,                                    \
      "Workers of the present generation that are ready")                                          \
    X(WORKERS_DRAINING, "nsgate_workers_draining", GAUGE, COUNT, ONE,                              \
      "Workers of the generation before that have not ended")                                      \
    X(WORKER_RESTARTS, "nsgate_worker_restarts_total", COUNTER, COUNT, RESTART,                    \
      "Workers that ended although nobody had asked them to, by reason")                           \
    X(RELOADS, "nsgate_reloads_total", COUNTER, COUNT, RELOAD, "Reloads by outcome")               \
    X(LAST_RELOAD, "nsgate_last_reload", GAUGE, COUNT, RELOAD,                                     \
      "1 for the outcome of the last reload")                                                      \
    X(RELOAD_TIME, "nsgate_last_good_reload_timestamp_seconds", NEWEST, SECONDS, ONE,              \
      "When all files were last in force, in seconds since 1970")                                  \
    X(UPGRADES, "nsgate_upgrades_total", COUNTER, COUNT, ONE,                                      \
      "How often the process has become a new binary")                                             \
    X(RESOLVER_RUNS, "nsgate_resolver_runs_total", COUNTER, COUNT, ONE,                            \
      "How often the resolver was started")                                                        \
    X(SANDBOX, "nsgate_sandbox", GAUGE, COUNT, SANDBOX, "How the workers are confined")            \
    X(LANDLOCK, "nsgate_landlock_version", NEWEST, COUNT, ONE,                                     \
      "The version of Landlock that confines the workers, 0 for none")                             \
    X(ACCESS_LOG_DROPPED, "nsgate_access_log_dropped_total", COUNTER, COUNT, ONE,                  \
      "Lines of access logs that could not be handed on or written, and were dropped")             \
    X(LOG_DROPPED, "nsgate_log_dropped_total", COUNTER, COUNT, ONE,                                \
      "Lines of the error log that supervisor and workers could not write")

#define METRICS_WORKER(X)                                                                          \
    X(WORKER_CONNECTIONS, "nsgate_worker_connections", GAUGE, COUNT, ONE,                          \
      "Clients' connections, those of removed tenants too")                                        \
    X(DESCRIPTORS, "nsgate_worker_descriptors", GAUGE, COUNT, ONE,                                 \
      "Listeners, two for each client's connection (one is for its server), and a reserve")        \
    X(DESCRIPTORS_ALLOWED, "nsgate_worker_descriptors_allowed", GAUGE, COUNT, ONE,                 \
      "How many of them there may be (RLIMIT_NOFILE): then accepting pauses")                      \
    X(LOOP_TURN, "nsgate_worker_loop_turn_duration_seconds", HISTOGRAM, NANOSECONDS, DURATION,     \
      "How long a worker served what was ready before it asked its sockets again")

#define METRICS_TENANT(X)                                                                          \
    X(STATE, "nsgate_tenant_state", GAUGE, COUNT, STATE, "1 for the state that the tenant is in")  \
    X(TENANT_GENERATION, "nsgate_tenant_generation", NEWEST, COUNT, ONE,                           \
      "How often the tenant's configuration was put in force")                                     \
    X(TENANT_TIME, "nsgate_tenant_config_timestamp_seconds", NEWEST, SECONDS, ONE,                 \
      "When that was last, in seconds since 1970")                                                 \
    X(NAMESPACE, "nsgate_tenant_namespace_inode", NEWEST, COUNT, ONE,                              \
      "Inode of the network namespace, 0 if unknown or the host's")                                \
    X(LISTENERS, "nsgate_tenant_listeners", NEWEST, COUNT, ONE, "Addresses to listen on")          \
    X(LISTENERS_BOUND, "nsgate_tenant_listeners_bound", NEWEST, COUNT, ONE,                        \
      "Addresses that are listened on")                                                            \
    X(CONNECTIONS, "nsgate_connections", GAUGE, COUNT, ONE, "Clients' connections now")            \
    X(DRAINING, "nsgate_connections_draining", GAUGE, COUNT, ONE,                                  \
      "Those of them that end with their current request")                                         \
    X(ACCEPTED, "nsgate_connections_accepted_total", COUNTER, COUNT, ONE,                          \
      "Clients' connections that were accepted")                                                   \
    X(RECEIVED, "nsgate_received_bytes_total", COUNTER, BYTES, ONE,                                \
      "Bytes of requests that ended, heads included")                                              \
    X(SENT, "nsgate_sent_bytes_total", COUNTER, BYTES, ONE,                                        \
      "Bytes of their responses, heads included")                                                  \
    X(HANDSHAKES, "nsgate_handshakes_total", COUNTER, COUNT, HANDSHAKE,                            \
      "TLS handshakes with clients that ended, by result")                                         \
    X(TLS_CONNECTIONS, "nsgate_tls_connections_total", COUNTER, COUNT, TLS,                        \
      "Handshakes that succeeded, by TLS version")                                                 \
    X(HANDSHAKE_FAILURES, "nsgate_handshake_failures_total", COUNTER, COUNT, UNSHAKEN,             \
      "Those that failed, by reason")                                                              \
    X(HANDSHAKE_DURATION, "nsgate_handshake_duration_seconds", HISTOGRAM, NANOSECONDS, DURATION,   \
      "From the accepted connection to the end of a handshake that succeeded")                     \
    X(REQUESTS, "nsgate_requests_total", COUNTER, COUNT, REQUEST,                                  \
      "Requests that ended, by protocol and class of their status (none: no status was sent)")     \
    X(REQUEST_DURATION, "nsgate_request_duration_seconds", HISTOGRAM, NANOSECONDS, DURATION,       \
      "From a request's head to its end")                                                          \
    X(FIRST_BYTE, "nsgate_time_to_first_byte_seconds", HISTOGRAM, NANOSECONDS, DURATION,           \
      "From a request's head to the head of its response")                                         \
    X(REFUSED, "nsgate_connections_refused_total", COUNTER, COUNT, LIMIT,                          \
      "Clients' connections that were closed before a handshake, by limit")                        \
    X(CLOSED, "nsgate_connections_closed_total", COUNTER, COUNT, CLOSE,                            \
      "Clients' connections that ended, by reason")

#define METRICS_LISTENER(X)                                                                        \
    X(LISTENER_CONNECTIONS, "nsgate_listener_connections", GAUGE, COUNT, ONE,                      \
      "Clients' connections now, by the address that they came to")

#define METRICS_ENDPOINT(X)                                                                        \
    X(ENDPOINT_UP, "nsgate_endpoint_up", LARGEST, COUNT, ONE,                                      \
      "0 if all workers that use the server leave it out, since it has failed; else 1")            \
    X(ENDPOINT_REQUESTS, "nsgate_endpoint_requests_total", COUNTER, COUNT, ONE,                    \
      "Requests that were given to the server, each attempt counted")                              \
    X(ENDPOINT_RETRIES, "nsgate_endpoint_retries_total", COUNTER, COUNT, ONE,                      \
      "Those of them that an attempt before had not answered, at this server or another one")      \
    X(ENDPOINT_OPENED, "nsgate_endpoint_connections_opened_total", COUNTER, COUNT, ONE,            \
      "Connections to the server that were established, TLS included")                             \
    X(ENDPOINT_CONNECTIONS, "nsgate_endpoint_connections", GAUGE, COUNT, ONE,                      \
      "Connections to the server now, those that are being established too")                       \
    X(ENDPOINT_IDLE, "nsgate_endpoint_connections_idle", GAUGE, COUNT, ONE,                        \
      "Those of them that no request uses")                                                        \
    X(ENDPOINT_QUEUE, "nsgate_endpoint_queued_requests", GAUGE, COUNT, ONE,                        \
      "Requests that wait for a connection to the server")                                         \
    X(ENDPOINT_FAILURES, "nsgate_endpoint_failures_total", COUNTER, COUNT, FAILURE,                \
      "Those that it did not answer as it should, by reason")                                      \
    X(ENDPOINT_DURATION, "nsgate_endpoint_response_duration_seconds", HISTOGRAM, NANOSECONDS,      \
      DURATION, "From an attempt's begin to the head of the response")

#define METRICS_CERTIFICATE(X)                                                                     \
    X(CERTIFICATE_EXPIRY, "nsgate_certificate_expiry_timestamp_seconds", NEWEST, SECONDS, ONE,     \
      "When a certificate expires, in seconds since 1970, by its server's first name and its "     \
      "kind")

/* All rows, scope by scope. */
#define METRICS(X)                                                                                 \
    METRICS_GATEWAY(X)                                                                             \
    METRICS_WORKER(X)                                                                              \
    METRICS_TENANT(X)                                                                              \
    METRICS_LISTENER(X)                                                                            \
    METRICS_ENDPOINT(X)                                                                            \
    METRICS_CERTIFICATE(X)

/* Whose a figure is. X(NAME, name in docs) */
#define METRICS_SCOPES(X)                                                                          \
    X(GATEWAY, "gateway")                                                                          \
    X(WORKER, "worker")                                                                            \
    X(TENANT, "tenant")                                                                            \
    X(LISTENER, "listener")                                                                        \
    X(ENDPOINT, "endpoint")                                                                        \
    X(CERTIFICATE, "certificate")

enum metric_scope {
#define X(name, text) METRIC_SCOPE_##name,
    METRICS_SCOPES(X)
#undef X
        METRIC_SCOPES
};

enum metric_kind {
    METRIC_COUNTER,   /* only grows; what a dead worker counted stays */
    METRIC_GAUGE,     /* the sum over all workers that live */
    METRIC_LARGEST,   /* a gauge: the largest of them */
    METRIC_NEWEST,    /* a gauge that one process knows */
    METRIC_HISTOGRAM, /* the sum of what was observed, then buckets; its count is that of its
                         buckets */
};

enum metric_unit { METRIC_COUNT, METRIC_BYTES, METRIC_SECONDS, METRIC_NANOSECONDS };

/* ---- labels ---- */

enum metric_gateway { METRIC_GATEWAY_STARTING, METRIC_GATEWAY_SERVING, METRIC_GATEWAY_ENDING };
#define METRIC_GATEWAY_STATES (METRIC_GATEWAY_ENDING + 1)

enum metric_state {
    METRIC_STATE_SERVING,
    METRIC_STATE_DEGRADED,
    METRIC_STATE_WAITING,
    METRIC_STATE_BLOCKED,
    METRIC_STATE_REFUSED,
    METRIC_STATES
};

enum metric_handshake {
    METRIC_HANDSHAKE_FULL,
    METRIC_HANDSHAKE_RESUMED,
    METRIC_HANDSHAKE_FAILED,
    METRIC_HANDSHAKE_RESULTS
};

/* Why a handshake failed. */
enum metric_unshaken {
    METRIC_UNSHAKEN_TLS,     /* both ends could not agree */
    METRIC_UNSHAKEN_TIMEOUT, /* it took too long */
    METRIC_UNSHAKEN_CLIENT,  /* the client went away */
    METRIC_UNSHAKEN_OTHER,   /* the gateway ended it */
    METRIC_UNSHAKEN
};

enum metric_restart {
    METRIC_RESTART_EXIT,     /* it ended by itself */
    METRIC_RESTART_SIGNAL,   /* killed by somebody else, or crashed */
    METRIC_RESTART_HUNG,     /* it gave no sign of life, and was killed */
    METRIC_RESTART_PROTOCOL, /* it said what none may say */
    METRIC_RESTARTS
};

enum metric_reload {
    METRIC_RELOAD_DONE,    /* all is in force */
    METRIC_RELOAD_PARTIAL, /* some tenant or setting is not */
    METRIC_RELOAD_REFUSED, /* nothing is */
    METRIC_RELOAD_OUTCOMES
};

enum metric_protocol { METRIC_PROTOCOL_H1, METRIC_PROTOCOL_H2, METRIC_PROTOCOLS };

/* 0: none was sent; else the status's first digit */
#define METRIC_CODES 6

/* Of nsgate_requests_total. */
static inline unsigned metric_request(enum metric_protocol protocol, unsigned status)
{
    unsigned class = status / 100;

    return (unsigned)protocol * METRIC_CODES + (class < METRIC_CODES ? class : 0);
}

/* In the order of the reasons in base/close.h. */
enum metric_limit {
    METRIC_LIMIT_CLIENT_HANDSHAKE_RATE,
    METRIC_LIMIT_TENANT_HANDSHAKE_RATE,
    METRIC_LIMIT_MAX_HANDSHAKES,
    METRIC_LIMITS
};

enum metric_tls { METRIC_TLS_1_2, METRIC_TLS_1_3, METRIC_TLS_KINDS };

/* In the order of base/sandbox_mode.h, and what it cannot say: the kernel has none. */
enum metric_sandbox { METRIC_SANDBOX_MISSING = 3, METRIC_SANDBOX_MODES };

/* Failures of servers: the errors from CONNECT to NO_ENDPOINT, then all others. */
#define METRIC_FAILURES (ERROR_NO_ENDPOINT - ERROR_CONNECT + 1)

/* Of nsgate_endpoint_failures_total. */
static inline unsigned metric_failure(enum error error)
{
    return error >= ERROR_CONNECT && error < ERROR_NO_ENDPOINT ? (unsigned)(error - ERROR_CONNECT)
                                                               : METRIC_FAILURES - 1;
}

/* Upper bounds of histograms' buckets, in nanoseconds; the last bucket has none. */
#define METRIC_BOUNDS_DURATION                                                                     \
    1000000, 2500000, 5000000, 10000000, 25000000, 50000000, 100000000, 250000000, 500000000,      \
        1000000000, 2500000000, 5000000000, 10000000000, 30000000000

/* Sets: how many cells a row has. X(NAME, cells) */
#define METRIC_SETS(X)                                                                             \
    X(ONE, 1)                                                                                      \
    X(BUILD, 1)                                                                                    \
    X(GATEWAY, METRIC_GATEWAY_STATES)                                                              \
    X(STATE, METRIC_STATES)                                                                        \
    X(HANDSHAKE, METRIC_HANDSHAKE_RESULTS)                                                         \
    X(RESTART, METRIC_RESTARTS)                                                                    \
    X(RELOAD, METRIC_RELOAD_OUTCOMES)                                                              \
    X(SANDBOX, METRIC_SANDBOX_MODES)                                                               \
    X(REQUEST, METRIC_PROTOCOLS *METRIC_CODES)                                                     \
    X(LIMIT, METRIC_LIMITS)                                                                        \
    X(CLOSE, CLOSE_REASONS)                                                                        \
    X(UNSHAKEN, METRIC_UNSHAKEN)                                                                   \
    X(TLS, METRIC_TLS_KINDS)                                                                       \
    X(FAILURE, METRIC_FAILURES)                                                                    \
    X(DURATION, 14 + 2)

enum metric_set {
#define X(name, cells) METRIC_SET_##name,
    METRIC_SETS(X)
#undef X
};

enum {
#define X(name, cells) METRIC_CELLS_##name = cells,
    METRIC_SETS(X)
#undef X
};

enum metric {
#define X(name, text, kind, unit, set, help) METRIC_##name,
    METRICS(X)
#undef X
        METRIC_ROWS
};

/* ---- what loops read ---- */

#define METRIC_KEYS 2

/* Of cells that are 0, which are told in texts. */
enum metric_zeros {
    METRIC_ZEROS_ALL,
    METRIC_ZEROS_OF_USED, /* those of servers that had a request: the first failure is a growth */
    METRIC_ZEROS_NONE     /* none: of many labels, few ever count */
};

struct metric_labels {
    const char *keys[METRIC_KEYS]; /* NULL: no more */
    const char *const *values[METRIC_KEYS];
    uint32_t counts[METRIC_KEYS];
    enum metric_zeros zeros;
};

/* Where its cells are is in metrics/cells.h: metrics_places. */
struct metric_row {
    const char *name;
    const char *help;
    enum metric_kind kind;
    enum metric_unit unit;
    enum metric_set set;
    uint32_t cells;
};

extern const struct metric_row metric_rows[METRIC_ROWS];
extern const struct metric_labels metric_sets[];

/* How many cells all rows of a scope have. */
extern const uint32_t metric_scope_cells[METRIC_SCOPES];

/* The bounds of histograms' buckets, and how many. */
const uint64_t *metric_bounds(uint32_t *count);
const char *metric_kind_name(enum metric_kind kind); /* "counter", "gauge", "histogram" */
const char *metric_scope_name(enum metric_scope scope);
/* The labels that all figures of the scope have: the parts of a slot's name. Two at most, NULL: no
 * more. A tenant's label, which comes before, is not among them. */
const char *const *metric_scope_keys(enum metric_scope scope);

#endif
