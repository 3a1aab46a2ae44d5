/* SPDX-License-Identifier: MIT */
/* Watches: what epoll tells is noted, queued at its share, and told again as asked. */
#include "io/watch.h"

#include <criterion/criterion.h>
#include <unistd.h>

struct reader {
    struct loop_watch watch;
    struct loop *loop;
    int pipe[2];
    uint32_t told;
    unsigned runs;
    bool again;
};

static void on_told(struct loop_task *task)
{
    struct reader *reader = (struct reader *)task;

    reader->told = watch_take(&reader->watch);
    reader->runs++;
    cr_assert_eq(reader->loop->current, reader->watch.share);
    if (reader->again)
        watch_again(&reader->watch);
}

static void start(struct reader *reader, struct loop *loop, uint32_t events)
{
    *reader = (struct reader){.watch = {.task = {.run = on_told}}, .loop = loop};
    cr_assert_eq(pipe(reader->pipe), 0);
    watch_start(&reader->watch, loop, reader->pipe[0], events);
}

static void stop(struct reader *reader)
{
    watch_stop(&reader->watch);
    watch_stop(&reader->watch);
    close(reader->pipe[0]);
    close(reader->pipe[1]);
}

static void turn(struct loop *loop)
{
    ev_run(loop->ev, EVRUN_NOWAIT);
}

static void put(const struct reader *reader)
{
    cr_assert_eq(write(reader->pipe[1], "x", 1), 1);
}

Test(watch, an_edge_is_told_once_a_level_as_long_as_it_lasts)
{
    struct loop loop;
    struct reader edge, level;

    loop_init(&loop);
    start(&edge, &loop, EPOLLIN | EPOLLET);
    start(&level, &loop, EPOLLIN);
    put(&edge);
    put(&level);
    for (unsigned i = 0; i < 3; i++)
        turn(&loop);
    cr_assert_eq(edge.told, EPOLLIN);
    cr_assert_eq(edge.runs, 1);
    cr_assert_geq(level.runs, 3);
    put(&edge);
    turn(&loop);
    cr_assert_eq(edge.runs, 2, "what is new is told again");
    stop(&edge);
    stop(&level);
    loop_free(&loop);
}

Test(watch, it_belongs_to_the_share_that_started_it)
{
    struct loop loop;
    struct reader reader;

    loop_init(&loop);
    struct loop_share *share = loop_share_new(&loop, 100);
    struct loop_share *before = loop_enter(&loop, share);
    start(&reader, &loop, EPOLLIN | EPOLLET);
    loop_leave(&loop, before);
    cr_assert_eq(reader.watch.share, share);
    put(&reader);
    turn(&loop);
    cr_assert_eq(reader.runs, 1);
    cr_assert_gt(loop_share_charged(share), 0);
    stop(&reader);
    loop_share_unref(share);
    loop_free(&loop);
}

Test(watch, what_is_told_and_then_stopped_does_not_run)
{
    struct loop loop;
    struct reader reader;

    loop_init(&loop);
    start(&reader, &loop, EPOLLIN | EPOLLET);
    put(&reader);
    watch_fetch(&loop, 0);
    int copy = dup(reader.pipe[0]); /* another process may have the socket, too */
    stop(&reader);
    turn(&loop);
    turn(&loop);
    cr_assert_eq(reader.runs, 0);
    close(copy);
    loop_free(&loop);
}

Test(watch, other_events_are_told_if_they_are_there)
{
    struct loop loop;
    struct reader writer = {.watch = {.task = {.run = on_told}}, .loop = &loop};

    loop_init(&loop);
    cr_assert_eq(pipe(writer.pipe), 0);
    watch_start(&writer.watch, &loop, writer.pipe[1], EPOLLIN | EPOLLET);
    turn(&loop);
    cr_assert_eq(writer.runs, 0);
    watch_change(&writer.watch, EPOLLOUT | EPOLLET);
    turn(&loop);
    cr_assert_eq(writer.told, EPOLLOUT);
    watch_change(&writer.watch, EPOLLOUT | EPOLLET);
    turn(&loop);
    cr_assert_eq(writer.runs, 1, "the same ones are no news");
    stop(&writer);
    loop_free(&loop);
}

Test(watch, again_is_behind_the_others)
{
    struct loop loop;
    struct reader greedy, other;

    loop_init(&loop);
    start(&greedy, &loop, EPOLLIN | EPOLLET);
    start(&other, &loop, EPOLLIN | EPOLLET);
    greedy.again = true;
    put(&greedy);
    put(&other);
    turn(&loop);
    cr_assert_eq(other.runs, 1);
    cr_assert_geq(greedy.runs, 2);
    stop(&greedy);
    stop(&other);
    loop_free(&loop);
}

Test(watch, more_than_one_fetch_takes)
{
    static struct reader readers[600];
    struct loop loop;

    loop_init(&loop);
    for (unsigned i = 0; i < 400; i++) {
        start(&readers[i], &loop, EPOLLIN | EPOLLET);
        put(&readers[i]);
    }
    watch_fetch(&loop, 0);
    for (unsigned i = 0; i < 400; i++)
        cr_assert_eq(readers[i].watch.task.place, LOOP_READY);
    for (unsigned i = 0; i < 400; i++)
        stop(&readers[i]);
    loop_free(&loop);
}
