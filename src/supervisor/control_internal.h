/* SPDX-License-Identifier: MIT */
/* The control socket's side in the supervisor: see supervisor/control.h for what is said there. */
#ifndef SUPERVISOR_CONTROL_INTERNAL_H
#define SUPERVISOR_CONTROL_INTERNAL_H

#include "settings_internal.h"

#include "base/diag.h"
#include "io/loop.h"

struct supervisor;
struct control_client;

/* Embedded by the supervisor. */
struct control {
    char *path; /* NULL: there is no socket */
    int fd;
    ev_io accept;
    ev_timer again; /* to accept, after a failure */
    TAILQ_HEAD(control_clients, control_client) clients;
    unsigned count; /* of them */
};

void control_init(struct supervisor *supervisor);

/* Listens beside that pid file, which the caller holds. A socket that nobody listens on is stale
 * and replaced; another nsgate's is not ("a" and "a.pid" lead to the same). Who is connected stays
 * so. Returns 0, or -1 with a text; the socket of before, if there is one, then stays. */
int control_open(struct supervisor *supervisor, const char *pid_file, char text[SETTING_TEXT]);

/* Whether something that is no socket lies in its way. Returns 0, or -1 with a text. */
int control_try(const char *pid_file, char text[SETTING_TEXT]);

/* Takes over a listening socket that has been handed on, with its path (copied). */
void control_adopt(struct supervisor *supervisor, int fd, const char *path);

/* Ends all connections and removes the socket. */
void control_close(struct supervisor *supervisor);

/* The path for a pid file's; the caller frees it. */
char *control_path(const char *pid_file);

/* A client's end: a blocking connection to the socket at path, which gives up after 5 s; or -1 with
 * errno. */
int control_connect(const char *path);

/* ---- what those who wait are told ---- */

/* A reload has been read: who asked for one waits for the end of this round. Its main file's
 * warnings are passed on. */
void control_on_round(struct supervisor *supervisor, const struct diag_list *diags);
/* The same, but the main file is broken. */
void control_on_broken(struct supervisor *supervisor, const struct diag_list *diags,
                       const char *summary);
/* One tenant of the round: what is a word of control.h; the reason may be NULL. */
void control_on_outcome(struct supervisor *supervisor, const char *what, struct slice tenant,
                        const char *reason);
/* What the round has found in a tenant's file that is no error. */
void control_on_warning(struct supervisor *supervisor, const char *text);
/* It is not all in force, and that is no tenant's fault. */
void control_on_error(struct supervisor *supervisor, const char *text);
/* The round is over. status: enum control_status. */
void control_on_round_end(struct supervisor *supervisor, const char *summary, int status);
/* The log has been opened anew; or not, then with the error. */
void control_on_reopened(struct supervisor *supervisor, const char *error);
/* Whether nobody is in the middle of a conversation but those who wait for an upgrade. */
bool control_is_quiet(const struct supervisor *supervisor);
/* What an upgrade waits for, to those who have asked for it. */
void control_on_upgrade_waits(struct supervisor *supervisor, const char *what);
/* The new binary will not do; what runs goes on. */
void control_on_upgrade_refused(struct supervisor *supervisor, const char *reason);
/* The gateway ends: no round will. */
void control_on_ending(struct supervisor *supervisor);

#endif
