/* SPDX-License-Identifier: MIT */
/* The old binary's side of an upgrade: a quiet moment, the trial, the state, execve(2). */
#include "upgrade/upgrade.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"
#include "ipc/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#define UPGRADE_TRIAL    30.0 /* seconds for the candidate */
#define UPGRADE_PATIENCE 60.0 /* seconds in which all must become quiet before it */
#define UPGRADE_REST     30.0 /* the same behind it */
#define UPGRADE_TRIES    5    /* trials, when a reload changes something during each */
#define UPGRADE_TELL     1.0  /* seconds of waiting for one thing until that is told */

static void upgrade_refuse(struct upgrade *upgrade, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void upgrade_refuse(struct upgrade *upgrade, const char *format, ...)
{
    char why[CANDIDATE_TEXT + 128];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    log_error("upgrade refused: %s: %s", upgrade->binary ? upgrade->binary : "nsgate", why);
    upgrade_abandon(upgrade);
    upgrade->events->refused(upgrade->owner, why);
}

/* ---- the state ---- */

struct upgrade_snapshot {
    struct state state;
    struct wire_writer settings;
};

/* What is in force, as of now. */
static void upgrade_gather(const struct upgrade *upgrade, struct upgrade_snapshot *now)
{
    wire_writer_init(&now->settings);
    upgrade->events->gather(upgrade->owner, &now->state, &now->settings);
    now->state.settings = wire_written(&now->settings);
}

/* A sealed memfd, or -1 with errno. */
static int upgrade_save(const struct upgrade *upgrade, const struct state *state)
{
    struct wire_writer bytes;
    int fd;

    wire_writer_init(&bytes);
    state_encode(&bytes, state);
    upgrade->events->put_rest(upgrade->owner, &bytes);
    fd = sealed_new("nsgate-state", wire_written(&bytes));
    wire_writer_free(&bytes); /* free(3) leaves errno alone */
    return fd;
}

/* ---- the trial ---- */

static void upgrade_look_again(struct upgrade *upgrade, double seconds)
{
    ev_timer_stop(upgrade->loop->ev, &upgrade->tick);
    ev_timer_set(&upgrade->tick, seconds, 0.);
    ev_timer_start(upgrade->loop->ev, &upgrade->tick);
}

static void upgrade_on_verdict(void *owner, const char *why)
{
    struct upgrade *upgrade = owner;

    if (why) {
        upgrade_refuse(upgrade, "%s", why);
        return;
    }
    upgrade->state = UPGRADE_DUE;
    upgrade->begun = loop_now(upgrade->loop);
    upgrade_look_again(upgrade, 0.);
}

static void upgrade_note(struct upgrade *upgrade, struct upgrade_snapshot *now)
{
    upgrade->tries++;
    upgrade->tried_reload = now->state.reload;
    wire_writer_free(&upgrade->tried_settings);
    upgrade->tried_settings = now->settings;
    wire_writer_init(&now->settings);
}

static void upgrade_try(struct upgrade *upgrade)
{
    struct upgrade_snapshot now;
    int fd;

    if (stat(upgrade->binary, &upgrade->tried) < 0) {
        upgrade_refuse(upgrade, "%s", strerror(errno));
        return;
    }
    log_info("upgrade: trying %s", upgrade->binary);
    upgrade_gather(upgrade, &now);
    fd = upgrade_save(upgrade, &now.state);
    upgrade_note(upgrade, &now);
    wire_writer_free(&now.settings);
    if (fd < 0 || candidate_start(&upgrade->candidate, upgrade->binary, fd, UPGRADE_TRIAL) < 0)
        upgrade_refuse(upgrade, "cannot try it: %s", strerror(errno));
    else
        upgrade->state = UPGRADE_TRYING;
    descriptor_close(fd);
}

/* ---- taking over ---- */

static void upgrade_keep(int *fd, void *context)
{
    (void)context;
    fcntl(*fd, F_SETFD, 0);
}

static void upgrade_keep_no_more(int *fd, void *context)
{
    (void)context;
    fcntl(*fd, F_SETFD, FD_CLOEXEC);
}

static void upgrade_each_descriptor(const struct upgrade *upgrade, struct state *state,
                                    void (*act)(int *fd, void *context))
{
    state_each_descriptor(state, act, NULL);
    upgrade->events->each_descriptor(upgrade->owner, act, NULL);
}

/* Returns only when it fails, with errno. */
static void upgrade_execute(const struct upgrade *upgrade, struct state *state, int fd)
{
    char *config = memory_slice_text(state->config);
    char number[16];
    char *const arguments[] = {
        (char *)"nsgate", (char *)"-c", config, (char *)UPGRADE_RESUME_ARGUMENT, number, NULL};
    int saved;

    snprintf(number, sizeof(number), "%d", fd);
    upgrade_each_descriptor(upgrade, state, upgrade_keep);
    fcntl(fd, F_SETFD, 0);
    execv(upgrade->binary, arguments);
    saved = errno;
    upgrade_each_descriptor(upgrade, state, upgrade_keep_no_more);
    free(config);
    errno = saved;
}

static bool upgrade_is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void upgrade_take_over(struct upgrade *upgrade)
{
    struct upgrade_snapshot now;
    struct stat file;
    int error;
    int fd;

    if (stat(upgrade->binary, &file) < 0 || !upgrade_is_same_file(&upgrade->tried, &file)) {
        upgrade_refuse(upgrade, "it is not the file any more that was tried");
        return;
    }
    upgrade_gather(upgrade, &now);
    fd = upgrade_save(upgrade, &now.state);
    if (fd >= 0) {
        log_notice("upgrade: %s takes over", upgrade->binary);
        upgrade_execute(upgrade, &now.state, fd);
    }
    error = errno;
    wire_writer_free(&now.settings);
    upgrade_refuse(upgrade, "%s: %s", fd < 0 ? "cannot save the state" : "it cannot be executed",
                   strerror(error));
    descriptor_close(fd);
}

/* ---- going on ---- */

/* No signal may come to the old binary any more when its state has been saved, and none may find
 * the new one without its handlers: they wait from here until it has them. What libev has caught
 * before is dispatched ahead of the next look, whose priority is the least. */
static void upgrade_hold(struct upgrade *upgrade)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &upgrade->mask);
    upgrade->state = UPGRADE_HELD;
    upgrade_look_again(upgrade, 0.);
}

