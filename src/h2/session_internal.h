/* SPDX-License-Identifier: MIT */
/* Inside the HTTP/2 codec: the session, its streams, and what its files call of each other. */
#ifndef H2_SESSION_INTERNAL_H
#define H2_SESSION_INTERNAL_H

#include "h2/session.h"

#include <nghttp2/nghttp2.h>

/* RFC 9113 section 5.1.2 recommends no less; a server that has not said yet will take these. */
#define H2_STREAMS_BEFORE_SETTINGS 100

/* DATA that fits a TLS record and a buffer together with its frame header. */
#define H2_FRAME_HEADER 9
#define H2_DATA_MAX     (BUFFER_SIZE - H2_FRAME_HEADER)

/* What the peer's message has come to. */
enum h2_input {
    H2_IN_HEAD,    /* its head is due; client: interim ones may have come */
    H2_IN_BODY,    /* head delivered */
    H2_IN_DROPPED, /* head refused: the body is not looked at */
    H2_IN_ENDED
};

/* What our message has come to. */
enum h2_output { H2_OUT_HEAD, H2_OUT_BODY, H2_OUT_ENDED };

struct h2_stream {
    TAILQ_ENTRY(h2_stream) next;
    struct h2_session *session;
    struct h2_target target;
    int32_t id;
    enum h2_input input;
    enum h2_output output;
    enum error failure;   /* why the session resets it; ERROR_NONE */
    uint32_t broken_code; /* of RST_STREAM when our message breaks off */
    bool is_forgotten;    /* the owner has reset it: no more events */
    bool is_complete;     /* the response is: what is left of the request is cancelled */
    bool is_peer_reset;   /* RST_STREAM came */
    bool is_head;         /* the request is a HEAD */
    bool is_tunnel;       /* extended CONNECT */
    bool is_woken;        /* h2_resume since on_read was last asked */
    bool is_unsuccessful; /* the response is 3xx to 5xx: its client may give the request up */
    bool is_wide;         /* the rest of it fits its windows: h2_discard has seen to that */
    bool is_abandoned;    /* the client has ended the request before its length */
    bool is_lingering;    /* complete and forgotten; the rest of the request is dropped */
    double linger_from;   /* seconds; 0: not looked at yet */
    double linger_last;   /* when something last came */
    uint64_t linger_base; /* body bytes at its beginning, and when last looked at */
    uint64_t linger_mark;
    int64_t length;      /* of the request's body, as its head says; -1: not known */
    uint64_t body;       /* bytes of the peer's body so far */
    uint64_t unreturned; /* bytes sent and not given back yet by WINDOW_UPDATE */
    uint32_t window;     /* bytes that the peer may send ahead */
    size_t unconsumed;   /* bytes delivered and not given back */
    size_t consumed;     /* bytes given back since the window last grew */
    uint64_t received;
    uint64_t sent;
};

TAILQ_HEAD(h2_stream_list, h2_stream);

/* The one head that is arriving: CONTINUATION leaves no room for two (RFC 9113 section 6.10). */
struct h2_head {
    struct h2_stream *stream; /* NULL: nobody wants it */
    struct http_fields fields;
    struct slice method, scheme, authority, path, protocol, length;
    int status;
    uint32_t size; /* decoded bytes, as SETTINGS_MAX_HEADER_LIST_SIZE counts them */
    uint32_t count;
    uint32_t hosts, cookies, lengths;
    bool is_large; /* past the limits: nothing is kept any more */
    bool has_priority;
};

/* A leaky bucket: charged by what a peer makes us do for nothing, emptied by time and work. Below
 * 0: work that was done ahead. */
struct h2_bucket {
    double level;
    double at; /* seconds; when it was last emptied by time */
};

/* Where the frames of the input begin: nghttp2 tells of most, not of those that it ignores. */
struct h2_scan {
    uint32_t left; /* bytes of payload, or of the preface, before the next header */
    uint8_t len;   /* bytes of `header` that are there */
    uint8_t header[H2_FRAME_HEADER + 4]; /* with the number that some payloads begin with */
};

