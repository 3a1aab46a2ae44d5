/* SPDX-License-Identifier: MIT */
/* One HTTP/2 connection (RFC 9113) as a pure codec: bytes and time in, events out; calls in, bytes
 * out. No socket, no watcher, no clock. Both roles: server towards clients, client towards
 * backends.
 *
 * Rules
 *  1. Whoever made the session (the owner: a connection) calls h2_receive with what was read, piece
 *     by piece as it has time for it, and h2_write as long as h2_has_output and its own queue has
 * room; never one inside another, and never inside an event. Everything else may be called inside
 * events.
 *  2. A struct h2_stream is the session's handle of one stream; the owner's object of it is
 *     told of in h2_target. The handle is gone when on_closed returns, or when h2_reset does:
 *     a stream that the owner resets is forgotten at once, without on_closed.
 *  3. The target's arena and structs must live until then. When the session is done or DEAD, or is
 *     freed, streams that are left get no event.
 *  4. What is malformed (RFC 9113 section 8.1.1) is reset with PROTOCOL_ERROR by the session and
 *     never reaches on_request, on_response, or on_end: only on_closed tells.
 *  5. A response that is complete completes its stream: on_closed follows, and what is left of the
 *     request is the session's to end (RFC 9113 section 8.1; server: see h2_linger), except for
 *     tunnels.
 */
#ifndef H2_SESSION_H
#define H2_SESSION_H

#include "base/chain.h"
#include "base/error.h"
#include "http/message.h"

struct h2_session;
struct h2_stream;

enum h2_role { H2_SERVER, H2_CLIENT };

/* RFC 9113 section 7: those that an owner has use for. */
enum h2_code {
    H2_NO_ERROR = 0,
    H2_PROTOCOL_ERROR = 1,
    H2_INTERNAL_ERROR = 2,
    H2_REFUSED_STREAM = 7, /* not processed: may be tried again */
    H2_CANCEL = 8,
    H2_CONNECT_ERROR = 10,
    H2_ENHANCE_YOUR_CALM = 11,
    H2_HTTP_1_1_REQUIRED = 13
};

/* Windows: bytes a peer may send ahead of what was consumed. A stream begins with `stream_window`
 * and doubles up to `stream_window_max` while its reader keeps up, so that a fast stream fills a
 * long path and a stalled one holds little; connection_window bounds what one connection can make
 * us hold. */
struct h2_settings {
    uint32_t streams_max;       /* that are open at once; server: the peer's, client: ours */
    uint32_t stream_window;     /* bytes, 65535 to 2^31-1 */
    uint32_t stream_window_max; /* bytes; >= stream_window */
    uint32_t connection_window; /* bytes, 65535 to 2^31-1 */
    uint32_t head_max;          /* decoded bytes of a head, 32 for each field included */
    uint32_t fields_max;        /* fields of a head, pseudo ones included */
    bool connect_protocol;      /* server: offers extended CONNECT (RFC 8441) */
    bool is_tls;                /* client: :scheme is https */
};

/* 128 streams, 32 KiB and 100 fields of head, extended CONNECT; stream windows of 128 KiB to
 * 1 MiB (84 Mbit/s on a path of 100 ms). Connection window: 2 MiB for a server, for one client is
 * to blame for all of it; 16 MiB for a client, so that many slow readers do not hold up the rest.
 */
void h2_settings_init(struct h2_settings *settings, enum h2_role role);

/* Where the session puts what it decodes of one stream. */
struct h2_target {
    void *object; /* the owner's, given to the stream's events */
    struct arena *arena;
    struct http_request *request;   /* server */
    struct http_response *response; /* client; for each interim one again */
    struct http_fields *trailers;   /* initialized; those that may be forwarded are added */
};

enum h2_read {
    H2_READ_MORE,  /* some bytes, at most what was asked for; ask again */
    H2_READ_WAIT,  /* none now (moved nothing): ask again after h2_resume */
    H2_READ_END,   /* perhaps some bytes, and no more after them */
    H2_READ_BROKEN /* what is missing will not come: the stream is reset (INTERNAL_ERROR for a
                      server, CANCEL for a client); on_closed follows */
};

