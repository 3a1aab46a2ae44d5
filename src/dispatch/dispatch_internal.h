/* SPDX-License-Identifier: MIT */
/* What the files of this room share: the state of one exchange's story, and its chapters. */
#ifndef DISPATCH_DISPATCH_INTERNAL_H
#define DISPATCH_DISPATCH_INTERNAL_H

#include "dispatch/dispatch.h"

#include <limits.h>
#include <time.h>

/* An attempt that came to nothing, for $upstream_addr and its kin. */
struct dispatch_past {
    STAILQ_ENTRY(dispatch_past) next;
    struct slice address;
    int status;     /* what the endpoint answered, or what its failure would tell a client */
    double connect; /* seconds; negative: it came to no connection */
    double header;  /* ... to no response head */
    double seconds;
    uint64_t sent, received; /* bytes */
    uint64_t length;         /* of the response's body, as far as it came */
    unsigned waited_for;     /* enum backend_wait */
    double queue_seconds;
};

/* A request's way, in the order in which nginx runs it. The last two run for each response, and
 * once at the exchange's end. */
enum dispatch_phase {
    PHASE_REAL_ADDRESS,
    PHASE_SERVER_REWRITE,
    PHASE_FIND_LOCATION,
    PHASE_REWRITE,
    PHASE_LIMITS,
    PHASE_ACCESS,
    PHASE_CONTENT,
    PHASE_RESPONSE_HEADERS,
    PHASE_LOG
};

/* What a feature says at its turn. */
enum dispatch_verdict {
    DISPATCH_CONTINUE, /* the next one's turn */
    DISPATCH_DONE,     /* the client gets its answer, or has got it */
    DISPATCH_WAIT      /* who will answer later goes on by itself, or by phases_run_request */
};

/* What limit_req or limit_conn has said of a request; variables tell it. */
enum limit_outcome {
    LIMIT_NONE, /* it was not asked */
    LIMIT_PASSED,
    LIMIT_DELAYED,
    LIMIT_REJECTED,
    LIMIT_DELAYED_DRY_RUN,
    LIMIT_REJECTED_DRY_RUN
};

/* What exchanges of one process have in common (values/process.c). */
struct dispatch_shared {
    struct dispatch_log log;
    char *line;    /* being made, of DISPATCH_LINE_MAX bytes; NULL until the first one */
    time_t second; /* of the texts below */
    char local[32];
    char iso[32];
    char hostname[HOST_NAME_MAX + 1];
    char pid[16];
};

struct limit_delay; /* limits/limit_req.c: until when a request waits */
struct limit_held;  /* limits/limit_conn.c: what it holds of zones */

/* Lives in the exchange's arena; the tenant reference is all that must be given back. */
struct dispatch {
    struct exchange *exchange;
    struct dispatch_shared *shared;
    struct backends *backends;
    struct tenant *tenant;
    const struct tenant_server *server;
    const struct tenant_location *location; /* NULL until one is found */
    const struct config_settings *settings; /* the location's, the server's before it is found */
    struct slice path;                      /* normalized */
    unsigned feature;                       /* of the request's phases, whose turn is next */
    struct slice request_id;                /* made at its first use */
    struct backend_group *group;            /* NULL when this gateway answers itself */
    struct backend_attempts attempts;
    STAILQ_HEAD(, dispatch_past) past;
    uint32_t past_count;
    uint32_t forgiven;                 /* of the past; backend_attempts does not count them */
    int backend_status;                /* of the last attempt's final response; 0: none yet */
    struct http_fields backend_fields; /* as that server sent them */
    int64_t backend_length;            /* of its body, as it announced; HTTP_LENGTH_UNKNOWN */
    bool is_over;                      /* the exchange has ended: what is not known will not be */
    int status;                        /* then: what was answered, or what nginx would note */
    enum limit_outcome limit_req;
    enum limit_outcome limit_conn;
    uint64_t rate;             /* bytes a second; limit_rate's */
    bool has_rate;             /* ... it is said */
    struct limit_delay *delay; /* NULL: it waits for none */
    struct limit_held *held;   /* NULL: nothing */
    bool is_unanswered;        /* a limit ended it with a status, but no answer */
    bool is_own_reply; /* the response is made here (reply.c), and none of a server follows */
};

