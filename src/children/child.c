/* SPDX-License-Identifier: MIT */
/* Starting children by fork and exec, and what their deaths lead to. */
#include "admission_internal.h"
#include "authorities_internal.h"
#include "heartbeat_internal.h"
#include "progress_internal.h"

#include "base/container_of.h"
#include "base/descriptor.h"
#include "base/log.h"
#include "base/memory.h"
#include "children/children.h"
#include "ipc/spawn.h"
#include "sandbox/sandbox.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_QUICK     1.0  /* seconds: who dies sooner after the start is started again later */
#define CHILD_DELAY     0.05 /* seconds after the first quick death; doubled for each one more */
#define CHILD_DELAY_MAX 0.6  /* whoever dies is back within one */
#define CHILD_GRACE     1.0  /* seconds that a child without a channel has to end by itself */

/* What the program is told to be, and what the log calls it. */
static const char *child_role(const struct child *child)
{
    if (child->role == ROLE_WORKER)
        return "worker";
    return child->role == ROLE_RESOLVER ? "resolver" : "observer";
}

void child_name(const struct child *child, char name[32])
{
    if (child->role == ROLE_WORKER)
        snprintf(name, 32, "worker %u", child->index);
    else
        snprintf(name, 32, "%s", child_role(child));
}

static void child_set_state(struct child *child, enum child_state state)
{
    child->state = state;
    progress_note(child);
}

/* ---- the channel ---- */

/* Once: all children are alike, and so are those that follow. */
static void child_check_sandbox(const struct child *child)
{
    struct children *children = child->children;
    bool is_wanted = children->identity.sandbox != SANDBOX_OFF;

    if (!is_wanted || children->has_told_sandbox || child->sandbox != SANDBOX_OFF)
        return;
    children->has_told_sandbox = true;
    log_warn("sandbox: workers and the resolver run without, for %s",
             SANDBOX_IS_BUILT ? "this kernel, or the container around us, has no seccomp filters"
                              : "this build has sanitizers, which open files and start processes");
}

static int child_on_ready(struct child *child, struct ipc_received *received)
{
    struct ipc_ready ready;

    if (ipc_get_ready(&received->body, &ready) != 0 || ready.sandbox > SANDBOX_ON)
        return ERROR_IPC;
    child_set_state(child, CHILD_READY);
    child->was_ready = true;
    child->is_ready = true;
    child->heartbeat.silence = 0;
    child->sandbox = ready.sandbox;
    child->landlock = ready.landlock;
    child_check_sandbox(child);
    return 0;
}

/* Only about what it has been sent, and once for each step. */
static int child_on_working(struct child *child, struct wire_reader *body)
{
    struct ipc_serial working;
    int result = ipc_get_serial(body, &working);

    if (result == 0)
        result = child->events->on_working(child, working.serial);
    if (result != 0)
        return result;
    child->working = working.serial;
    child->heartbeat.silence = 0;
    return 0;
}

static int child_on_message(void *owner, struct ipc_received *received)
{
    struct child *child = owner;

    if (received->message == IPC_READY)
        return child_on_ready(child, received);
    if (received->message == IPC_PONG)
        return heartbeat_on_answer(child, received);
    if (received->message == IPC_WORKING)
        return child_on_working(child, &received->body);
    return child->events->on_message(child, received);
}

/* Without its channel it has a moment to end by itself. */
static void child_lose_channel(struct child *child)
{
    ipc_channel_free(child->channel);
    child->channel = NULL;
    child_set_state(child, CHILD_LOST);
    deadline_set(&child->timer, CHILD_GRACE);
}

static void child_on_gone(void *owner, const char *reason)
{
    struct child *child = owner;

    child_lose_channel(child);
    if (strcmp(reason, IPC_REASON_CLOSED) != 0)
        snprintf(child->reason, sizeof(child->reason), "%s", reason);
}

void child_dismiss(struct child *child)
{
    child->is_dismissed = true;
    child_lose_channel(child);
}

static void child_on_queue(void *owner, unsigned queued)
{
    struct child *child = owner;

    if (child->has_queue && queued == 0 && child->events->on_drained)
        loop_defer(child->children->loop, &child->drained);
    child->has_queue = queued > 0;
    progress_note(child);
}