static void upgrade_let_go(struct upgrade *upgrade)
{
    if (upgrade->state != UPGRADE_HELD)
        return;
    upgrade->state = UPGRADE_DUE;
    sigprocmask(SIG_SETMASK, &upgrade->mask, NULL);
}

/* Whether no reload has put anything in force that the candidate has not seen. */
static bool upgrade_is_as_tried(const struct upgrade *upgrade)
{
    struct upgrade_snapshot now;
    bool is_same;

    upgrade_gather(upgrade, &now);
    is_same = slice_equal(now.state.settings, wire_written(&upgrade->tried_settings)) &&
              now.state.effective <= upgrade->tried_reload;
    wire_writer_free(&now.settings);
    return is_same;
}

static void upgrade_try_again(struct upgrade *upgrade)
{
    if (upgrade->tries >= UPGRADE_TRIES) {
        upgrade_refuse(upgrade, "a reload has changed something during each of %d trials",
                       UPGRADE_TRIES);
        return;
    }
    upgrade_let_go(upgrade);
    log_notice("upgrade: a reload has changed something meanwhile, trying again");
    upgrade->state = UPGRADE_WANTED;
    upgrade_look_again(upgrade, 0.);
}

/* Tells of it once. Returns the seconds until it is to be told. */
static double upgrade_tell_wait(struct upgrade *upgrade, const struct hold *hold, const char *text)
{
    double begun = hold->since > upgrade->begun ? hold->since : upgrade->begun;
    double left = begun + UPGRADE_TELL - loop_now(upgrade->loop);

    if (left > 0. || upgrade->told == hold->describe)
        return left > 0. ? left : UPGRADE_TELL;
    upgrade->told = hold->describe;
    log_notice("upgrade: waits for %s", text);
    upgrade->events->waits(upgrade->owner, text);
    return UPGRADE_TELL;
}

/* Not for ever: whoever asked, and the service manager, must learn what became of it. */
static void upgrade_wait(struct upgrade *upgrade, const struct hold *hold)
{
    double limit = upgrade->state == UPGRADE_WANTED ? upgrade->patience : UPGRADE_REST;
    double left = upgrade->begun + limit - loop_now(upgrade->loop);
    char text[PENDING_TEXT];
    double next;

    upgrade_let_go(upgrade);
    hold->describe(hold, text);
    if (left <= 0.) {
        upgrade_refuse(upgrade, "it has waited %g s for %s", limit, text);
        return;
    }
    next = upgrade_tell_wait(upgrade, hold, text);
    upgrade_look_again(upgrade, next < left ? next : left);
}

/* All is quiet. */
static void upgrade_go_on(struct upgrade *upgrade)
{
    const struct hold *hold;

    if (upgrade->state == UPGRADE_WANTED) {
        upgrade_try(upgrade);
        return;
    }
    if (!upgrade_is_as_tried(upgrade)) {
        upgrade_try_again(upgrade);
        return;
    }
    upgrade->events->end_resolver(upgrade->owner);
    hold = pending_first(upgrade->loop, PENDING_UPGRADE);
    if (hold)
        upgrade_wait(upgrade, hold);
    else if (upgrade->state == UPGRADE_DUE)
        upgrade_hold(upgrade);
    else
        upgrade_take_over(upgrade);
}

