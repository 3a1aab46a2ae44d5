/* SPDX-License-Identifier: MIT */
/* Backends: which endpoint takes an exchange, over which connection, and what became of it. The
 * state here is live (health, idle connections) and found again by identity after a reload. */
#ifndef BACKEND_BACKEND_H
#define BACKEND_BACKEND_H

#include "exchange/exchange.h"
#include "metrics/file.h"
#include "tenant/tenant.h"

struct backends;      /* all of one worker */
struct backend_group; /* one upstream of one tenant */
struct backend_endpoint;
struct backend_queue;

struct backends *backends_new(struct loop *loop);
/* Closes everything; attached exchanges must be gone. */
void backends_free(struct backends *backends);

/* Gives each of the tenant's upstreams its group: the one that had the same tenant and upstream
 * name before, with the same endpoints' health and idle connections, or a new one. Upstreams that
 * this tenant has no more keep no connections. */
void backends_bind(struct backends *backends, struct tenant *tenant);

/* Connections of the tenant's groups belong to that share from now on. Takes a reference. Nothing
 * keeps a share for the connections that it had before: whoever comes back under the name of a
 * tenant of which groups are left goes on with backends_share. */
void backends_set_share(struct backends *backends, struct slice tenant, struct loop_share *share);

/* That share, if one was set; NULL: nothing is left of such a tenant. No reference is given. */
struct loop_share *backends_share(struct backends *backends, struct slice tenant);

/* The tenant may hold that many bytes (max_memory): an eighth of it, if that is less than usual,
 * may be kept of requests for another attempt. */
void backends_bound(struct backends *backends, struct slice tenant, size_t most);

/* What its servers do is counted there for that number from now on (metrics/file.h). */
void backends_set_figures(struct backends *backends, struct slice tenant,
                          struct metrics_file *figures, uint64_t number);

/* The tenant is no longer the current one of its name. Groups that no bound tenant uses any more
 * go once their last exchange is over. Called by the last tenant_unref's caller before it. */
void backends_unbind(struct backends *backends, struct tenant *tenant);

/* Idle connections are closed; used ones end after their exchange. For drain. Connections in
 * namespaces go on: there may be nobody who could ask for other sockets. */
void backends_drain(struct backends *backends);

/* What an attempt may have waited for. */
enum backend_wait {
    BACKEND_WAIT_SERVER = 1 << 0,    /* until one could be chosen (`queue`) */
    BACKEND_WAIT_CONNECTION = 1 << 1 /* to the server that was chosen for it */
};

/* What one exchange has tried. Embedded by dispatch; zeroed at the start. */
struct backend_attempts {
    struct slice key;  /* of the request, for methods of balancing that go by one; set before */
    uint64_t tried[4]; /* endpoints by slot */
    uint32_t count;    /* attempts so far */
    struct backend_endpoint *endpoint; /* of the last attempt */
    double started;                    /* loop_now() of the last attempt */
    double opened;                     /* ... when its connection was opened */
    uint32_t slot;                     /* of that endpoint in `tried` */
    bool reused;       /* the last attempt went over a connection that was there before it */
    bool wants_fresh;  /* forgiven: the next attempt takes no connection from before */
    uint32_t forgiven; /* how often, by that endpoint: the last time it takes a connection of its
                          own */
    uint32_t moves;    /* connections that had no room for the last attempt after all */
    const struct config_settings *settings; /* in force; live as long as the exchange */
    struct cells_counts *counts; /* of all workers' exchanges, for max_conns; NULL: nobody counts.
                                    Set before, lives as long as the exchange */
    uint64_t counted;            /* under that hash the last attempt is counted, if it is */
    bool is_counted;
    /* Waiting for a connection to that endpoint, or for any endpoint. */
    struct backend_queue *queue; /* the last one */
    TAILQ_ENTRY(backend_attempts) in_queue;
    struct exchange *waiting; /* whose attempts these are; NULL: it does not wait */
    double after;  /* 0, or the time (loop_now()) after which its connection must be opened */
    double queued; /* loop_now() when it began to wait */
    bool waits_for_choice; /* ... for any endpoint: all are at their max_conns */
    /* What was waited for (enum backend_wait), and how long in all: each time a wait ends, its
     * seconds are added. Dispatch sets both back behind an attempt that has come to nothing. */
    unsigned waited_for;
    double queue_seconds;
    /* "127.0.0.1:9000" of the last attempt; empty before the first. In the exchange's arena:
     * endpoints may go before the log. */
    struct slice address;
};

/* Starts an attempt: picks the next endpoint (by the group's method; max_fails, fail_timeout,
 * backup as nginx has them; not tried before), takes an idle connection, connects, or waits until
 * it can do either, and attaches itself to the exchange, which must have `forward` made. Returns 0
 * (whatever happens comes by the exchange), ERROR_NO_ENDPOINT when all were tried, are down or have
 * no room (max_conns), ERROR_QUEUE_FULL, ERROR_DESCRIPTORS. With a `queue`, who finds no endpoint
 * waits for one. */
int backend_start(struct backend_group *group, struct exchange *exchange,
                  struct backend_attempts *attempts, const struct config_settings *settings);

/* The last attempt has its answer's head; has come to nothing, for that reason: it is counted. */
void backend_attempt_answered(struct backend_group *group, const struct backend_attempts *attempts);
void backend_attempt_broke(struct backend_group *group, const struct backend_attempts *attempts,
                           enum error error);

/* The answer of the last attempt counts as a failure (max_fails), e.g. for http_503. */
void backend_attempt_failed(struct backend_group *group, struct backend_attempts *attempts);

/* The last attempt failed for the sake of its connection, or was refused: the same endpoint is the
 * next one to be tried, over a fresh connection, without counting as a try. Returns false when that
 * was done often enough: three times, or when the endpoint has got too many connections for it that
 * no answer has paid for. */
bool backend_attempt_forgive(struct backend_group *group, struct backend_attempts *attempts,
                             enum error error);

/* What the exchanges of the group's tenant may keep of their requests. */
struct exchange_allowance *backend_allowance(struct backend_group *group);

/* How many endpoints could still be tried. */
uint32_t backend_untried(const struct backend_group *group,
                         const struct backend_attempts *attempts);

/* Closes a connection that no exchange uses. Returns whether there was one. */
bool backends_close_idle(struct backends *backends);

/* The same for one tenant, which holds as much memory as it may: at most that many. */
void backends_close_idle_of(struct backends *backends, struct slice tenant, unsigned most);

/* For tests and status. */
unsigned backends_idle_count(const struct backends *backends);

#endif
