/* SPDX-License-Identifier: MIT */
/* A rig for backend tests: real exchanges on a real loop, with servers that the test plays itself
 * over loopback sockets, step by step. */
#ifndef UNIT_BACKEND_RIG_H
#define UNIT_BACKEND_RIG_H

#include "backend/backend.h"
#include "metrics/file.h"

#define RIG_SERVERS 4

struct rig {
    struct loop loop;
    struct exchange_pool pool;
    struct backends *backends;
    struct exchange_client client;
    struct config_settings settings;
    struct tenant tenant;
    struct tenant_upstream upstream;
    struct config_upstream upstream_config;
    struct tenant_endpoint endpoints[RIG_SERVERS];
    struct config_endpoint endpoint_configs[RIG_SERVERS];
    int listeners[RIG_SERVERS];
    struct metrics_file figures; /* memory NULL: nothing is counted */
};

/* One exchange, as its front and its mediator saw it. */
struct visit {
    struct rig *rig;
    struct exchange *exchange;
    struct backend_attempts attempts;
    bool takes;         /* the front takes body bytes as they come */
    bool closes;        /* the front closes as soon as the response has ended */
    bool retries;       /* the mediator starts another attempt after a failure */
    bool forgives;      /* ... of the same endpoint after a dead idle connection */
    bool aborts;        /* the mediator refuses the final response and starts again */
    unsigned responses; /* final ones */
    unsigned interims;
    unsigned last_interim;
    int status;
    char body[4096]; /* the first bytes */
    size_t body_len;
    bool has_ended;
    bool is_broken;
    unsigned failures;
    enum error error;
    bool untouched;
    unsigned rooms; /* how often the front was told of room in the request pipe */
    bool is_closed;
};

/* `servers` endpoints, all primary with weight 1; keepalive 4; timeouts of 5 s. */
void rig_init(struct rig *rig, unsigned servers);
void rig_free(struct rig *rig);

/* Replaces what the tenant says: call after changing its endpoints or settings. */
void rig_bind(struct rig *rig);
struct backend_group *rig_group(struct rig *rig);

/* From now on it is counted what happens, and how much there is of it. */
void rig_count(struct rig *rig);
uint64_t rig_counted(const struct rig *rig, enum metric metric);

/* One turn of the loop, waiting a few milliseconds at most. */
void rig_turn(struct rig *rig);
double rig_seconds(void);

/* Turns until the condition holds; fails the test after 20 s. */
#define RIG_UNTIL(rig, condition)                                                                  \
    do {                                                                                           \
        double rig_end = rig_seconds() + 20;                                                       \
        while (!(condition)) {                                                                     \
            cr_assert(rig_seconds() < rig_end, "waited in vain for %s", #condition);               \
            rig_turn(rig);                                                                         \
        }                                                                                          \
    } while (0)

/* Makes an exchange whose forward is `method path`; its body is ended when length is 0. */
void visit_init(struct visit *visit, struct rig *rig, enum http_method method, int64_t length);
int visit_start(struct visit *visit);
/* visit_init for a GET, and visit_start, which must succeed. */
void visit_get(struct visit *visit, struct rig *rig);
void visit_push(struct visit *visit, const char *text);
void visit_close(struct visit *visit);

/* ---- the server's part ---- */

/* Waits for a connection. */
int server_accept(struct rig *rig, unsigned server);
bool server_has_connection(struct rig *rig, unsigned server);
/* Reads until text has come; returns everything read since the last call (static). */
const char *server_read(struct rig *rig, int fd, const char *text);
/* Whether the peer has closed (an end or a reset); other bytes are dropped. */
bool server_sees_end(int fd);
void server_send(int fd, const char *text);
void server_reset(int fd);
/* Takes one request with no body and answers with 200 and that body. */
void server_answer(struct rig *rig, int fd, const char *body);
/* One whole request over a new or kept connection to that server; returns the connection. */
int serve_once(struct rig *rig, unsigned server, int fd);

#endif
