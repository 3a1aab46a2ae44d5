/* SPDX-License-Identifier: MIT */
/* The data-plane process: its loop, its life from SETUP to the end of its drain. */
#include "worker/worker.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/signal_hold.h"
#include "ipc/cage.h"
#include "ipc/sealed.h"
#include "worker_internal.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* Seconds to finish what runs when the supervisor has gone before it said how many. */
#define ORPHAN_LIMIT 30.0
/* Seconds between looks for what idle tenants hold. */
#define TRIM_INTERVAL 60.0

void worker_stop(struct worker *worker, int status)
{
    worker->status |= status;
    loop_stop(&worker->loop);
}

/* ---- drain ---- */

/* Connections of listeners that were closed have a limit of their own, which may be over in the
 * same turn. */
static void tell_cut(struct worker *worker)
{
    if (worker->has_told_cut)
        return;
    worker->has_told_cut = true;
    log_notice("%u connections are cut: the time to drain is over",
               frontend_connections(worker->frontend) + frontend_cut(worker->frontend));
}

static void on_drained(void *owner)
{
    struct worker *worker = owner;

    if (frontend_cut(worker->frontend) > 0)
        tell_cut(worker);
    else
        log_info("the last connection is gone");
    worker_stop(worker, 0);
}

static void on_limit(struct deadline *deadline)
{
    struct worker *worker = CONTAINER_OF(deadline, struct worker, limit);

    tell_cut(worker);
    worker_stop(worker, 0);
}

void worker_drain(struct worker *worker, double seconds)
{
    double until = loop_now(&worker->loop) + seconds;

    if (worker->is_draining && until >= worker->drains_until)
        return;
    worker->drains_until = until;
    deadline_set(&worker->limit, seconds);
    if (worker->is_draining)
        return;
    worker->is_draining = true;
    log_info("draining: %u connections", frontend_connections(worker->frontend));
    frontend_drain(worker->frontend, seconds);
    backends_drain(worker->backends);
}

static void on_gone(void *owner, const char *reason)
{
    struct worker *worker = owner;

    ipc_channel_free(worker->channel);
    worker->channel = NULL;
    if (!worker->frontend) {
        worker_stop(worker, 0);
        return;
    }
    backends_forget_asked(worker->backends, ENOTCONN);
    if (!worker->is_draining) {
        log_notice("the supervisor is gone: %s", reason);
        worker_drain(worker, worker->orphan_limit);
    }
}

bool worker_make_room(struct worker *worker)
{
    return worker->frontend &&
           (backends_close_idle(worker->backends) || frontend_close_idle(worker->frontend));
}

static void on_short(void *owner, unsigned most)
{
    struct worker *worker = owner;

    for (unsigned i = 0; i < most && worker_make_room(worker); i++)
        worker->has_made_room = true;
}

/* ---- memory ---- */

static void on_settle(struct deadline *deadline)
{
    (void)deadline;
    malloc_trim(0);
}

static void on_trim(struct ev_loop *ev, ev_timer *watcher, int events)
{
    struct worker *worker = watcher->data;

    (void)ev;
    (void)events;
    frontend_trim(worker->frontend);
    chain_pool_trim(&worker->loop.buffers);
}

/* ---- start and end ---- */

static uint32_t descriptor_limit(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return 0;
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
            getrlimit(RLIMIT_NOFILE, &limit);
    }
    return limit.rlim_cur < UINT32_MAX ? (uint32_t)limit.rlim_cur : UINT32_MAX;
}

/* What there is no room for is counted here, and in the ring for who tells of it. */
static void write_line(void *owner, uint32_t destination, struct slice line)
{
    struct worker *worker = owner;

    if (!worker->ring || !ring_write(worker->ring, destination, line))
        metrics_add(metrics_gateway(&worker->figures), METRIC_ACCESS_LOG_DROPPED, 1);
}