static void child_on_drained(struct loop_task *task)
{
    struct child *child = CONTAINER_OF(task, struct child, drained);

    if (child_is_up(child))
        child->events->on_drained(child);
}

static const struct ipc_events child_events = {
    .on_message = child_on_message, .on_gone = child_on_gone, .on_queue = child_on_queue};

static void child_open_channel(struct child *child, int fd)
{
    child->channel =
        ipc_channel_new(child->children->loop, fd, (struct ipc_ends){ROLE_SUPERVISOR, child->role},
                        &child_events, child);
    ipc_channel_set_admit(child->channel, admission_judge);
}

static void child_send_setup(struct child *child, int figures)
{
    const struct children *children = child->children;
    struct ipc_setup setup = {.index = child->index,
                              .column = tally_column(child->half, child->index),
                              .log_level = (uint32_t)log_get_level(),
                              .log_sink = (uint8_t)log_sink_of(children->log_fd)};
    int descriptors[3];
    unsigned count = 0;

    setup.identity = children->identity;
    if (children->log_fd >= 0)
        descriptors[count++] = children->log_fd;
    if (child->role == ROLE_WORKER) {
        descriptors[count++] = children->tally_fd;
        descriptors[count++] = figures;
    }
    ipc_send_setup(child->channel, IPC_SETUP, &setup,
                   &(struct ipc_attachments){descriptors, count, NULL});
}

/* What cannot be had is only missing where a server is verified by it, and is told there too. */
static void child_send_authorities(struct child *child)
{
    struct children *children = child->children;

    if (children->authorities_fd < 0)
        children->authorities_fd = authorities_read();
    if (children->authorities_fd >= 0)
        ipc_send(child->channel, IPC_AUTHORITIES, NULL,
                 &(struct ipc_attachments){&children->authorities_fd, 1, NULL});
}

/* ---- starting ---- */

static void child_retry_later(struct child *child)
{
    double delay = 0.;

    if (child->quick_deaths > 0) {
        delay = CHILD_DELAY;
        for (unsigned i = 1; i < child->quick_deaths && delay < CHILD_DELAY_MAX; i++)
            delay *= 2;
    }
    if (delay > CHILD_DELAY_MAX)
        delay = CHILD_DELAY_MAX;
    deadline_set(&child->timer, delay);
    progress_note(child);
}

static int child_fork(struct child *child, int sockets[2])
{
    struct spawn spawn = {
        .program = child->children->program, .role = child_role(child), .second = -1};

    if (ipc_pair(sockets) < 0)
        return -1;
    spawn.channel = sockets[1];
    child->pid = spawn_role(&spawn);
    descriptor_close(sockets[1]);
    if (child->pid > 0)
        return 0;
    child->pid = 0;
    return descriptor_close(sockets[0]);
}

void child_start(struct child *child)
{
    struct children *children = child->children;
    int sockets[2], figures = -1;
    char name[32];

    child_name(child, name);
    child->started = loop_now(child->children->loop);
    child->is_dismissed = false;
    child->is_ready = false;
    child->has_ended = false;
    child->has_lied = false;
    child->is_excessive = false;
    child->working = 0;
    child->ordered = 0;
    child->heartbeat = (struct heartbeat){0};
    child->reason[0] = '\0';
    if (child->role == ROLE_WORKER)
        figures = figures_start(&children->figures, tally_column(child->half, child->index));
    if ((child->role == ROLE_WORKER && figures < 0) || child_fork(child, sockets) < 0) {
        log_error("cannot start %s: %s", name, strerror(errno));
        child->quick_deaths++;
        child_retry_later(child);
        return;
    }
    if (child->role == ROLE_RESOLVER)
        metrics_add(figures_gateway(&children->figures), METRIC_RESOLVER_RUNS, 1);
    log_info("started %s (pid %d)", name, (int)child->pid);
    child_open_channel(child, sockets[0]);
    child_set_state(child, CHILD_STARTING);
    child_send_setup(child, figures);
    if (child->role == ROLE_WORKER)
        child_send_authorities(child);
    child->events->on_start(child);
}