/* A frame by its header. */
struct h2_frame {
    uint32_t length;
    uint8_t type;
    uint8_t flags;
    int32_t id;
    uint32_t number; /* PRIORITY: what it depends on; WINDOW_UPDATE: the increment; else 0 */
};

/* Streams that were reset a moment ago; the oldest are forgotten. */
#define H2_RESETS_OURS  256
#define H2_RESETS_PEERS 64
struct h2_resets {
    struct {
        int32_t id;
        uint32_t left; /* bytes of DATA that may still be on their way */
    } ours[H2_RESETS_OURS];
    int32_t peers[H2_RESETS_PEERS];
    unsigned our_next, peer_next;
    double forgotten; /* when one of ours last was */
};

struct h2_session {
    nghttp2_session *nghttp2;
    enum h2_role role;
    struct h2_settings settings;
    const struct h2_events *events;
    void *owner;
    struct account *account; /* in which nghttp2's memory stands; NULL: none */
    double now;

    struct h2_stream_list streams;
    uint32_t stream_count;    /* that nghttp2 still has */
    uint32_t forgotten_count; /* of those, without handle */

    struct h2_head head;
    struct chain body;         /* one DATA payload on its way to the owner */
    const struct chain *input; /* during h2_receive, and its first run */
    struct slice run;

    struct chain payload; /* one DATA payload on its way out */
    struct chain *output; /* during h2_write */
    size_t output_limit;
    nghttp2_nv *nv; /* a head being encoded; grows to the largest */
    size_t nv_count, nv_capacity;

    struct h2_scan scan;
    int32_t last_id;    /* server: the highest that the client has opened */
    uint64_t used_ids;  /* of the 64 up to it, which ones: bit 0 is last_id */
    int32_t unaware_id; /* streams up to it were opened before the client knew our limits */
    struct h2_resets *resets_seen; /* NULL: none yet */
    uint32_t lingering;            /* streams that are */
    uint32_t wide_count;           /* streams that may be sent whole, see h2_discard */
    uint32_t widened;              /* bytes that the connection's window was opened by for them */
    size_t held;                   /* unconsumed bytes of all streams */
    uint64_t unreturned;           /* bytes sent and not given back to the connection's window */
    uint64_t late_unreturned;      /* the same of streams that are closed */
    struct h2_bucket useless;
    struct h2_bucket cancels;
    struct h2_bucket resets;
    const char *reason; /* "" */
    bool is_dead;
    bool is_terminated; /* the error GOAWAY is queued: input is not looked at */
    bool is_closing;    /* GOAWAY was sent or received */
    bool is_shut;       /* the final GOAWAY is queued: it names the last stream that is served */
    bool has_settings;  /* the peer's first SETTINGS came */
};

/* facts.c: gives up; the reason is constant text. */
void h2_fail(struct h2_session *session, uint32_t code, const char *reason);
void h2_die(struct h2_session *session, const char *reason);

static inline struct h2_stream *h2_stream_find(struct h2_session *session, int32_t id)
{
    return nghttp2_session_get_stream_user_data(session->nghttp2, id);
}

/* closing.c */
/* Tells on_closed unless it is forgotten. */
void h2_stream_tell_closed(struct h2_stream *stream, uint32_t code);
/* Resets what is malformed or broken; on_closed follows. */
void h2_stream_fail(struct h2_stream *stream, enum error error, uint32_t code);

/* stream.c */
struct h2_stream *h2_stream_new(struct h2_session *session, int32_t id);
/* Tells on_closed unless it is forgotten, and frees it. */
void h2_stream_close(struct h2_stream *stream, uint32_t code);
/* Bytes are about to be delivered. Returns whether the stream may still have them. */
bool h2_hold(struct h2_stream *stream, size_t bytes);
/* Frees it without a word. */
void h2_stream_drop(struct h2_stream *stream);
/* The peer's message is complete. */
void h2_stream_input_ended(struct h2_stream *stream);
/* Server: it is not, and no more will come. */
void h2_stream_abandoned(struct h2_stream *stream);
/* Our END_STREAM has left. */
void h2_stream_output_ended(struct h2_stream *stream);