/* How a stream came to its end. */
struct h2_closing {
    enum error error;  /* ERROR_NONE: complete both ways. CLIENT_GONE, BACKEND_RESET: the peer reset
                          it or it died with the connection; REFUSED, RETIRED: is_untouched, by
                          RST_STREAM or by the connection's end; FIELD, TARGET, HOST, LENGTH,
                          RESPONSE...: malformed; HELD: see h2_discard; HEAD_TOO_LARGE,
                          RESPONSE_TOO_LARGE */
    uint32_t code;     /* of RST_STREAM; 0 for none */
    bool is_by_peer;   /* it came from there */
    bool is_untouched; /* client: the server says that it did not process the request, or it has
                          not left (REFUSED_STREAM, or above GOAWAY's last): any method may be
                          retried */
};

/* `object` is the stream's of h2_target, `owner` the session's. Any may be NULL but those of the
 * role in use. */
struct h2_events {
    /* server: a request head begins to arrive. Fills *target, or returns false: the stream is
     * refused (REFUSED_STREAM). */
    bool (*on_begin)(void *owner, struct h2_stream *stream, struct h2_target *target);
    /* server: target->request is complete and valid. Extended CONNECT has METHOD_CONNECT and its
     * :protocol in request->upgrade. ends: no body follows (on_end is called next all the same). */
    void (*on_request)(void *object, bool ends);
    /* server: the head is one that can only be answered with this error (ERROR_HEAD_TOO_LARGE,
     * ERROR_METHOD for a CONNECT without :protocol); request is empty but for the method, if known.
     * Its body is dropped. h2_send_response or h2_reset is due. */
    void (*on_refused)(void *object, enum error error);
    /* client: target->response is complete: interim (1xx: more will follow) or final. */
    void (*on_response)(void *object, bool ends);
    /* Body bytes: take all of them; what is left in the chain is dropped. Each byte taken is given
     * back with h2_consume once the other side has it. */
    void (*on_data)(void *object, struct chain *bytes);
    /* The peer's message is complete, its trailers are in target->trailers. */
    void (*on_end)(void *object);
    /* server: the response that was sent is 3xx to 5xx, and the client has ended its request
     * before the length that it had told: nobody waits for the rest. May be NULL. */
    void (*on_abandoned)(void *object);
    /* In h2_write: move at most max body bytes to the end of `to`. H2_READ_END may come with
     * *trailers, which must live until the stream is closed. */
    enum h2_read (*on_read)(void *object, struct chain *to, size_t max,
                            const struct http_fields **trailers);
    /* The stream is over; the last event of it. */
    void (*on_closed)(void *object, const struct h2_closing *closing);
    /* The peer's first SETTINGS came, or they changed: see h2_requests_left. */
    void (*on_settings)(void *owner);
    /* The peer goes away: no new requests on this connection. Streams that it will not process
     * get on_closed (untouched). last_stream: 2^31-1 is the announcement of two steps. */
    void (*on_goaway)(void *owner, uint32_t last_stream, uint32_t code);
    /* The answer to h2_ping. */
    void (*on_pong)(void *owner);
};

enum h2_verdict {
    H2_OPEN,
    H2_CLOSING, /* GOAWAY is written or received, or the peer broke the protocol: write what
                   there is; close once h2_is_done */
    H2_DEAD     /* close at once */
};

/* The pool must be that of every chain given to the session. SETTINGS (and the preface) are ready
 * to be written. Everything is owned by the session until h2_session_free. */
struct h2_session *h2_session_new(enum h2_role role, const struct h2_settings *settings,
                                  const struct h2_events *events, void *owner,
                                  struct chain_pool *pool);

/* Forgets all streams without any event. Not inside an event. */
void h2_session_free(struct h2_session *session);

/* ---- input ---- */

/* Reads `in` up to the end of so many frames; what is behind them stays there, and must be given
 * again. H2_ALL: all of it. Body bytes are shared, not copied. now: seconds of a monotonic clock,
 * for the limits of useless frames and of resets. */
#define H2_ALL UINT32_MAX
enum h2_verdict h2_receive(struct h2_session *session, struct chain *in, uint32_t frames,
                           double now);