static void on_worked(void *owner, double seconds)
{
    struct worker *worker = owner;

    metrics_observe(metrics_worker(&worker->figures, 0), METRIC_LOOP_TURN, seconds);
}

void worker_count(struct worker *worker)
{
    unsigned long dropped = log_dropped();

    metrics_add(metrics_gateway(&worker->figures), METRIC_LOG_DROPPED,
                dropped - worker->log_dropped);
    worker->log_dropped = dropped;
    metrics_set(metrics_worker(&worker->figures, 0), METRIC_DESCRIPTORS,
                frontend_descriptors(worker->frontend));
}

int worker_start(struct worker *worker, uint32_t column)
{
    struct frontend_config config = {.loop = &worker->loop,
                                     .log = {write_line, worker},
                                     .tally = worker->tally,
                                     .figures = &worker->figures,
                                     .column = column,
                                     .descriptors = descriptor_limit(),
                                     .on_listener_dead = messages_listener_dead,
                                     .on_drained = on_drained,
                                     .owner = worker};

    worker->column = column;
    worker->contexts = tls_contexts_new();
    if (!worker->contexts)
        return -1;
    worker->backends = backends_new(&worker->loop);
    backends_set_ask(worker->backends, worker_ask_sockets, worker);
    config.contexts = worker->contexts;
    config.backends = worker->backends;
    worker->frontend = frontend_new(&config);
    if (!worker->frontend) {
        log_error("epoll_create1: %s", strerror(errno));
        return -1;
    }
    metrics_set(metrics_worker(&worker->figures, 0), METRIC_DESCRIPTORS_ALLOWED,
                config.descriptors);
    worker_count(worker);
    loop_tell_work(&worker->loop, on_worked, worker);
    ev_timer_start(worker->loop.ev, &worker->trim);
    return 0;
}

static void on_term(int signal_number)
{
    (void)signal_number;
    _exit(0);
}

static void set_signals(void)
{
    cage_ignore_signals();
    signal(SIGTERM, on_term);
    signal_release_all();
}

static void init(struct worker *worker, int channel)
{
    static const struct ipc_events events = {
        .on_message = messages_take, .on_short = on_short, .on_gone = on_gone};

    loop_init(&worker->loop);
    loop_wait_by_itself(&worker->loop);
    deadline_init(&worker->limit, &worker->loop, on_limit);
    deadline_init(&worker->settle, &worker->loop, on_settle);
    ev_timer_init(&worker->trim, on_trim, TRIM_INTERVAL, TRIM_INTERVAL);
    worker->trim.data = worker;
    worker->channel = ipc_channel_new(
        &worker->loop, channel, (struct ipc_ends){ROLE_WORKER, ROLE_SUPERVISOR}, &events, worker);
}

static void destroy(struct worker *worker)
{
    frontend_free(worker->frontend);
    if (worker->backends)
        backends_free(worker->backends);
    deadline_stop(&worker->limit);
    deadline_stop(&worker->settle);
    ev_timer_stop(worker->loop.ev, &worker->trim);
    if (worker->channel)
        ipc_channel_free(worker->channel);
    loop_free(&worker->loop);
    if (worker->contexts)
        tls_contexts_free(worker->contexts);
    sealed_unmap(worker->authorities);
    if (worker->tally)
        tally_free(worker->tally);
    ring_unmap(worker->ring);
    descriptor_close(worker->wake);
    if (worker->figures.memory)
        munmap(worker->figures.memory, metrics_file_size(METRICS_OF_WORKER));
    log_set_sink(LOG_SINK_STDERR, STDERR_FILENO);
    descriptor_close(worker->log_fd);
}

int worker_main(int channel)
{
    struct worker worker = {.log_fd = -1, .wake = -1, .orphan_limit = ORPHAN_LIMIT};

    prctl(PR_SET_NAME, "nsgate-worker");
    log_set_role("worker");
    set_signals();
    init(&worker, channel);
    loop_run(&worker.loop);
    destroy(&worker);
    return worker.status;
}