void child_inherit(struct child *child, pid_t pid, int channel, bool is_spoken)
{
    bool is_up = channel >= 0 && is_spoken;

    child->pid = pid;
    child->started = loop_now(child->children->loop);
    child->is_ready = true;
    if (is_up)
        child_open_channel(child, channel);
    else
        child->silent = channel;
    child_set_state(child, is_up ? CHILD_READY : CHILD_LOST);
}

static void child_on_timer(struct deadline *timer)
{
    struct child *child = CONTAINER_OF(timer, struct child, timer);

    if (child->state == CHILD_LOST)
        child_signal(child, SIGKILL);
    else if (child->state == CHILD_DOWN && !child->is_stopping)
        child_start(child);
}

void child_init(struct child *child, struct children *children, enum ipc_role role,
                const struct child_events *events)
{
    *child = (struct child){.children = children, .role = role, .events = events, .silent = -1};
    child->drained.run = child_on_drained;
    deadline_init(&child->timer, children->loop, child_on_timer);
    progress_init(child);
}

void child_close(struct child *child)
{
    child->silent = descriptor_close(child->silent);
    deadline_stop(&child->timer);
    ipc_channel_free(child->channel);
    child->channel = NULL;
    loop_cancel(child->children->loop, &child->drained);
    hold_set(&child->hold, 0);
}

void child_stop(struct child *child)
{
    child->is_stopping = true;
    progress_note(child);
}

void child_signal(struct child *child, int signal)
{
    if (child->pid <= 0)
        return;
    child->ordered = signal;
    kill(child->pid, signal);
}

void child_kill_hung(struct child *child)
{
    child->heartbeat.is_hung = true;
    child_signal(child, SIGKILL);
}

/* ---- ending ---- */

/* A death that is as we wanted it, and not one on the way there. */
static bool child_ends_as_told(const struct child *child, int status)
{
    if (!child->is_stopping && !child->is_dismissed)
        return false;
    return WIFSIGNALED(status) ? WTERMSIG(status) == child->ordered : status == 0;
}

/* What a process does to itself. Any other signal comes from outside, above all SIGKILL of a kernel
 * whose memory is short: whatever the process was working on has nothing to do with it. */
static bool child_signal_is_own(int number)
{
    static const int own[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSYS, SIGTRAP};

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (own[i] == number)
            return true;
    }
    return false;
}

static bool child_is_at_fault(const struct child *child, int status)
{
    if (child->heartbeat.is_hung || child->has_lied)
        return true;
    if (WIFSIGNALED(status))
        return child_signal_is_own(WTERMSIG(status));
    return WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != MEMORY_EXHAUSTED_STATUS;
}

static void child_tell_death(const struct child *child, int status)
{
    enum log_level level = child_ends_as_told(child, status) ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;
    const char *colon = child->reason[0] ? ": " : "";
    char name[32];

    child_name(child, name);
    if (!log_is_enabled(level))
        return;
    if (WIFSIGNALED(status))
        log_write(level, "%s (pid %d) was killed by signal %d (%s)%s%s", name, (int)child->pid,
                  WTERMSIG(status), sigdescr_np(WTERMSIG(status)), colon, child->reason);
    else
        log_write(level, "%s (pid %d) exited with status %d%s%s", name, (int)child->pid,
                  WEXITSTATUS(status), colon, child->reason);
}

static void child_on_death(struct child *child)
{
    bool was_quick;

    /* Its last answers and its last WORKING tell what it has died of. */
    child->has_ended = true;
    if (child_is_up(child))
        ipc_channel_take_rest(child->channel);
    child_close(child);
    child->pid = 0;
    child_set_state(child, CHILD_DOWN);
    was_quick =
        !child->is_dismissed && loop_now(child->children->loop) - child->started < CHILD_QUICK;
    child->quick_deaths = was_quick ? child->quick_deaths + 1 : 0;
    child->events->on_death(child);
    if (child->is_stopping)
        child->children->events->on_gone(child->children->owner);
    else if (!child->is_dismissed || (child->events->is_wanted && child->events->is_wanted(child)))
        child_retry_later(child);
}

void child_reap(struct child *child)
{
    int status = 0;

    if (child->pid <= 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
        return;
    child_tell_death(child, status);
    child->has_failed = child_is_at_fault(child, status);
    child->was_killed = WIFSIGNALED(status);
    child_on_death(child);
}
