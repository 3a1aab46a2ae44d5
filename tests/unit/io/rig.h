/* SPDX-License-Identifier: MIT */
/* A loop, a stream under test on one end of a connection, and a plain socket on the other. */
#ifndef TEST_IO_RIG_H
#define TEST_IO_RIG_H

#include "io/stream.h"

struct rig {
    struct loop loop;
    struct stream *stream;
    struct chain in; /* what the stream read */
    int peer;        /* non-blocking; -1 once closed */
    int opened, readable, drained;
    enum error failed; /* ERROR_NONE: not */
    int failed_errno;  /* stream_errno then */
    enum error ended;  /* what stream_read ended with */
    bool keeps_away;   /* on_readable does not read */
    bool reads_on_failure;
    size_t limit; /* of one read */
};

extern const struct stream_events rig_events;

/* A connected pair of TCP sockets on the loopback device. */
void rig_tcp_pair(int *ours, int *peer);

/* With a plain stream on a TCP pair. */
void rig_start(struct rig *rig);
void rig_stop(struct rig *rig);

/* One turn that does not sleep. */
void rig_turn(struct rig *rig);

/* Turns until the condition holds; the test fails after five seconds. */
#define rig_until(rig, condition)                                                                  \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 5000, "waited in vain for " #condition);                          \
            rig_turn(rig);                                                                         \
        }                                                                                          \
    } while (0)

void rig_write(struct rig *rig, const char *data, size_t len);

/* Bytes read from the peer's socket: a count, 0 at the end, -1 for none now. */
long rig_take(struct rig *rig, char *data, size_t size);
void rig_send(struct rig *rig, const void *data, size_t len);

#endif
