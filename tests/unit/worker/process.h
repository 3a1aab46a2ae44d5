/* SPDX-License-Identifier: MIT */
/* A real worker process, and the test as its supervisor. */
#ifndef TESTS_WORKER_PROCESS_H
#define TESTS_WORKER_PROCESS_H

#include "base/log.h"
#include "ipc/body.h"
#include "ipc/channel.h"
#include "ipc/tally.h"

#include <criterion/criterion.h>
#include <sys/types.h>

/* The serial of every listener. */
#define PROCESS_LISTENER UINT64_MAX

struct process {
    struct loop loop;
    struct ipc_channel *channel;
    struct tally *tally;
    pid_t pid;
    bool is_gone;
    bool moves;                  /* what TENANT_REMOVE says */
    unsigned ready, dead, asked; /* READY, LISTENER_DEAD, SOCKETS_ASK */
    uint64_t working;            /* the last serial */
    uint64_t committed;          /* the same */
    unsigned taken, lacked;      /* listeners */
    int lack;                    /* errno of the last lacked one */
    uint64_t pong;               /* the last number */
    uint32_t dead_error;
    uint64_t figures;   /* the last serial; its blob is in text */
    size_t figures_len; /* bytes */
    ev_timer tick;
    uint16_t port;
    int listener; /* a duplicate of the last one that was sent */
    char text[4096];
};

#define PROCESS_ADDRESS "127.0.0.1:8080"

void process_start(struct process *process);
void process_setup(struct process *process);
void process_send_tenant(struct process *process, uint64_t serial, const char *server);
void process_send_raw_tenant(struct process *process, uint64_t serial, struct slice blob);
void process_send_listener(struct process *process);
void process_send_named(struct process *process, enum ipc_message message, const char *tenant,
                        const char *address);
void process_send_u32(struct process *process, enum ipc_message message, uint32_t value);
void process_send_drain(struct process *process, uint32_t milliseconds, bool when_alone);

void process_turn(struct process *process);
#define process_until(process, condition)                                                          \
    do {                                                                                           \
        for (int turns_ = 0; !(condition); turns_++) {                                             \
            cr_assert_lt(turns_, 5000, "waited in vain for " #condition);                          \
            process_turn(process);                                                                 \
        }                                                                                          \
    } while (0)

/* Connects, sends a GET, and reads until the text has come; the connection stays open. */
int process_get(struct process *process, const char *text);
/* The same over a connection that is there. */
void process_ask(struct process *process, int fd, const char *text);

/* Waits for the process's end: its exit status, or -1 when a signal ended it. */
int process_end(struct process *process);

#endif
