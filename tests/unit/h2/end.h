/* SPDX-License-Identifier: MIT */
/* One end of an HTTP/2 connection in memory: a session whose events are written down, and whose
 * bodies are patterns made and checked on the way. */
#ifndef TESTS_H2_END_H
#define TESTS_H2_END_H

#include "h2/session.h"

#define MESSAGES_MAX 256

struct end;

/* One stream as its owner sees it. */
struct message {
    struct end *end;
    struct h2_stream *stream; /* NULL once closed */
    struct arena arena;
    struct http_request request;
    struct http_response response;
    struct http_fields trailers;
    bool is_used;
    unsigned requests, refusals, responses, interims, ends, closes;
    enum error refusal;
    struct h2_closing closing;
    uint64_t received; /* body bytes, all of the pattern */
    size_t held;       /* of those, not consumed */
    uint64_t to_send;  /* body bytes that on_read still has */
    uint64_t sent;
    bool stays_open; /* on_read says WAIT at the end of to_send */
    bool breaks;     /* ... or BROKEN */
    const struct http_fields *send_trailers;
    unsigned reads;
};

struct end {
    struct h2_session *session;
    struct chain_pool *pool;
    struct chain out; /* written and not carried to the other end */
    enum h2_verdict verdict;
    double now;
    bool refuses;      /* on_begin */
    bool holds;        /* body bytes are not consumed */
    bool is_corrupted; /* a body byte was not of the pattern */
    struct message messages[MESSAGES_MAX];
    unsigned begun, requests, closed, settings, goaways, pongs;
    uint32_t goaway_last, goaway_code;
    /* What a server does with each request; may be NULL. */
    void (*answer)(struct message *message);
    /* What happens in on_read before anything is moved; may be NULL. */
    void (*reading)(struct message *message);
};

extern const struct h2_events end_events;

void end_open(struct end *end, enum h2_role role, const struct h2_settings *settings,
              struct chain_pool *pool);
void end_close(struct end *end);

/* The one message in use, or the index-th in the order of slots. */
struct message *end_message(struct end *end, unsigned index);

/* A slot for a request of a client. */
struct message *end_take(struct end *end);
struct h2_target end_target(struct message *message);

/* Sends a request with a body of that many bytes (0: none). NULL: none may be sent. */
struct message *end_request(struct end *end, const char *method, const char *path, uint64_t body);

/* Answers 200 with a body of that many bytes. */
void end_respond(struct message *message, uint64_t body);

/* Gives back what was held. */
void end_consume(struct message *message);

/* Resets the stream and frees the slot. */
void end_reset(struct message *message, uint32_t code);

/* Bytes between the two until nothing moves. */
void end_pump(struct end *a, struct end *b);

#endif