/* Whether the last attempt is not one of the past. */
static inline bool dispatch_is_attempting(const struct dispatch *dispatch)
{
    return dispatch->attempts.count + dispatch->forgiven > dispatch->past_count;
}

/* An empty list with room for that many, so that it does not grow out of several arrays. */
static inline void dispatch_fields_init(struct http_fields *fields, struct arena *arena,
                                        uint32_t capacity)
{
    http_fields_init(fields, arena);
    fields->items = arena_alloc(arena, capacity * sizeof(*fields->items));
    fields->capacity = capacity;
}

/* ---- phases.c ---- */

/* Runs the request's phases, from where it stands: from the first, or behind what has waited. */
void phases_run_request(struct dispatch *dispatch);

/* ---- response_phases.c ---- */

/* Runs one of the last two phases. DONE: what is left of the way is not for this response. */
enum dispatch_verdict phases_run_response(struct dispatch *dispatch, enum dispatch_phase phase);

/* ---- find_server.c ---- */

/* Chooses the server by host and normalizes the path. Returns 0, ERROR_MISDIRECTED, what is wrong
 * with the client's certificate, or ERROR_TARGET; the server is chosen in any case. */
int find_server(struct dispatch *dispatch, const struct dispatch_origin *origin);

/* Without a head: the server that the client has named in the handshake, or the default one. */
void find_named_server(struct dispatch *dispatch, const struct dispatch_origin *origin);

/* ---- features, each in its file: return.c, find_location.c, proxy.c ---- */

enum dispatch_verdict return_of_server(struct dispatch *dispatch);
/* 301 to the same path with a slash behind it. */
enum dispatch_verdict redirect_to_slash(struct dispatch *dispatch);
enum dispatch_verdict find_location(struct dispatch *dispatch);
enum dispatch_verdict return_of_location(struct dispatch *dispatch);
enum dispatch_verdict proxy_start(struct dispatch *dispatch);

/* ---- limits/limit_req.c ---- */

enum dispatch_verdict limit_req(struct dispatch *dispatch);
/* The request is over, or refused: it waits no more. */
void limit_req_stop(struct dispatch *dispatch);

/* ---- limits/limit_conn.c ---- */

enum dispatch_verdict limit_conn(struct dispatch *dispatch);
/* The request is over: gives back what it holds. */
void limit_conn_stop(struct dispatch *dispatch);

/* ---- limits/limit_rate.c ---- */

enum dispatch_verdict limit_rate(struct dispatch *dispatch);
/* Bytes a second in which the response goes, or would go as far as is known yet; 0: no limit. */
uint64_t limit_rate_in_force(struct dispatch *dispatch);

/* ---- limits/answer.c: what both share ---- */

/* What a zone's key is for this request. Empty: it does not count, also when it is longer than
 * `most` bytes, which is told. */
struct slice limit_key(struct dispatch *dispatch, const struct config_zone *zone, size_t most);
/* Answers as the manner says. DONE. */
enum dispatch_verdict limit_refuse(struct dispatch *dispatch,
                                   const struct config_limit_manner *manner);

/* ---- variables.c ---- */

/* The text of a template for this exchange; in the arena, or the template's own. */
struct slice variables_evaluate(struct dispatch *dispatch, const struct config_template *template);

/* The same, made fit for a field: control bytes, which $uri may have decoded, become spaces. */
struct slice variables_field_value(struct dispatch *dispatch,
                                   const struct config_template *template);

/* ---- values.c ---- */

/* What a part stands for; empty for what is not known (yet). */
struct slice variable_value(struct dispatch *dispatch, const struct config_part *part);

/* The same for the attempts, the response, and the client's connection: each in its file. */
struct slice upstream_value(struct dispatch *dispatch, enum config_variable variable);
struct slice upstream_field(struct dispatch *dispatch, struct slice name);
struct slice sent_value(struct dispatch *dispatch, enum config_variable variable);
struct slice sent_field(struct dispatch *dispatch, struct slice name);
struct slice client_value(struct dispatch *dispatch, enum config_variable variable);

