/* SPDX-License-Identifier: MIT */
/* Whose turn it is: the queues of shares, and the pieces in which they are served. */
#include "base/container_of.h"
#include "base/memory.h"
#include "loop_internal.h"

#include <assert.h>
#include <stdlib.h>

/* A piece: so long for what became ready, and the same again for the tasks that it caused. At least
 * one of each is served, whatever it takes. */
#define PIECE_HALF 0.000125
/* A piece that took so long is looked at: it was preempted, or could not be cut. */
#define SUSPICIOUS 0.0003
/* After so much work sockets are asked again. */
#define TURN_SECONDS 0.001
/* Graves that are filled without a look at the clock. */
#define GRAVES_FREE 16
/* How often a task may run once the loop has ended. */
#define ROUNDS_AT_END 64

/* ---- shares ---- */

void loop_share_init(struct loop_share *share, struct loop *loop, uint32_t weight)
{
    share_init(&share->share, weight);
    share->loop = loop;
    TAILQ_INIT(&share->ready);
    TAILQ_INIT(&share->tasks);
    TAILQ_INIT(&share->graves);
    share->account = NULL;
    share->gate = NULL;
    share->references = 1;
}

struct loop_share *loop_share_new(struct loop *loop, uint32_t weight)
{
    struct loop_share *share = memory_alloc(sizeof(*share));

    loop_share_init(share, loop, weight);
    TAILQ_INSERT_TAIL(&loop->others, share, others);
    share->account = account_new();
    return share;
}

struct loop_share *loop_share_ref(struct loop_share *share)
{
    share->references++;
    return share;
}

/* What runs from now on is the share's, and so is the memory that it takes. */
static void set_current(struct loop *loop, struct loop_share *share)
{
    loop->current = share;
    loop->buffers.account = share->account;
}

/* Graves of this piece stay behind all tasks that it leaves. The older ones know theirs. */
static void date_graves(struct loop_share *share)
{
    struct loop_task *grave;

    TAILQ_FOREACH_REVERSE(grave, &share->graves, loop_tasks, next)
    {
        if (grave->serial > 0)
            return;
        grave->serial = share->loop->serial;
    }
}

/* What outlives its share is done all the same. */
static void leave_to(struct loop_tasks *from, struct loop_share *heir, struct loop_tasks *to)
{
    struct loop_task *task;

    TAILQ_FOREACH (task, from, next)
        task->share = heir;
    TAILQ_CONCAT(to, from, next);
}

/* Each in its place by age among the heir's. */
static void leave_graves_to(struct loop_share *share, struct loop_share *heir)
{
    struct loop_task *grave;

    if (TAILQ_EMPTY(&share->graves))
        return;
    date_graves(share);
    date_graves(heir);
    leave_to(&share->graves, heir, &heir->graves);
    TAILQ_INIT(&heir->graves);
    TAILQ_FOREACH (grave, &heir->loop->graves_by_age, by_age) {
        if (grave->share == heir)
            TAILQ_INSERT_TAIL(&heir->graves, grave, next);
    }
}

void loop_share_unref(struct loop_share *share)
{
    if (!share || --share->references > 0)
        return;
    if (share->gate)
        share->gate_free(share->gate);
    leave_to(&share->ready, &share->loop->own, &share->loop->own.ready);
    leave_to(&share->tasks, &share->loop->own, &share->loop->own.tasks);
    leave_graves_to(share, &share->loop->own);
    TAILQ_REMOVE(&share->loop->others, share, others);
    share_forget(&share->loop->shares, &share->share);
    if (share->loop->current == share)
        set_current(share->loop, &share->loop->own);
    account_leave(share->account);
    free(share);
}

void loop_share_set_weight(struct loop_share *share, uint32_t weight)
{
    assert(weight > 0);
    share->share.weight = weight;
}

double loop_share_charged(const struct loop_share *share)
{
    return share->share.charged;
}

struct loop_share *loop_enter(struct loop *loop, struct loop_share *share)
{
    struct loop_share *before = loop->current;

    set_current(loop, share);
    return before;
}

void loop_leave(struct loop *loop, struct loop_share *before)
{
    set_current(loop, before);
}

bool loop_should_yield(const struct loop *loop)
{
    return loop_clock() >= loop->piece_end;
}

/* ---- queues ---- */

/* A grave that neither a task nor a grave that may need it was queued before. */
static struct loop_task *next_grave(const struct loop_share *share)
{
    const struct loop *loop = share->loop;
    bool is_own = share == &loop->own;
    struct loop_task *grave = TAILQ_FIRST(&share->graves);
    struct loop_task *oldest = TAILQ_FIRST(is_own ? &loop->by_age : &share->tasks);

    if (is_own && grave != TAILQ_FIRST(&loop->graves_by_age))
        return NULL;
    return grave && (!oldest || grave->serial < oldest->serial) ? grave : NULL;
}

static bool has_work(const struct loop_share *share)
{
    return !TAILQ_EMPTY(&share->ready) || !TAILQ_EMPTY(&share->tasks) || next_grave(share);
}

static void enqueue(struct loop_share *share, struct loop_task *task)
{
    task->share = share;
    /* Its place among the others is known once its piece has been charged. */
    if (share != &share->loop->own && share != share->loop->served)
        share_ready(&share->loop->shares, &share->share);
}

void loop_ready(struct loop_share *share, struct loop_task *task)
{
    if (task->place != LOOP_NOWHERE)
        return;
    task->place = LOOP_READY;
    TAILQ_INSERT_TAIL(&share->ready, task, next);
    enqueue(share, task);
}