/* head.c: 0, or the error for which the stream must be failed. */
void h2_head_begin(struct h2_head *head, struct h2_stream *stream);
int h2_head_field(struct h2_head *head, nghttp2_rcbuf *name, nghttp2_rcbuf *value);

/* message.c: 0, or the error for which the stream must be failed. */
int h2_make_request(struct h2_head *head, bool ends);
int h2_make_response(struct h2_head *head, bool ends);
int h2_take_trailers(struct h2_head *head);

/* receive.c, write.c */
void h2_set_receive_callbacks(nghttp2_session_callbacks *callbacks);
void h2_set_write_callbacks(nghttp2_session_callbacks *callbacks);
/* body.c: of a stream's body: asks on_read. */
nghttp2_data_provider h2_body_provider(struct h2_stream *stream);

/* What the head being encoded says in digits: must live until it is submitted. */
struct h2_texts {
    char status[3];
    char date[30];
    char length[24];
};

/* encode.c: the head, in session->nv. */
void h2_encode_request(struct h2_session *session, const struct http_request *request,
                       bool is_tunnel, struct h2_texts *texts);
void h2_encode_response(struct h2_stream *stream, const struct http_response *response, int64_t now,
                        struct h2_texts *texts);
/* Trailers that may be sent; returns whether there are any. */
bool h2_submit_trailers(struct h2_stream *stream, const struct http_fields *trailers);

/* frames.c: charges, judges and feeds the first run of the input, frame by frame, and counts those
 * that begin down. Returns how many bytes it took: all, unless the count is 0. */
size_t h2_take_run(struct h2_session *session, uint32_t *frames);

/* resets.c */
/* RST_STREAM of ours. left: bytes of DATA that the peer may still have sent. */
void h2_note_reset(struct h2_session *session, int32_t id, uint32_t left);
void h2_note_peer_reset(struct h2_session *session, int32_t id);
/* Also true when it can no longer be told. */
bool h2_is_reset_by_us(const struct h2_session *session, int32_t id);
bool h2_is_reset_by_peer(const struct h2_session *session, int32_t id);
/* DATA that was on its way when we reset its stream; takes it from what may be. */
bool h2_crossed_reset(struct h2_session *session, int32_t id, uint32_t length);

/* linger.c: our response is complete and has left, the request is not: the owner is told of the
 * stream's end, and what comes is dropped for a while, where that helps. */
void h2_linger_begin(struct h2_stream *stream);
/* It is over. */
void h2_linger_end(struct h2_stream *stream);
/* The stream is. */
void h2_linger_close(struct h2_stream *stream);
/* Of a PING that only wakes the client: its answer is no pong. */
extern const uint8_t h2_wake_ping[8];

/* What a message pays for of the frames around it, itself included; and of DATA, received or sent,
 * besides the WINDOW_UPDATEs that answer it: PINGs, to learn the path's capacity. */
#define H2_CREDIT_HEAD     8
#define H2_CREDIT_RECEIVED 2
#define H2_CREDIT_SENT     1

/* limits.c */
void h2_limits_tick(struct h2_session *session, double now);
/* A frame begins; what turns out useful is credited. */
void h2_charge_frame(struct h2_session *session, const struct h2_frame *frame);
void h2_credit_work(struct h2_session *session, unsigned frames);
/* DATA has left. stream: NULL when it is gone. */
void h2_flow_send(struct h2_session *session, struct h2_stream *stream, size_t bytes);
/* The stream is gone: what its peer gives back from now on comes late. */
void h2_flow_close(struct h2_stream *stream);
/* A client reset a stream that was open. */
void h2_charge_cancel(struct h2_stream *stream);
/* The peer provoked a reset of ours; returns whether it may still be sent. */
bool h2_charge_reset(struct h2_session *session);
/* Whether a reset may be sent that need not be. */
bool h2_has_resets_to_spare(const struct h2_session *session);
/* A request was answered: it pays for others that were not. */
void h2_credit_served(struct h2_session *session);

#endif