struct slice process_value(struct dispatch *dispatch, enum config_variable variable);

/* ---- values/text.c ---- */

struct slice value_number(struct dispatch *dispatch, uint64_t value);
/* Seconds with milliseconds, as nginx has them; not below 0. */
struct slice value_seconds(struct dispatch *dispatch, double value);

/* The attempt that is under way, or was the last; seen from now. */
struct dispatch_past attempt_now(const struct dispatch *dispatch);

/* ---- lookup.c ---- */

struct slice lookup_field(struct exchange *exchange, struct slice name);
/* The user's name of an Authorization field that is Basic (RFC 7617); empty otherwise. */
struct slice lookup_user(struct exchange *exchange);
struct slice lookup_argument(struct slice query, struct slice name);
struct slice lookup_cookie(const struct http_fields *fields, struct slice name);

/* All fields of that name, joined in the arena; empty when there is none. */
struct slice lookup_joined(struct arena *arena, const struct http_fields *fields, struct slice name,
                           struct slice separator);

/* ---- forward.c ---- */

/* Makes exchange->forward of exchange->request. */
void forward_make(struct dispatch *dispatch);

/* The same for another attempt: a client that sends its body already waits for no 100 (Continue).
 */
void forward_make_again(struct dispatch *dispatch);

/* Takes out of the request's trailers what its fields may not bear either. */
void forward_filter_trailers(struct dispatch *dispatch);

/* ---- headers.c ---- */

/* Takes from a server's response what is not for the client. */
enum dispatch_verdict headers_filter(struct dispatch *dispatch);

/* Appends the add_header fields that go with the response's status, to own replies too. */
enum dispatch_verdict headers_add(struct dispatch *dispatch);

/* ---- reply.c ---- */

/* A reply made here. */
struct reply {
    int status;
    struct slice body;
    struct slice location; /* empty: none */
};

/* Sends it; the request body is discarded. dispatch is NULL before dispatch_start. */
void reply_send(struct exchange *exchange, struct dispatch *dispatch, const struct reply *reply);

/* The small plain reply that tells an error, by its status. */
void reply_error(struct exchange *exchange, struct dispatch *dispatch, enum error error,
                 int status);

/* Reports the error and tells the client its status; one that has none breaks the response off.
 * DONE. */
enum dispatch_verdict reply_refuse(struct exchange *exchange, struct dispatch *dispatch,
                                   enum error error);

/* A redirect; location may be a path, of which the absolute URI is made. */
void reply_redirect(struct dispatch *dispatch, int status, struct slice location);

/* "404 Not Found\n" and nothing more: internals stay inside. */
struct slice reply_plain_text(struct exchange *exchange, int status);

/* ---- retry.c ---- */

/* Starts an attempt, or tells the client why there is none. last: what ended the one before. */
void retry_attempt(struct dispatch *dispatch, enum error last);

/* What becomes of the exchange when an attempt failed before its response was passed. */
void retry_failed(struct dispatch *dispatch, enum error error, bool untouched);

/* Whether the final response in exchange->response sends us to another endpoint; then the attempt
 * is aborted and the next one started. */
bool retry_response(struct dispatch *dispatch);

/* ---- report.c ---- */

/* A failure that the client is told by status (0: the response was cut). */
void report_failure(const struct exchange *exchange, const struct dispatch *dispatch,
                    enum error error, int status);

/* An attempt failed for the sake of its connection, and the same server is asked again. */
void report_again(const struct dispatch *dispatch, enum error error);

/* An attempt failed and another one follows. */
void report_retry(const struct dispatch *dispatch, enum error error, int status);

/* Something that befell a request and is told as it is. */
void report_note(const struct dispatch *dispatch, enum log_level level, const char *text);

/* ---- log/access_log.c ---- */

/* The exchange is over: writes its lines. */
enum dispatch_verdict access_log(struct dispatch *dispatch);

/* The exchange is over. */
enum dispatch_verdict report_close(struct dispatch *dispatch);

#endif