void loop_defer(struct loop *loop, struct loop_task *task)
{
    if (task->place != LOOP_NOWHERE)
        return;
    task->place = LOOP_TASK;
    task->serial = ++loop->serial;
    TAILQ_INSERT_TAIL(&loop->current->tasks, task, next);
    TAILQ_INSERT_TAIL(&loop->by_age, task, by_age);
    enqueue(loop->current, task);
}

void loop_bury(struct loop *loop, struct loop_task *task)
{
    if (task->place != LOOP_NOWHERE)
        return;
    task->place = LOOP_GRAVE;
    task->serial = 0;
    TAILQ_INSERT_TAIL(&loop->current->graves, task, next);
    TAILQ_INSERT_TAIL(&loop->graves_by_age, task, by_age);
    enqueue(loop->current, task);
}

void loop_cancel(struct loop *loop, struct loop_task *task)
{
    if (task->place == LOOP_READY) {
        TAILQ_REMOVE(&task->share->ready, task, next);
    } else if (task->place == LOOP_TASK) {
        TAILQ_REMOVE(&task->share->tasks, task, next);
        TAILQ_REMOVE(&loop->by_age, task, by_age);
    } else if (task->place == LOOP_GRAVE) {
        TAILQ_REMOVE(&task->share->graves, task, next);
        TAILQ_REMOVE(&loop->graves_by_age, task, by_age);
    }
    task->place = LOOP_NOWHERE;
}

static void run(struct loop *loop, struct loop_task *task)
{
    loop_cancel(loop, task);
    task->run(task);
}

/* ---- pieces ---- */

static double fill_graves(struct loop_share *share, double now)
{
    double end = now + PIECE_HALF;
    struct loop_task *grave;

    date_graves(share);
    for (unsigned done = 1; (grave = next_grave(share)); done++) {
        run(share->loop, grave);
        if ((done % GRAVES_FREE == 0 || !next_grave(share)) && (now = loop_clock()) >= end)
            break;
    }
    return now;
}

/* What comes in the meantime is served too, as long as there is time. */
static double run_some(struct loop *loop, struct loop_tasks *queue, double now)
{
    struct loop_task *task;

    loop->piece_end = now + PIECE_HALF;
    while ((task = TAILQ_FIRST(queue))) {
        run(loop, task);
        now = loop_clock();
        if (now >= loop->piece_end)
            break;
    }
    return now;
}

/* What a piece has cost. One that took long may have been preempted: while others wait, it is told
 * by the CPU time, as far as that is not of the pieces since it was last looked at. */
static double cost(struct loop *loop, double took)
{
    double cpu, spent;

    if (took < SUSPICIOUS || share_queue_is_empty(&loop->shares)) {
        loop->cpu_believed += took;
        return took;
    }
    cpu = clocks_cpu();
    spent = cpu - loop->cpu_seen - loop->cpu_believed;
    loop->cpu_seen = cpu;
    loop->cpu_believed = 0;
    if (spent > took)
        return took;
    return spent > PIECE_HALF ? spent : PIECE_HALF;
}

/* Returns when it ended. */
static double run_piece(struct loop_share *share, double begun)
{
    struct loop *loop = share->loop;
    double now = begun;

    set_current(loop, share);
    loop->served = share;
    share->references++;
    now = run_some(loop, &share->ready, now);
    now = run_some(loop, &share->tasks, now);
    now = fill_graves(share, now);
    set_current(loop, &loop->own);
    loop->served = NULL;
    share_charge(&share->share, cost(loop, now - begun));
    if (share != &loop->own && has_work(share))
        share_ready(&loop->shares, &share->share);
    loop_share_unref(share);
    return now;
}

bool loop_has_work(const struct loop *loop)
{
    return has_work(&loop->own) || !share_queue_is_empty(&loop->shares);
}

void loop_work(struct loop *loop)
{
    double begun = loop_clock(), now = begun;
    double end = begun + TURN_SECONDS;

    while (now < end && loop_has_work(loop)) {
        struct share *next;

        if (has_work(&loop->own))
            now = run_piece(&loop->own, now);
        next = share_next(&loop->shares);
        if (next)
            now = run_piece(CONTAINER_OF(next, struct loop_share, share), now);
    }
    if (loop->on_worked && now > begun)
        loop->on_worked(loop->work_owner, now - begun);
}

static void finish_tasks(struct loop *loop)
{
    uint64_t last = loop->serial;
    struct loop_task *task;

    while ((task = TAILQ_FIRST(&loop->by_age)) && task->serial <= last) {
        set_current(loop, task->share);
        run(loop, task);
        set_current(loop, &loop->own);
    }
}

static void finish_graves(struct loop_share *share)
{
    struct loop_task *grave;

    date_graves(share);
    while ((grave = next_grave(share)))
        run(share->loop, grave);
}

void loop_finish(struct loop *loop)
{
    for (unsigned round = 0; round < ROUNDS_AT_END; round++) {
        struct loop_share *share, *next;

        finish_tasks(loop);
        for (share = TAILQ_FIRST(&loop->others); share; share = next) {
            loop_share_ref(share);
            finish_graves(share);
            next = TAILQ_NEXT(share, others);
            loop_share_unref(share);
        }
        /* Last: its graves are behind the older ones of others. */
        finish_graves(&loop->own);
    }
}