static void upgrade_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct upgrade *upgrade = timer->data;
    const struct hold *hold = pending_first(upgrade->loop, PENDING_UPGRADE);

    (void)events;
    ev_timer_stop(ev, timer);
    if (hold)
        upgrade_wait(upgrade, hold);
    else
        upgrade_go_on(upgrade);
}

static void upgrade_on_quiet(struct pending_waiter *waiter)
{
    struct upgrade *upgrade = CONTAINER_OF(waiter, struct upgrade, quiet);

    if (ev_is_active(&upgrade->tick))
        upgrade_look_again(upgrade, 0.);
}

void upgrade_begin(struct upgrade *upgrade)
{
    upgrade->told = NULL;
    if (ev_is_active(&upgrade->tick))
        upgrade_look_again(upgrade, 0.);
    if (upgrade->state != UPGRADE_NONE)
        return;
    if (!upgrade->binary) {
        upgrade_refuse(upgrade, "the path of our own binary is not known");
        return;
    }
    upgrade->state = UPGRADE_WANTED;
    upgrade->begun = loop_now(upgrade->loop);
    upgrade->tries = 0;
    upgrade_look_again(upgrade, 0.);
}

void upgrade_on_child(struct upgrade *upgrade)
{
    candidate_reap(&upgrade->candidate);
}

bool upgrade_is_due(const struct upgrade *upgrade)
{
    return upgrade->state >= UPGRADE_DUE;
}

/* ---- life ---- */

/* The path that we were executed by, as it was written: a symbolic link in it may lead to another
 * version by the time of an upgrade. NULL when it does not lead to us. */
static char *upgrade_find_invoked(void)
{
    const char *name = (const char *)getauxval(AT_EXECFN);
    char folder[PATH_MAX] = "";
    char path[2 * PATH_MAX];
    struct stat named;
    struct stat ours;

    if (!name || strncmp(name, "/proc/", strlen("/proc/")) == 0 ||
        (name[0] != '/' && !getcwd(folder, sizeof(folder))))
        return NULL;
    snprintf(path, sizeof(path), "%s%s%s", folder, name[0] == '/' ? "" : "/", name);
    if (stat(path, &named) < 0 || stat("/proc/self/exe", &ours) < 0 ||
        named.st_dev != ours.st_dev || named.st_ino != ours.st_ino)
        return NULL;
    return memory_text(path);
}

/* Where we were executed from, whatever stands there by now. */
static char *upgrade_find_binary(void)
{
    char *invoked = upgrade_find_invoked();
    const struct slice gone = SLICE(" (deleted)"); /* proc(5) puts it behind what is replaced */
    char path[PATH_MAX];
    ssize_t len = readlink("/proc/self/exe", path, sizeof(path));
    struct slice slice;

    if (invoked)
        return invoked;
    if (len <= 0 || (size_t)len == sizeof(path))
        return NULL;
    slice = (struct slice){path, (size_t)len};
    if (slice_ends_with(slice, gone))
        slice.len -= gone.len;
    return memory_slice_text(slice);
}

void upgrade_init(struct upgrade *upgrade, struct loop *loop, const struct upgrade_events *events,
                  void *owner)
{

    *upgrade = (struct upgrade){.loop = loop,
                                .events = events,
                                .owner = owner,
                                .binary = upgrade_find_binary(),
                                .patience = UPGRADE_PATIENCE};
    wire_writer_init(&upgrade->tried_settings);
    candidate_init(&upgrade->candidate, upgrade->loop, upgrade_on_verdict, upgrade);
    ev_timer_init(&upgrade->tick, upgrade_on_tick, 0., 0.);
    ev_set_priority(&upgrade->tick, EV_MINPRI); /* behind signals of the same turn */
    upgrade->tick.data = upgrade;
    upgrade->quiet = (struct pending_waiter){.scope = PENDING_UPGRADE, .on_idle = upgrade_on_quiet};
    pending_wait(upgrade->loop, &upgrade->quiet);
}

void upgrade_abandon(struct upgrade *upgrade)
{
    ev_timer_stop(upgrade->loop->ev, &upgrade->tick);
    candidate_free(&upgrade->candidate);
    upgrade_let_go(upgrade);
    upgrade->state = UPGRADE_NONE;
}

void upgrade_free(struct upgrade *upgrade)
{
    upgrade_abandon(upgrade);
    pending_wait_no_more(upgrade->loop, &upgrade->quiet);
    wire_writer_free(&upgrade->tried_settings);
    free(upgrade->binary);
}
