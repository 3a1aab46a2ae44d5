/* SPDX-License-Identifier: MIT */
/* Watched descriptors: the loop's epoll set, and how its events are queued at their shares. */
#include "io/watch.h"

#include "base/log.h"

#include <errno.h>

/* Events that one epoll_wait(2) fetches, and how many times in a row: what is left comes with the
 * next turn, a millisecond later. */
#define BATCH  256
#define ROUNDS 16

static void control(struct loop_watch *watch, int operation)
{
    struct epoll_event event = {.events = watch->wanted, .data.ptr = watch};

    if (epoll_ctl(watch->loop->set, operation, watch->fd, &event) < 0)
        log_error("descriptor %d: epoll_ctl: %s", watch->fd, strerror(errno));
}

void watch_start(struct loop_watch *watch, struct loop *loop, int fd, uint32_t events)
{
    watch->loop = loop;
    watch->share = loop->current;
    watch->wanted = events;
    watch->told = 0;
    watch->fd = fd;
    control(watch, EPOLL_CTL_ADD);
}

void watch_change(struct loop_watch *watch, uint32_t events)
{
    if (watch->wanted == events)
        return;
    watch->wanted = events;
    control(watch, EPOLL_CTL_MOD);
}

void watch_stop(struct loop_watch *watch)
{
    if (!watch->loop || watch->fd < 0)
        return;
    control(watch, EPOLL_CTL_DEL);
    loop_cancel(watch->loop, &watch->task);
    watch->fd = -1;
}

void watch_again(struct loop_watch *watch)
{
    loop_ready(watch->share, &watch->task);
}

void watch_fetch(struct loop *loop, int milliseconds)
{
    struct epoll_event events[BATCH];

    for (unsigned round = 0; round < ROUNDS; round++) {
        int count = epoll_wait(loop->set, events, BATCH, round == 0 ? milliseconds : 0);

        for (int i = 0; i < count; i++) {
            struct loop_watch *watch = events[i].data.ptr;

            watch->told |= events[i].events;
            loop_ready(watch->share, &watch->task);
        }
        if (count < BATCH)
            return;
    }
}
