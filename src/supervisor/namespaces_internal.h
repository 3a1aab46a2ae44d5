/* SPDX-License-Identifier: MIT */
/* Network namespaces under the names by which configuration knows them: found, followed, opened. */
#ifndef SUPERVISOR_NAMESPACES_INTERNAL_H
#define SUPERVISOR_NAMESPACES_INTERNAL_H

#include "config/model.h"
#include "io/loop.h"
#include "netns/process.h"
#include "netns/watch.h"

#include <sys/queue.h>
#include <uthash.h>

struct supervisor;
struct record;
struct plan_netns;

enum namespace_purpose { NAMESPACE_LISTENERS, NAMESPACE_BACKENDS, NAMESPACE_LEAVING };

/* One tenant's use of a namespace. Embedded by its owner, who fills in record and purpose and must
 * not move it while it is in use. */
struct namespace_use {
    LIST_ENTRY(namespace_use) next;
    struct namespace *namespace; /* NULL: not in use, or the host's */
    struct record *record;       /* NULL: NAMESPACE_LEAVING, whose tenant may be gone */
    enum namespace_purpose purpose;
};

LIST_HEAD(namespace_uses, namespace_use);

/* Shared by all who use the same name. Exists while somebody does. */
struct namespace
{
    UT_hash_handle hh; /* by text */
    struct supervisor *supervisor;
    struct namespace_uses uses;
    enum config_netns_kind kind;
    char *text;                   /* as in the configuration; no two have the same */
    char *path;                   /* that leads to it; NULL: it is a process's, or nowhere */
    pid_t named;                  /* NETNS_PID */
    pid_t pid;                    /* whose it is; 0: it has a path, or is nowhere */
    struct netns_process process; /* with that pid; none while none was found */
    ev_io end;                    /* of the process */
    char *why;                    /* why it is nowhere; NULL: no reason is known */
    struct netns_id seen;         /* where the name led to at the last look */
};

/* Embedded by the supervisor. */
struct namespaces {
    struct namespace *all;
    struct netns_watch *watch; /* NULL: there is none, only the backstop looks */
    ev_io event;
    ev_timer look;      /* after an event that came too soon after the last look */
    ev_timer backstop;  /* for what no event tells */
    bool is_all_wanted; /* by the next look */
    bool is_contested;  /* a tenant waits for another to leave its namespace */
    double may_look;    /* monotonic seconds: not before */
    unsigned held;      /* processes that cost a descriptor */
    unsigned held_max;
};

void namespaces_init(struct supervisor *supervisor);
void namespaces_start(struct supervisor *supervisor);
/* Looks no more. Uses may still be released. */
void namespaces_stop(struct supervisor *supervisor);

/* ---- using one ---- */

/* The tenant uses the namespace from now on, and is told of its changes (below). Of the host's own
 * nothing is taken. */
void namespace_take(struct supervisor *supervisor, struct namespace_use *use,
                    const struct plan_netns *place);
/* Harmless when it is not in use. */
void namespace_release(struct namespace_use *use);

/* Opens it for netns_within, after all checks of netns/netns.h; whether another tenant lives there
 * is the caller's question. On OK *fd is the caller's, who closes it at once: it keeps the
 * namespace alive. */
enum netns_verdict namespace_open(struct namespace *namespace, int *fd, struct netns_id *id,
                                  char why[160]);

/* Whether its name leads elsewhere than to that namespace, or nowhere, as of the last look. A
 * socket of ours must be in it: see struct netns_id. */
bool namespace_has_left(const struct namespace *namespace, struct netns_id id);

/* Tells all who use it to look at it again: ..._on_namespace of leavings, sockets, bindings. Comes
 * whenever its name leads elsewhere than before, and at the backstop. */
void namespace_tell(struct namespace *namespace);

/* ---- following it ---- */

/* Looks where its name leads now, and tells of it if that is elsewhere than before, or anyway. */
void namespace_look(struct namespace *namespace, bool is_told);
/* The callback of its `end`. */
void namespace_on_end(struct ev_loop *ev, ev_io *end, int events);

/* Looks at those of which events tell; or at all, and then tells of all. */
void namespaces_look(struct supervisor *supervisor, bool all);
/* The same for all as soon as may be, within half a second. */
void namespaces_look_soon(struct supervisor *supervisor);

/* A reload: events that wait are looked into at once, and `pid:N` whose process has ended may be
 * another process now. */
void namespaces_renew(struct supervisor *supervisor);

/* It is now the one of that process, which is followed until its end; 0: it is nowhere, and why
 * (copied; may be NULL) is what those who wait are told. */
void namespace_set_process(struct namespace *namespace, pid_t pid, const char *why);
/* It is now the one at that path (copied): a container whose process cannot be used. */
void namespace_set_path(struct namespace *namespace, const char *path);

/* NULL when nobody uses one of that text ("container:web"). */
struct namespace *namespace_find(const struct supervisor *supervisor, struct slice text);

#endif
