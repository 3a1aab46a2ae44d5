/* SPDX-License-Identifier: MIT */
/* The control socket in the process that it controls: see control/protocol.h for what is said
 * there. */
#ifndef CONTROL_CONTROL_H
#define CONTROL_CONTROL_H

#include "base/diag.h"
#include "io/deadline.h"

/* What a client waits for. */
enum control_state {
    CONTROL_READING,   /* its request */
    CONTROL_WAITING,   /* for a reload to begin */
    CONTROL_WATCHING,  /* the reload that runs */
    CONTROL_REOPENING, /* for log files */
    CONTROL_UPGRADING, /* for what becomes of the new binary */
    CONTROL_COUNTING,  /* for the workers' figures */
    CONTROL_ENDING     /* everything is said, and perhaps not yet sent */
};

struct control_request {
    const char *name;         /* the line that a client sends; NULL ends a table */
    enum control_state state; /* what who asks waits for, already during run */
    /* Does it, or begins to. Returns NULL, or why it is refused (constant). */
    const char *(*run)(void *owner);
};

/* Embedded by its owner. */
struct control {
    struct loop *loop;
    const char *config; /* the main file's path */
    const struct control_request *requests;
    void *owner;
    unsigned upgrades; /* that the process has seen: the greeting tells */
    char *path;        /* NULL: there is no socket */
    int fd;
    ev_io accept;
    struct deadline again; /* to accept, after a failure */
    TAILQ_HEAD(control_clients, control_client) clients;
    unsigned count;               /* of them, but for `asked` */
    struct control_client *asked; /* who asks from within; NULL: nobody does */
};

/* config: see control/connect.h; NULL: nobody finds the socket by it. The table outlives it all. */
void control_init(struct control *control, struct loop *loop, const char *config,
                  const struct control_request *requests, void *owner);

/* Listens beside that pid file, which the caller holds. A socket that nobody listens on is stale
 * and replaced; another nsgate's is not ("a" and "a.pid" lead to the same). Who is connected stays
 * so. Returns 0, or -1 with a text; the socket of before, if there is one, then stays. */
int control_open(struct control *control, const char *pid_file, char *text, size_t size);

/* Whether something that is no socket lies in its way. Returns 0, or -1 with a text. */
int control_try(const char *pid_file, char *text, size_t size);

/* Takes over a listening socket that has been handed on, with its path (copied). */
void control_adopt(struct control *control, int fd, const char *path);

/* The same question from within: what answers it is read on the descriptor, which is the caller's,
 * close-on-exec and non-blocking; nothing can be asked there. There is one such connection at a
 * time: the one before is closed. It takes no client's place, and no upgrade waits for its end.
 * -1 with errno. */
int control_ask(struct control *control, const char *request);
/* Closes it. */
void control_ask_end(struct control *control);

/* Ends all connections and removes the socket. */
void control_close(struct control *control);

/* ---- what those who wait are told ---- */

/* A reload has been read: who asked for one waits for the end of this one. Its main file's warnings
 * are passed on. */
void control_tell_reload_begun(struct control *control, const struct diag_list *diags);
/* The same, but the main file is broken. */
void control_tell_reload_refused(struct control *control, const struct diag_list *diags,
                                 const char *summary);
/* One tenant of the reload: what is a word of the protocol; the reason may be NULL. */
void control_tell_tenant(struct control *control, const char *what, struct slice tenant,
                         const char *reason);
/* A line of the reload, of one of these kinds: "warning", what it has found in a tenant's file that
 * is no error; "error", it is not all in force, and that is no tenant's fault. */
void control_tell_line(struct control *control, const char *kind, const char *text);
/* The reload is over. status: enum control_status. */
void control_tell_reload_ended(struct control *control, const char *summary, int status);
/* The log has been opened anew; or not, then with the error. */
void control_tell_reopened(struct control *control, const char *error);
/* What an upgrade waits for, to those who have asked for it. */
void control_tell_upgrade_waits(struct control *control, const char *what);
/* The end for those who wait for that: with a status (enum control_status); refused, and why. */
void control_end_each(struct control *control, enum control_state state, int status);
void control_refuse_each(struct control *control, enum control_state state, const char *why);
/* The gateway ends: no reload will. */
void control_tell_ending(struct control *control);

/* Whether nobody is in the middle of a conversation but those who wait for an upgrade. */
bool control_is_quiet(const struct control *control);

#endif
