/* SPDX-License-Identifier: MIT */
/* The old binary's side of an upgrade: a quiet moment, the trial, the state, execve(2). */
#include "upgrade_internal.h"

#include "state_internal.h"
#include "supervisor_internal.h"

#include "base/memory.h"
#include "ipc/sealed.h"
#include "supervisor/supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

#define UPGRADE_TICK     0.02 /* seconds between looks whether all is quiet */
#define UPGRADE_TRIAL    30.0 /* seconds for the candidate */
#define UPGRADE_PATIENCE 60.0 /* seconds in which all must become quiet before it */
#define UPGRADE_REST     30.0 /* the same behind it */
#define UPGRADE_TRIES    5    /* trials, when a reload changes something during each */

static void upgrade_refuse(struct supervisor *supervisor, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* All goes on as if nothing had been; a reload that was held up is done now. */
static void upgrade_refuse(struct supervisor *supervisor, const char *format, ...)
{
    const char *binary = supervisor->upgrade.binary;
    char why[CANDIDATE_TEXT + 128];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(why, sizeof(why), format, arguments);
    va_end(arguments);
    log_error("upgrade refused: %s: %s", binary ? binary : "nsgate", why);
    upgrade_abandon(supervisor);
    control_tell_upgrade_refused(&supervisor->control, why);
    examine_see_to_resolver(supervisor); /* who follows containers was dismissed */
    if (supervisor->round.kind == ROUND_NONE && supervisor->round.is_wanted) {
        supervisor->round.is_wanted = false;
        round_begin(supervisor, ROUND_RELOAD);
    }
}

/* ---- a quiet moment ---- */

/* The resolver has nothing that must be kept; it only must not be anybody's child afterwards. */
static bool upgrade_has_no_resolver(struct supervisor *supervisor)
{
    struct child *resolver = &supervisor->resolver;

    if (resolver->pid > 0 && child_is_up(resolver))
        child_dismiss(resolver);
    return resolver->pid == 0;
}

/* ---- the state ---- */

static void upgrade_put_workers(const struct supervisor *supervisor, struct state *state)
{
    for (unsigned i = 0; i < supervisor->worker_count; i++) {
        const struct child *worker = &supervisor->workers[i];

        if (worker->pid > 0 && child_is_up(worker))
            state->workers[state->worker_count++] =
                (struct state_worker){worker->pid, i, ipc_channel_descriptor(worker->channel),
                                      worker->heartbeat.asked, worker->heartbeat.answered};
    }
}

/* A path that the configuration names leads to a namespace without further ado. */
static bool upgrade_is_place(const struct namespace *namespace)
{
    return namespace->kind != NETNS_NAME && namespace->kind != NETNS_PATH;
}

static void upgrade_put_places(const struct supervisor *supervisor, struct state *state)
{
    const struct namespace *namespace;

    state->places = memory_zeroed(HASH_COUNT(supervisor->namespaces.all), sizeof(state->places[0]));
    for (namespace = supervisor->namespaces.all; namespace; namespace = namespace->hh.next) {
        if (upgrade_is_place(namespace))
            state->places[state->place_count++] =
                (struct state_place){slice_of(namespace->text), namespace->pid,
                                     slice_of(namespace->path), slice_of(namespace->why)};
    }
}

/* What the next binary is told, as far as it is not settings. The caller frees its places, all else
 * is borrowed. */
static struct state upgrade_state(const struct supervisor *supervisor)
{
    struct state state = {.config = slice_of(supervisor->config),
                          .identity = supervisor->identity,
                          .pid_path = slice_of(supervisor->pid.path),
                          .pid_fd = supervisor->pid.fd,
                          .log_fd = supervisor->log_fd,
                          .tally_fd = supervisor->tally_fd,
                          .control_path = slice_of(supervisor->control.path),
                          .control_fd = supervisor->control.path ? supervisor->control.fd : -1,
                          .upgrades = supervisor->upgrade.count,
                          .half = supervisor->half,
                          .generation = supervisor->generation,
                          .started = (uint64_t)(supervisor->started * 1000.),
                          .round = supervisor->round.number,
                          .figures = supervisor->figures.serial,
                          .ipc_version = IPC_VERSION,
                          .registry = supervisor->registry};

    state.rotation =
        (uint32_t)ev_timer_remaining(supervisor->loop.ev, (ev_timer *)&supervisor->rotation);
    upgrade_put_workers(supervisor, &state);
    upgrade_put_places(supervisor, &state);
    return state;
}

/* A sealed memfd, or -1 with errno. */
static int upgrade_save(const struct supervisor *supervisor, struct state *state)
{
    struct wire_writer settings;
    struct wire_writer bytes;
    int fd;
    int saved;

    wire_writer_init(&settings);
    wire_writer_init(&bytes);
    settings_put(&settings, supervisor->settings);
    state->settings = wire_written(&settings);
    state_encode(&bytes, state);
    fd = sealed_new("nsgate-state", wire_written(&bytes));
    saved = errno;
    state->settings = (struct slice){0};
    wire_writer_free(&settings);
    wire_writer_free(&bytes);
    errno = saved;
    return fd;
}

/* ---- the trial ---- */

static void upgrade_look_again(struct supervisor *supervisor, double seconds)
{
    ev_timer_set(&supervisor->upgrade.tick, seconds, 0.);
    ev_timer_start(supervisor->loop.ev, &supervisor->upgrade.tick);
}

static void upgrade_on_verdict(void *owner, const char *why)
{
    struct supervisor *supervisor = owner;

    if (why) {
        upgrade_refuse(supervisor, "%s", why);
        return;
    }
    supervisor->upgrade.state = UPGRADE_DUE;
    supervisor->upgrade.begun = loop_now(&supervisor->loop);
    upgrade_look_again(supervisor, UPGRADE_TICK);
}

static void upgrade_note_settings(const struct supervisor *supervisor, struct wire_writer *noted)
{
    wire_writer_free(noted);
    wire_writer_init(noted);
    settings_put(noted, supervisor->settings);
}

static void upgrade_try(struct supervisor *supervisor)
{
    struct upgrade *upgrade = &supervisor->upgrade;
    struct state state;
    int fd;

    if (stat(upgrade->binary, &upgrade->tried) < 0) {
        upgrade_refuse(supervisor, "%s", strerror(errno));
        return;
    }
    log_info("upgrade: trying %s", upgrade->binary);
    upgrade->tries++;
    upgrade->tried_round = supervisor->round.number;
    upgrade_note_settings(supervisor, &upgrade->tried_settings);
    state = upgrade_state(supervisor);
    fd = upgrade_save(supervisor, &state);
    free(state.places);
    if (fd < 0 || candidate_start(&upgrade->candidate, upgrade->binary, fd, UPGRADE_TRIAL) < 0)
        upgrade_refuse(supervisor, "cannot try it: %s", strerror(errno));
    else
        upgrade->state = UPGRADE_TRYING;
    if (fd >= 0)
        close(fd);
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

/* Returns only when it fails, with errno. */
static void upgrade_execute(const struct supervisor *supervisor, struct state *state, int fd)
{
    char number[16];
    char *const arguments[] = {(char *)"nsgate",
                               (char *)"-c",
                               (char *)supervisor->config,
                               (char *)SUPERVISOR_RESUME_ARGUMENT,
                               number,
                               NULL};
    int saved;

    snprintf(number, sizeof(number), "%d", fd);
    state_each_descriptor(state, upgrade_keep, NULL);
    fcntl(fd, F_SETFD, 0);
    execv(supervisor->upgrade.binary, arguments);
    saved = errno;
    state_each_descriptor(state, upgrade_keep_no_more, NULL);
    errno = saved;
}

static bool upgrade_is_same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void upgrade_take_over(struct supervisor *supervisor)
{
    struct upgrade *upgrade = &supervisor->upgrade;
    struct state state;
    struct stat now;
    int fd;

    if (stat(upgrade->binary, &now) < 0 || !upgrade_is_same_file(&upgrade->tried, &now)) {
        upgrade_refuse(supervisor, "it is not the file any more that was tried");
        return;
    }
    state = upgrade_state(supervisor);
    fd = upgrade_save(supervisor, &state);
    free(state.places);
    if (fd < 0) {
        upgrade_refuse(supervisor, "cannot save the state: %s", strerror(errno));
        return;
    }
    log_notice("upgrade: %s takes over", upgrade->binary);
    upgrade_execute(supervisor, &state, fd);
    upgrade_refuse(supervisor, "it cannot be executed: %s", strerror(errno));
    close(fd);
}

/* ---- going on ---- */

/* No signal may come to the old binary any more when its state has been saved, and none may find
 * the new one without its handlers: they wait from here until it has them. What libev has caught
 * before is dispatched ahead of the next look, whose priority is the least. */
static void upgrade_hold(struct supervisor *supervisor)
{
    sigset_t all;

    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &supervisor->upgrade.mask);
    supervisor->upgrade.state = UPGRADE_HELD;
    upgrade_look_again(supervisor, 0.);
}

static void upgrade_let_go(struct supervisor *supervisor)
{
    if (supervisor->upgrade.state != UPGRADE_HELD)
        return;
    supervisor->upgrade.state = UPGRADE_DUE;
    sigprocmask(SIG_SETMASK, &supervisor->upgrade.mask, NULL);
}

/* Whether no reload has put anything in force that the candidate has not seen. */
static bool upgrade_is_as_tried(const struct supervisor *supervisor)
{
    const struct upgrade *upgrade = &supervisor->upgrade;
    struct wire_writer settings;
    bool is_same;

    wire_writer_init(&settings);
    settings_put(&settings, supervisor->settings);
    is_same = slice_equal(wire_written(&settings), wire_written(&upgrade->tried_settings));
    wire_writer_free(&settings);
    return is_same && supervisor->round.effective <= upgrade->tried_round;
}

static void upgrade_try_again(struct supervisor *supervisor)
{
    struct upgrade *upgrade = &supervisor->upgrade;

    if (upgrade->tries >= UPGRADE_TRIES) {
        upgrade_refuse(supervisor, "a reload has changed something during each of %d trials",
                       UPGRADE_TRIES);
        return;
    }
    log_notice("upgrade: a reload has changed something meanwhile, trying again");
    upgrade->state = UPGRADE_WANTED;
    upgrade_look_again(supervisor, 0.);
}

/* Not for ever: whoever asked, and the service manager, must learn what became of it. */
static void upgrade_wait(struct supervisor *supervisor, const struct upgrade_wait *wait)
{
    const struct upgrade *upgrade = &supervisor->upgrade;
    double limit = upgrade->state == UPGRADE_WANTED ? upgrade->patience : UPGRADE_REST;

    upgrade_let_go(supervisor);
    if (loop_now(&supervisor->loop) - upgrade->begun > limit) {
        upgrade_refuse(supervisor, "it has waited %g s for %s", limit, wait->text);
        return;
    }
    upgrade_tell_wait(supervisor, wait);
    upgrade_look_again(supervisor, UPGRADE_TICK);
}

/* All is quiet. */
static void upgrade_go_on(struct supervisor *supervisor)
{
    const struct upgrade *upgrade = &supervisor->upgrade;

    if (upgrade->state == UPGRADE_WANTED)
        upgrade_try(supervisor);
    else if (!upgrade_is_as_tried(supervisor))
        upgrade_try_again(supervisor);
    else if (!upgrade_has_no_resolver(supervisor))
        upgrade_wait(supervisor,
                     &(struct upgrade_wait){UPGRADE_WAITS_RESOLVER, "the end of the resolver"});
    else if (upgrade->state == UPGRADE_DUE)
        upgrade_hold(supervisor);
    else
        upgrade_take_over(supervisor);
}

static void upgrade_on_tick(struct ev_loop *ev, ev_timer *timer, int events)
{
    struct supervisor *supervisor = timer->data;
    struct upgrade_wait wait;

    (void)events;
    ev_timer_stop(ev, timer);
    upgrade_find_wait(supervisor, &wait);
    if (wait.kind == UPGRADE_WAITS_NOT)
        upgrade_go_on(supervisor);
    else
        upgrade_wait(supervisor, &wait);
}

void upgrade_begin(struct supervisor *supervisor)
{
    struct upgrade *upgrade = &supervisor->upgrade;

    upgrade->has_told = false;
    if (supervisor->state != SUPERVISOR_RUNNING || upgrade->state != UPGRADE_NONE)
        return;
    if (!upgrade->binary) {
        upgrade_refuse(supervisor, "the path of our own binary is not known");
        return;
    }
    upgrade->state = UPGRADE_WANTED;
    upgrade->waits_for = UPGRADE_WAITS_NOT;
    upgrade->begun = loop_now(&supervisor->loop);
    upgrade->tries = 0;
    upgrade_look_again(supervisor, 0.);
}

void upgrade_on_child(struct supervisor *supervisor)
{
    candidate_reap(&supervisor->upgrade.candidate);
}

bool upgrade_is_due(const struct supervisor *supervisor)
{
    return supervisor->upgrade.state >= UPGRADE_DUE;
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

void upgrade_init(struct supervisor *supervisor)
{
    struct upgrade *upgrade = &supervisor->upgrade;

    *upgrade = (struct upgrade){.binary = upgrade_find_binary(), .patience = UPGRADE_PATIENCE};
    wire_writer_init(&upgrade->tried_settings);
    candidate_init(&upgrade->candidate, &supervisor->loop, upgrade_on_verdict, supervisor);
    ev_timer_init(&upgrade->tick, upgrade_on_tick, 0., 0.);
    ev_set_priority(&upgrade->tick, EV_MINPRI); /* behind signals of the same turn */
    upgrade->tick.data = supervisor;
}

void upgrade_abandon(struct supervisor *supervisor)
{
    ev_timer_stop(supervisor->loop.ev, &supervisor->upgrade.tick);
    candidate_free(&supervisor->upgrade.candidate);
    upgrade_let_go(supervisor);
    supervisor->upgrade.state = UPGRADE_NONE;
}

void upgrade_free(struct supervisor *supervisor)
{
    upgrade_abandon(supervisor);
    wire_writer_free(&supervisor->upgrade.tried_settings);
    free(supervisor->upgrade.binary);
}
