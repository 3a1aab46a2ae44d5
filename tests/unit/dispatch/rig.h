/* SPDX-License-Identifier: MIT */
/* A gateway without sockets: a real tenant, real heads, a recording frontend, and backends that do
 * what the test says. */
#ifndef TESTS_DISPATCH_RIG_H
#define TESTS_DISPATCH_RIG_H

#include "dispatch/dispatch.h"
#include "dispatch_internal.h"

#define RIG_ENDPOINTS_MAX 8

struct backend_group {
    struct rig *rig;
};

/* What the frontend has seen of one exchange. */
struct seen {
    unsigned interims;
    int interim_status;
    unsigned responses;
    int status;
    struct http_response response; /* in the exchange's arena */
    char body[4096];
    size_t body_len;
    enum pipe_state end;
    unsigned rooms;
    bool closes_at_once; /* the exchange is closed as soon as its head is here */
};

struct rig {
    struct loop loop;
    struct exchange_pool pool;
    struct tls_contexts *contexts;
    struct tenant *tenant;
    struct cells cells; /* the tenant's; this worker has column 0 */
    struct tenant_listener *listener;
    struct dispatch_origin origin;
    struct exchange_client client;
    struct dispatch_shared *shared;
    char lines[65536 * 2]; /* what was logged, each behind its destination */
    size_t lines_len;
    struct exchange *exchange;
    struct seen seen;

    /* the backends */
    struct backend_group group;
    uint32_t endpoints;               /* how many there are; 2 */
    bool has_kept[RIG_ENDPOINTS_MAX]; /* an idle connection to it */
    uint32_t starts;                  /* attempts started */
    uint32_t last;                    /* endpoint of the last attempt */
    uint32_t failures;                /* backend_attempt_failed calls */
    uint32_t aborts;                  /* on_abort calls */
    uint32_t unbinds;
    uint32_t forgiven; /* backend_attempt_forgive calls */
    int start_error;   /* what backend_start says next; 0 */
    bool wants_fresh;
    double queue_seconds; /* of the next attempt's wait, which is over at once */
    unsigned waited_for;  /* enum backend_wait */
    struct exchange_allowance allowance;
    struct chain taken; /* of the request's body */
    bool takes;         /* the backend takes body bytes as they come */
};

/* text: the tenant file without its netns; it is named "acme". The first listener is used. */
void rig_open(struct rig *rig, const char *text);
void rig_close(struct rig *rig);

/* An exchange whose head has not come. */
void rig_begin(struct rig *rig);

/* Sends a head as text ("GET / HTTP/1.1\r\n...\r\n\r\n") and a body behind it. */
void rig_send(struct rig *rig, const char *text);

/* The same with `\r\n` for each line end and a Host: rig_get(rig, "/x", "A: b\r\n"). */
void rig_get(struct rig *rig, const char *target, const char *fields);

/* Closes the exchange and lets the loop's turn end. */
void rig_end(struct rig *rig);

/* The attached backend answers with a head as text; then the body and its end. */
void rig_answer(struct rig *rig, const char *head);
void rig_body(struct rig *rig, const char *body, enum pipe_state end);
void rig_fail(struct rig *rig, enum error error, bool untouched);

/* Values joined by "|"; "" for none. Valid until the next call. */
const char *rig_forwarded(const struct rig *rig, const char *name);
const char *rig_returned(const struct rig *rig, const char *name);
const char *rig_body_text(struct rig *rig);
const char *text_of(struct slice s);

/* Whether the response has such a field at all. */
bool rig_returns(const struct rig *rig, const char *name);

/* Two servers of 10.0.0.1:80 with locations of each kind: acme.test, and closed.test with a return.
 */
extern const char rig_places[];

/* rig_open with one server, acme.test, and this inside its location. */
void rig_open_location(struct rig *rig, const char *inside);

/* A location that answers so sends who asks acme.test for target to that place. */
void rig_expect_redirect(const char *answer, bool is_tls, uint16_t port, const char *target,
                         const char *place);

#endif
