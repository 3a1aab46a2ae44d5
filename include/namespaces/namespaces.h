/* SPDX-License-Identifier: MIT */
/* Network namespaces under the names by which configuration knows them: found, followed, opened. */
#ifndef NAMESPACES_NAMESPACES_H
#define NAMESPACES_NAMESPACES_H

#include "base/allowance.h"
#include "files/plan.h"
#include "io/deadline.h"
#include "netns/process.h"
#include "netns/watch.h"

#include <sys/queue.h>
#include <uthash.h>

struct ipc_channel;

/* One use of a namespace. Embedded by its owner, who fills in on_change and owner and must not move
 * it while it is in use. */
struct namespace_use {
    LIST_ENTRY(namespace_use) next;
    struct namespace *namespace; /* NULL: not in use, or the host's */
    /* The name may lead elsewhere than before, or the namespace may have become usable: comes when
     * it leads elsewhere, and with every look at all. Must not release any use of the namespace. */
    void (*on_change)(struct namespace_use *use);
    void *owner; /* on_change's own */
};

LIST_HEAD(namespace_uses, namespace_use);

/* Shared by all who use the same name. Exists while somebody does. */
struct namespace
{
    UT_hash_handle hh; /* by text */
    struct namespaces *namespaces;
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

/* What the owner of all is told and asked. Every function is there. */
struct namespaces_events {
    /* All have been looked at, as every two seconds. */
    void (*on_backstop)(void *owner);
    /* A container is followed, or is no longer: the resolver may be wanted, or not any more. */
    void (*on_containers)(void *owner);
    /* The channel to the resolver; NULL: it does not run. */
    struct ipc_channel *(*resolver)(void *owner);
};

/* Embedded by its owner. */
struct namespaces {
    struct loop *loop;
    const struct namespaces_events *events;
    void *owner;
    struct netns_home *home; /* of netns_within, too */
    struct namespace *all;
    struct netns_watch *watch; /* NULL: there is none, only the backstop looks */
    ev_io event;
    struct deadline later; /* after an event that came too soon after the last look */
    ev_timer backstop;     /* for what no event tells */
    bool is_all_wanted;    /* by the next look */
    bool is_contested; /* a tenant waits for another to leave its namespace; until all are looked at
                        */
    double may_look;   /* monotonic seconds: not before */
    unsigned held;     /* processes that cost a descriptor */
    unsigned held_max;
    unsigned containers;     /* that are followed */
    char *engine;            /* the container engine's socket; NULL: the usual one */
    struct allowance asking; /* the resolver for connections to the engine */
    struct allowance moving; /* ... containers to other namespaces */
};

void namespaces_init(struct namespaces *namespaces, struct loop *loop,
                     const struct namespaces_events *events, void *owner);
/* Once all uses are released. */
void namespaces_free(struct namespaces *namespaces);
/* The host's own namespace, before anything is opened. Returns 0, or -1 with errno. */
int namespaces_open_home(struct namespaces *namespaces);
void namespaces_start(struct namespaces *namespaces);
/* Looks no more. Uses may still be released. */
void namespaces_stop(struct namespaces *namespaces);

/* ---- using one ---- */

/* Uses the namespace of that name from now on. Of the host's own nothing is taken. */
void namespace_take(struct namespaces *namespaces, struct namespace_use *use,
                    const struct plan_netns *name);
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

/* NULL when nobody uses one of that text ("container:web"). */
struct namespace *namespace_find(const struct namespaces *namespaces, struct slice text);

/* ---- where they are ---- */

/* Looks at those of which events tell; or at all, and then tells all who use one. */
void namespaces_refresh(struct namespaces *namespaces, bool all);
/* The same for all as soon as may be, within half a second. */
void namespaces_refresh_soon(struct namespaces *namespaces);

/* A tenant waits for another to leave a namespace; a tenant has left one. */
void namespaces_on_contest(struct namespaces *namespaces);
void namespaces_on_left(struct namespaces *namespaces);

/* A reload: events that wait are looked into at once, and `pid:N` whose process has ended may be
 * another process now. */
void namespaces_on_reload(struct namespaces *namespaces);

/* For the next binary: where those are that are found by more than a path of the configuration. */
void namespaces_put(struct wire_writer *writer, const struct namespaces *namespaces);
/* Those of them that are in use here are there now. The reader tells whether it has failed. */
void namespaces_get(struct wire_reader *reader, struct namespaces *namespaces);

/* It is now the one of that process, which is followed until its end; 0: it is nowhere, and why
 * (copied; may be NULL) is what those who wait are told. */
void namespace_set_process(struct namespace *namespace, pid_t pid, const char *why);
/* It is now the one at that path (copied): a container whose process cannot be used. */
void namespace_set_path(struct namespace *namespace, const char *path);

#endif
