/* SPDX-License-Identifier: MIT */
/* HTTP/2 servers for the rig: the test plays them with a session in the server's role over real
 * sockets, step by step. */
#ifndef UNIT_BACKEND_H2_RIG_H
#define UNIT_BACKEND_H2_RIG_H

#include "backend/rig.h"

#include "h2/session.h"

#define PEER_STREAMS 160
#define PEERS        16

struct peer;

/* One request, as the server saw it, and what it answers. */
struct peer_stream {
    struct peer *peer;
    struct h2_stream *stream; /* NULL once closed */
    struct arena arena;
    struct http_request request;
    struct http_fields trailers;
    bool has_request;
    bool has_ended;
    bool is_closed;
    struct h2_closing closing;
    bool holds;      /* does not give windows back */
    size_t body_len; /* bytes that came */
    char body[64];   /* the first of them */
    uint64_t to_send;
    bool ends; /* after to_send; else more may follow */
    struct http_fields reply_trailers;
};

/* One connection at the server. */
struct peer {
    struct rig *rig;
    int fd; /* -1 once closed */
    struct h2_session *session;
    struct peer_stream streams[PEER_STREAMS];
    unsigned count; /* requests so far */
    bool answers;   /* each complete request at once, with 200 and "hello" */
    bool is_deaf;   /* reads nothing */
    bool sees_end;
    unsigned goaways;
    unsigned pongs;
    struct chain in, out;
};

/* As rig_init, with one server, spoken to in HTTP/2 by prior knowledge. There is another, of which
 * the upstream knows nothing yet (h2_two_servers). */
void h2_rig_init(struct rig *rig);
void h2_two_servers(struct rig *rig);

/* Waits for a connection; settings may be NULL. */
struct peer *peer_accept(struct rig *rig, unsigned server, const struct h2_settings *settings);
/* A settings object with that limit of concurrent streams. */
struct h2_settings peer_settings(uint32_t streams);

/* Reads, understands and writes. */
void peer_pump(struct peer *peer);
void peer_close(struct peer *peer);
void peers_free(void);
void peers_pump(void);
/* Sends bytes that no session has made. */
void peer_send_raw(struct peer *peer, const void *data, size_t len);

/* A final response; body bytes of 'x' follow. */
void peer_respond(struct peer_stream *stream, int status, uint64_t body, bool ends);
/* Interim ones, with a field `link: </a>`. */
void peer_respond_interim(struct peer_stream *stream, int status);

/* Pumps all peers and turns until the condition holds; fails the test after 20 s. */
#define H2_UNTIL(rig, condition)                                                                   \
    do {                                                                                           \
        double h2_end = rig_seconds() + 20;                                                        \
        while (!(condition)) {                                                                     \
            cr_assert(rig_seconds() < h2_end, "waited in vain for %s", #condition);                \
            peers_pump();                                                                          \
            rig_turn(rig);                                                                         \
        }                                                                                          \
    } while (0)

/* A few turns in which nothing is expected to happen. */
void h2_settle(struct rig *rig);

/* One whole exchange; accepts a connection when peer is NULL. Returns it. */
struct peer *h2_serve_once(struct rig *rig, struct peer *peer);

#endif
