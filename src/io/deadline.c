/* SPDX-License-Identifier: MIT */
/* Deadlines whose timers follow lazily. */
#include "io/deadline.h"

static void arm(struct deadline *deadline, double after)
{
    deadline->armed_at = loop_now(deadline->loop) + after;
    ev_timer_set(&deadline->timer, after, 0.);
    ev_timer_start(deadline->loop->ev, &deadline->timer);
}

static void on_timer(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct deadline *deadline = watcher->data;
    double left = deadline->at - loop_now(deadline->loop);

    (void)ev;
    (void)events;
    if (deadline->at == 0)
        return;
    if (left > DEADLINE_SLACK) {
        arm(deadline, left);
        return;
    }
    deadline->at = 0;
    deadline->on_expired(deadline);
}

void deadline_init(struct deadline *deadline, struct loop *loop,
                   void (*on_expired)(struct deadline *deadline))
{
    ev_timer_init(&deadline->timer, on_timer, 0., 0.);
    deadline->timer.data = deadline;
    deadline->loop = loop;
    deadline->at = 0;
    deadline->armed_at = 0;
    deadline->on_expired = on_expired;
}

void deadline_set(struct deadline *deadline, double seconds)
{
    if (seconds < 0)
        seconds = 0;
    deadline->at = loop_now(deadline->loop) + seconds;
    if (ev_is_active(&deadline->timer)) {
        if (deadline->armed_at <= deadline->at)
            return;
        ev_timer_stop(deadline->loop->ev, &deadline->timer);
    }
    arm(deadline, seconds);
}

void deadline_clear(struct deadline *deadline)
{
    deadline->at = 0;
}

bool deadline_is_set(const struct deadline *deadline)
{
    return deadline->at != 0;
}

void deadline_stop(struct deadline *deadline)
{
    deadline->at = 0;
    ev_timer_stop(deadline->loop->ev, &deadline->timer);
}
