/* SPDX-License-Identifier: MIT */
/* The supervisor's side of trying a binary: start, answer, limit, end. */
#include "upgrade/candidate.h"

#include "ipc/spawn.h"

#include "base/container_of.h"
#include "base/descriptor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- starting ---- */

/* In the new process: what cannot be said by the program is said here. */
static void candidate_on_failure(int error)
{
    dprintf(SPAWN_CHANNEL_FD, "it cannot be executed: %s\n", strerror(error));
}

int candidate_start(struct candidate *candidate, const char *program, int state, double limit)
{
    struct spawn spawn = {.program = program,
                          .role = "candidate",
                          .second = state,
                          .on_failure = candidate_on_failure};
    int sockets[2];

    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
        return -1;
    spawn.channel = sockets[1];
    candidate->pid = spawn_role(&spawn);
    descriptor_close(sockets[1]);
    if (candidate->pid < 0) {
        candidate->pid = 0;
        return descriptor_close(sockets[0]);
    }
    candidate->answer = sockets[0];
    candidate->len = 0;
    candidate->is_overdue = false;
    candidate->limit = limit;
    ev_io_set(&candidate->readable, candidate->answer, EV_READ);
    ev_io_start(candidate->loop->ev, &candidate->readable);
    deadline_set(&candidate->overdue, limit);
    return 0;
}

/* ---- its answer ---- */

/* Takes what is there. Returns whether more may come. */
static bool candidate_read(struct candidate *candidate)
{
    size_t room = sizeof(candidate->text) - 1 - candidate->len;
    ssize_t len = recv(candidate->answer, candidate->text + candidate->len, room, MSG_DONTWAIT);

    if (len > 0)
        candidate->len += (size_t)len;
    return len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR));
}

static void candidate_on_readable(struct ev_loop *ev, ev_io *watcher, int events)
{
    (void)events;
    if (!candidate_read(watcher->data))
        ev_io_stop(ev, watcher);
}

static void candidate_on_overdue(struct deadline *overdue)
{
    struct candidate *candidate = CONTAINER_OF(overdue, struct candidate, overdue);

    candidate->is_overdue = true;
    kill(candidate->pid, SIGKILL);
}

/* One line of it, without control bytes: a stranger's words go into the log. */
static void candidate_clean(struct candidate *candidate)
{
    candidate->text[candidate->len] = '\0';
    candidate->text[strcspn(candidate->text, "\n")] = '\0';
}

static void candidate_judge(struct candidate *candidate, int status)
{
    char why[CANDIDATE_TEXT + 64];

    if (candidate->is_overdue)
        snprintf(why, sizeof(why), "it was not ready within %g s", candidate->limit);
    else if (WIFSIGNALED(status))
        snprintf(why, sizeof(why), "it was killed by signal %d (%s)", WTERMSIG(status),
                 sigdescr_np(WTERMSIG(status)));
    else if (candidate->text[0] && strcmp(candidate->text, CANDIDATE_READY) != 0)
        snprintf(why, sizeof(why), "%s", candidate->text);
    else if (WEXITSTATUS(status) != 0 || !candidate->text[0])
        snprintf(why, sizeof(why), "it exited with status %d", WEXITSTATUS(status));
    else
        why[0] = '\0';
    candidate->on_verdict(candidate->owner, why[0] ? why : NULL);
}

static void candidate_close(struct candidate *candidate)
{
    ev_io_stop(candidate->loop->ev, &candidate->readable);
    deadline_stop(&candidate->overdue);
    close(candidate->answer);
    candidate->pid = 0;
}

void candidate_reap(struct candidate *candidate)
{
    int status = 0;

    if (candidate->pid == 0 || waitpid(candidate->pid, &status, WNOHANG) != candidate->pid)
        return;
    (void)candidate_read(candidate); /* the last words of who has died; they are one short line */
    candidate_clean(candidate);
    candidate_close(candidate);
    candidate_judge(candidate, status);
}

/* ---- life ---- */

void candidate_init(struct candidate *candidate, struct loop *loop,
                    void (*on_verdict)(void *owner, const char *why), void *owner)
{
    *candidate = (struct candidate){.loop = loop, .on_verdict = on_verdict, .owner = owner};
    ev_init(&candidate->readable, candidate_on_readable);
    deadline_init(&candidate->overdue, loop, candidate_on_overdue);
    candidate->readable.data = candidate;
}

void candidate_free(struct candidate *candidate)
{
    if (candidate->pid == 0)
        return;
    kill(candidate->pid, SIGKILL);
    /* Not waited for: one that hangs in the kernel would keep us from ending. */
    (void)waitpid(candidate->pid, NULL, WNOHANG);
    candidate_close(candidate);
}