/* Why the session is CLOSING or DEAD by our doing; "" when it is not. Constant text for the log. */
const char *h2_reason(const struct h2_session *session);

/* Gives `bytes` of the body back to the peer's windows. More than was received and not given back
 * yet is ignored. */
void h2_consume(struct h2_stream *stream, size_t bytes);

/* ---- output ---- */

/* Appends frames to `out` until nothing is left or out->len >= limit (exceeded by at most one
 * frame, 16 KiB and its header). Returns whether more could be written now. */
bool h2_write(struct h2_session *session, struct chain *out, size_t limit);
bool h2_has_output(const struct h2_session *session);

/* Client: opens a stream. ends: without a body; else on_read is asked for it. Hop-by-hop fields
 * are not written, `te: trailers` always is; a request with an upgrade becomes an extended CONNECT
 * where h2_allows_connect, else goes without. NULL when h2_requests_left is 0. Heads are encoded
 * later, from copies. */
struct h2_stream *h2_send_request(struct h2_session *session, const struct http_request *request,
                                  const struct h2_target *target, bool ends);

/* How many requests may be sent now: the peer's MAX_CONCURRENT_STREAMS and our streams_max, less
 * those that are open; 0 once the connection is closing. */
uint32_t h2_requests_left(const struct h2_session *session);
/* The same without regard to those that are open, or to the connection's end. */
uint32_t h2_requests_most(const struct h2_session *session);
/* Client: the server takes extended CONNECT. */
bool h2_allows_connect(const struct h2_session *session);

/* Server: an interim response (1xx but 101), or the final one. ends: nothing follows; else on_read
 * is asked for the body. A response without body always ends. Date is added to a final one that
 * has none (now: seconds since 1970). The answer to an extended CONNECT has status 200, and
 * content_length HTTP_LENGTH_UNKNOWN. */
void h2_send_response(struct h2_stream *stream, const struct http_response *response, bool ends,
                      int64_t now);

/* Server, before the final response: nobody looks at the rest of the request's body, so that its
 * sender may send it without reading meanwhile, up to 8 MiB. Should other streams use what the
 * connection's window is opened by, the one that holds most is closed (ERROR_HELD). */
void h2_discard(struct h2_stream *stream);

/* The code of RST_STREAM, in place of the role's, should on_read say H2_READ_BROKEN. */
void h2_set_broken_code(struct h2_stream *stream, uint32_t code);

/* on_read has something to say again. Cheap when called more often than needed. */
void h2_resume(struct h2_stream *stream);

/* Ends a stream with RST_STREAM; see rule 2. */
void h2_reset(struct h2_stream *stream, uint32_t code);

/* A graceful end (RFC 9113 section 6.8): the announcement (server only; nothing for a client), and
 * after a round trip (h2_ping) the final GOAWAY. Streams in flight go on; h2_is_done tells when
 * they are through. */
void h2_announce_shutdown(struct h2_session *session);
void h2_shutdown(struct h2_session *session);

/* GOAWAY with this code and the end of all streams, without events. */
void h2_terminate(struct h2_session *session, uint32_t code);

void h2_ping(struct h2_session *session);

/* Server: what is left of requests that were answered already is dropped for a while, so that their
 * clients read the answer, and then reset. To be called after h2_write, as it may have more to
 * write then, and at the time (of h2_receive's clock) that it returns; 0: there are none. */
double h2_linger(struct h2_session *session, double now);

/* ---- facts ---- */

/* Nothing more will be read or written: close the connection once what was written has left. To be
 * asked after h2_write. */
bool h2_is_done(const struct h2_session *session);

/* Streams that have a handle. */
uint32_t h2_stream_count(const struct h2_session *session);
int32_t h2_stream_id(const struct h2_stream *stream);

/* Bytes of its HEADERS and DATA frames so far, frame headers included. A stream whose peer gives no
 * window shows by a count that stands still. */
uint64_t h2_stream_received(const struct h2_stream *stream);
uint64_t h2_stream_sent(const struct h2_stream *stream);

/* A body is under way, and the peer's window for this stream alone (not that of the connection)
 * takes none of it, whatever other streams do. */
bool h2_is_window_blocked(const struct h2_stream *stream);

#endif
