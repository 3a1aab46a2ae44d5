/* SPDX-License-Identifier: MIT */
/* Descriptors that a loop watches for a share. What epoll tells of one is noted in the watch, which
 * is queued at its share; its task runs when it is the share's turn. */
#ifndef IO_WATCH_H
#define IO_WATCH_H

#include "io/loop.h"

#include <sys/epoll.h>

/* Embedded by its owner, who fills task.run. Zeroed otherwise. */
struct loop_watch {
    struct loop_task task;
    struct loop_share *share;
    struct loop *loop;
    uint32_t wanted; /* as epoll_ctl(2) was told */
    uint32_t told;   /* events since the task last ran; who runs takes them (watch_take) */
    int fd;          /* -1: not watched */
};

/* Watches fd for the share at work; events as in epoll_ctl(2). With EPOLLET whoever leaves
 * something unread must remember that: see watch_again. Without it the task comes again by itself.
 */
void watch_start(struct loop_watch *watch, struct loop *loop, int fd, uint32_t events);

/* Other events, which are told anew if they are there. */
void watch_change(struct loop_watch *watch, uint32_t events);

/* Before fd is closed: another process may hold the socket, too, and then closing does not end it.
 * Takes the task out of its queue. Harmless when not watched. */
void watch_stop(struct loop_watch *watch);

/* What was told since it was last asked. */
static inline uint32_t watch_take(struct loop_watch *watch)
{
    uint32_t told = watch->told;

    watch->told = 0;
    return told;
}

/* Queues the task behind the others of its share, as if something had been told. */
void watch_again(struct loop_watch *watch);

/* ---- for the loop ---- */

/* Notes and queues what is ready, having waited for it at most that many milliseconds. */
void watch_fetch(struct loop *loop, int milliseconds);

#endif
