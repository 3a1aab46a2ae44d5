/* SPDX-License-Identifier: MIT */
/* A real worker process, and the test as its supervisor. */
#ifndef TESTS_WORKER_RIG_H
#define TESTS_WORKER_RIG_H

#include "base/log.h"
#include "ipc/body.h"
#include "ipc/channel.h"
#include "ipc/tally.h"
#include "shared/figures.h"

#include <criterion/criterion.h>
#include <sys/types.h>

/* The serial of every listener. */
#define RIG_LISTENER UINT64_MAX

struct rig {
    struct loop loop;
    struct ipc_channel *channel;
    struct tally *tally;
    pid_t pid;
    bool is_gone;
    bool moves;                  /* what TENANT_REMOVE says */
    struct slice cells;          /* what TENANT says; empty: none */
    int cells_fd;                /* what comes with it; 0: nothing */
    struct slice logs;           /* what TENANT says */
    unsigned ready, dead, asked; /* READY, LISTENER_DEAD, SOCKETS_ASK */
    uint64_t working;            /* the last serial */
    uint64_t committed;          /* the same */
    unsigned taken, lacked;      /* listeners */
    int lack;                    /* errno of the last lacked one */
    uint64_t pong;               /* the last number */
    uint32_t dead_error;
    struct metrics_file figures; /* what it counts */
    ev_timer tick;
    uint16_t port;
    int listener; /* a duplicate of the last one that was sent */
    char text[4096];
};

/* Whose figures the tenant's are. */
#define RIG_NUMBER (7 * METRICS_TENANTS + 5)

#define RIG_ADDRESS "127.0.0.1:8080"

void rig_start(struct rig *rig);
void rig_setup(struct rig *rig);
void rig_send_tenant(struct rig *rig, uint64_t serial, const char *server);
void rig_send_raw_tenant(struct rig *rig, uint64_t serial, struct slice blob);
void rig_send_listener(struct rig *rig);
void rig_send_remove(struct rig *rig, const char *tenant);
/* Of RIG_ADDRESS, without a limit. */
void rig_send_close(struct rig *rig, const char *tenant);
void rig_send_u32(struct rig *rig, enum ipc_message message, uint32_t value);
void rig_send_drain(struct rig *rig, uint32_t milliseconds, bool when_alone);

void rig_turn(struct rig *rig);
#define rig_until(rig, condition)                                                                  \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 5000, "waited in vain for " #condition);                          \
            rig_turn(rig);                                                                         \
        }                                                                                          \
    } while (0)

/* Connects, sends a GET, and reads until the text has come; the connection stays open. */
int rig_get(struct rig *rig, const char *text);
/* The same over a connection that is there. */
void rig_ask(struct rig *rig, int fd, const char *text);

/* Waits for the process's end: its exit status, or -1 when a signal ended it. */
int rig_end(struct rig *rig);

#endif
