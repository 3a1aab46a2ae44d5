/* SPDX-License-Identifier: MIT */
/* What a test is set up with: a session, and a peer that writes frames by hand and counts what it
 * is answered; or two sessions that talk. */
#ifndef TESTS_H2_RIG_H
#define TESTS_H2_RIG_H

#include "end.h"

#include <nghttp2/nghttp2.h>

#define RIG_STREAMS 131072

struct rig {
    struct end end; /* the session under test */
    nghttp2_hd_deflater *deflater;
    nghttp2_hd_inflater *inflater;
    struct chain bytes;   /* built and not sent */
    unsigned frames[256]; /* that came back, by type */
    unsigned goaways;     /* of them with an error */
    uint32_t goaway_code; /* of the last */
    uint32_t goaway_last; /* its last stream */
    uint32_t resets;      /* RST_STREAM, until the first GOAWAY with an error */
    uint32_t reset_code[RIG_STREAMS];
    bool is_reset[RIG_STREAMS];
    bool is_ended[RIG_STREAMS];
    unsigned data_bytes;
    char head[8192]; /* "name: value\n" of the last HEADERS */
};

/* With the preface and SETTINGS sent, those of the session not acknowledged. */
void rig_begin(enum h2_role role, const struct h2_settings *settings);
/* With SETTINGS of either side acknowledged. */
void rig_open(enum h2_role role, const struct h2_settings *settings);
void rig_close(void);

void rig_bytes(const void *data, size_t len);
void rig_frame(uint8_t type, uint8_t flags, int32_t id, const void *payload, size_t len);
/* A frame of 4 bytes of payload: WINDOW_UPDATE, RST_STREAM. */
void rig_frame_u32(uint8_t type, int32_t id, uint32_t value);
/* Name and value in turn, NULL at the end; END_HEADERS is added to flags. */
void rig_headers(uint8_t flags, int32_t id, ...);
/* A valid GET that ends, or a POST that does not. */
void rig_get(int32_t id);
void rig_post(int32_t id);

/* Gives what was built to the session, and reads what it writes. */
void rig_send(void);
/* Gives it without reading anything. */
void rig_send_only(void);

/* ---- a session under test that is a server ---- */

/* Asks it, and returns the request as it has it. */
struct message *rig_ask(const char *method, int32_t id);
/* It answers: with a body of that length where the status is 200. */
void rig_send_status(struct message *message, int status, int64_t length);
void rig_add(struct http_fields *fields, const char *name, const char *value);
/* Whether the last head has the line. */
bool rig_has_line(const char *line);

#define rig_assert_line(line)    cr_expect(rig_has_line(line "\n"), "%s in\n%s", line, rig.head)
#define rig_assert_no_line(line) cr_expect_not(rig_has_line(line), "%s in\n%s", line, rig.head)

/* ---- for .init and .fini ---- */

extern struct chain_pool pool; /* of all of them; at the end every buffer is back */
extern struct rig rig;
extern struct end client, server; /* the two that talk */

void rig_start_server(void); /* the session under test is one */
void rig_start_client(void);
void rig_stop(void);

void rig_start_pair(void);
void rig_stop_pair(void);

#endif
