/* SPDX-License-Identifier: MIT */
/* A peer that writes frames by hand, against a session: what it is answered is counted. */
#ifndef TESTS_H2_RAW_H
#define TESTS_H2_RAW_H

#include "end.h"

#include <nghttp2/nghttp2.h>

#define RAW_STREAMS 131072

struct raw {
    struct end end; /* the session under test */
    nghttp2_hd_deflater *deflater;
    nghttp2_hd_inflater *inflater;
    struct chain bytes;   /* built and not sent */
    unsigned frames[256]; /* that came back, by type */
    unsigned goaways;     /* of them with an error */
    uint32_t goaway_code; /* of the last */
    uint32_t goaway_last; /* its last stream */
    uint32_t resets;      /* RST_STREAM, until the first GOAWAY with an error */
    uint32_t reset_code[RAW_STREAMS];
    bool is_reset[RAW_STREAMS];
    bool is_ended[RAW_STREAMS];
    unsigned data_bytes;
    char head[8192]; /* "name: value\n" of the last HEADERS */
};

/* With the preface and SETTINGS sent, those of the session not acknowledged. */
void raw_begin(struct raw *raw, enum h2_role role, const struct h2_settings *settings,
               struct chain_pool *pool);
/* With SETTINGS of either side acknowledged. */
void raw_open(struct raw *raw, enum h2_role role, const struct h2_settings *settings,
              struct chain_pool *pool);
void raw_close(struct raw *raw);

void raw_bytes(struct raw *raw, const void *data, size_t len);
void raw_frame(struct raw *raw, uint8_t type, uint8_t flags, int32_t id, const void *payload,
               size_t len);
/* A frame of 4 bytes of payload: WINDOW_UPDATE, RST_STREAM. */
void raw_frame_u32(struct raw *raw, uint8_t type, int32_t id, uint32_t value);
/* Name and value in turn, NULL at the end; END_HEADERS is added to flags. */
void raw_headers(struct raw *raw, uint8_t flags, int32_t id, ...);
/* A valid GET that ends, or a POST that does not. */
void raw_get(struct raw *raw, int32_t id);
void raw_post(struct raw *raw, int32_t id);

/* Gives what was built to the session, and reads what it writes. */
void raw_send(struct raw *raw);
/* Gives it without reading anything. */
void raw_send_only(struct raw *raw);

#endif
