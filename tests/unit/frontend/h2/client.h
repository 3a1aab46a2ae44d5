/* SPDX-License-Identifier: MIT */
/* An HTTP/2 client over a real socket, in the rig's loop. */
#ifndef TESTS_FRONTEND_H2_CLIENT_H
#define TESTS_FRONTEND_H2_CLIENT_H

#include "frontend/rig.h"
#include "h2/session.h"

struct h2_client {
    struct rig *rig;
    int fd;
    struct h2_session *session;
    struct chain_pool pool;
    struct chain out;
    unsigned settings, goaways;
    uint32_t last[4]; /* stream that each GOAWAY names */
    bool ended;       /* the gateway has ended the connection */
    bool is_deaf;     /* consumes nothing: windows stay shut */
};

/* One request and what became of it. */
struct h2_ask {
    struct h2_client *client;
    struct h2_stream *handle; /* NULL: closed */
    struct arena arena;
    struct http_request request;
    struct http_response response;
    struct http_fields trailers;
    const char *upload; /* what is left to send; NULL: wait */
    size_t upload_len;
    bool upload_ends;
    int statuses[4];
    unsigned heads;
    char body[256]; /* its beginning */
    size_t size;
    bool ended, closed;
    bool is_deaf; /* this one alone */
    struct h2_closing closing;
};

/* Speaks by prior knowledge; returns once the gateway's SETTINGS are here. */
void h2_client_open(struct h2_client *client, struct rig *rig);
void h2_client_close(struct h2_client *client);
/* One turn of everything. */
void h2_client_turn(struct h2_client *client);

#define h2_until(client, condition)                                                                \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 8000, "waited in vain for " #condition);                          \
            h2_client_turn(client);                                                                \
        }                                                                                          \
    } while (0)

/* Prepares a request; fields may be added before it is sent. */
void h2_ask_init(struct h2_ask *ask, const char *method, const char *path);
/* ends: without a body; else upload tells. */
void h2_ask_send(struct h2_ask *ask, struct h2_client *client, bool ends);
/* More of the body; of static lifetime. */
void h2_ask_upload(struct h2_ask *ask, const char *data, size_t len, bool ends);
void h2_ask_free(struct h2_ask *ask);
/* The end of a test: frees it, closes its client, that connection of the server, and the rig. */
void h2_ask_finish(struct h2_ask *ask, int back);

/* All in one: the status of a GET without fields. */
int h2_ask_simply(struct h2_client *client, const char *path);

#endif
