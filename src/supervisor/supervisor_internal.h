/* SPDX-License-Identifier: MIT */
/* The root process as one struct, which its parts share. */
#ifndef SUPERVISOR_SUPERVISOR_INTERNAL_H
#define SUPERVISOR_SUPERVISOR_INTERNAL_H

#include "children/children.h"
#include "control/control.h"
#include "daemon/notify.h"
#include "daemon/pid_file.h"
#include "files/settings.h"
#include "logs/log_file.h"
#include "observing/access_logs.h"
#include "observing/observing.h"
#include "reload/reload.h"
#include "reload/report.h"
#include "reload/sweep.h"
#include "sockets/sockets.h"
#include "upgrade/upgrade.h"

#define SUPERVISOR_SIGNALS 7

enum supervisor_state {
    SUPERVISOR_RUNNING,
    SUPERVISOR_DRAINING, /* QUIT: the workers finish what runs */
    SUPERVISOR_ENDING    /* TERM: everything ends now */
};

struct logging {
    struct children *children; /* that have the log, too */
    const struct settings *settings;
    void (*on_done)(void *owner, const char *error);
    void *owner;
    struct log_file file;
    struct hold hold;  /* while it is being opened */
    bool is_wanted;    /* once more, when this is done */
    bool is_reopening; /* and not only following a reload */
};

enum reopening_log { REOPENING_ERROR_LOG = 1, REOPENING_ACCESS_LOGS = 2 };

/* All logs opened anew. */
struct reopening {
    unsigned outstanding; /* enum reopening_log: which are not open yet */
    char *error;          /* of the first that could not be; NULL: none yet */
};

struct supervisor {
    struct loop loop;
    enum supervisor_state state;
    int status; /* the process's exit status */
    bool is_root;
    bool is_check;       /* -t: somebody waits for what is printed */
    const char *config;  /* the main file's path */
    const char *program; /* what children execute */
    struct settings *settings;
    struct recorder_dump *dump; /* -T; else NULL */
    struct logging logging;
    struct reopening reopening;
    unsigned long log_dropped; /* lines of the error log that are counted */
    struct pid_file pid;
    struct namespaces namespaces;
    struct sockets sockets;
    struct control control;
    struct registry registry;
    struct children children;
    struct access_logs access_logs;
    struct observing observing;
    bool is_status_due; /* the observer has asked for it, and reads nothing yet */
    struct reload reload;
    struct sweep sweep;
    struct notify notify;
    double started; /* loop_now() */
    struct upgrade upgrade;
    ev_signal signals[SUPERVISOR_SIGNALS];
    ev_timer rotation; /* of ticket keys */
    ev_timer ending;   /* until children that do not end are killed */
};

/* supervisor.c. program: what children execute, "/proc/self/exe" but in tests. */
void supervisor_init(struct supervisor *supervisor, const char *config, const char *program);
void supervisor_free(struct supervisor *supervisor);
/* Reads the main file at the start; errors are on stderr. Returns 0 or -1. */
int supervisor_load(struct supervisor *supervisor);
int supervisor_main(const char *config, const char *program);
/* What supervisor_resume does, with the program that children execute. */
int resume_main(const char *config, int state, const char *program);
int supervisor_test_with(const char *config, bool dump, const char *program);

/* Signals, the service manager, and the ticket keys' rotation. */
void supervisor_start_watchers(struct supervisor *supervisor);
/* Gives the pid file and the log back, frees everything, and returns the exit status. */
int supervisor_close(struct supervisor *supervisor);

/* ending.c. TERM: ends at once. QUIT: drains first. */
void ending_begin(struct supervisor *supervisor, int status);
void ending_drain(struct supervisor *supervisor);
/* Somebody has gone: the last one's end is the loop's, if this is the end. */
void ending_look(struct supervisor *supervisor);
void ending_init(struct supervisor *supervisor);
void ending_free(struct supervisor *supervisor);

/* requests.c: what the control socket may ask for. */
extern const struct control_request supervisor_requests[];
/* children_events.c: what children ask and tell. */
extern const struct children_singles supervisor_singles;
extern const struct children_events supervisor_children_events;

/* board.c: what the board says of the gateway and of each tenant, as it is now. */
void board_follow(struct supervisor *supervisor);

/* reopening.c: the error log and the access logs are opened anew. */
void reopening_begin(struct supervisor *supervisor);
void reopening_init(struct supervisor *supervisor);
void reopening_free(struct supervisor *supervisor);

/* upgrading.c */
extern const struct upgrade_events supervisor_upgrade_events;

/* signals.c */
void signals_start(struct supervisor *supervisor);
void signals_stop(struct supervisor *supervisor);

/* logging.c. on_done: the log has been opened anew as the settings say, or stays where it is, then
 * with the error. */
void logging_init(struct logging *logging, struct children *children,
                  void (*on_done)(void *owner, const char *error), void *owner);
void logging_free(struct logging *logging);
void logging_close(int fd);
/* At the start: the log goes where the settings say; a file that cannot be opened is told, and
 * standard error does. */
void logging_start(struct logging *logging, const struct settings *settings);
/* What logging_start would open. make: whether a file that is not there is made; if not, *fd is -1
 * for it. Returns 0, or -1 with what is wrong. */
int logging_open(const char *program, const struct settings *settings, bool make, int *fd,
                 char text[SETTING_TEXT]);
/* Opens the log anew as the settings say, which live until the next call, for all processes;
 * on_done follows. is_reopening: somebody has asked for just that. */
void logging_follow(struct logging *logging, const struct settings *settings, bool is_reopening);

/* reloading.c: a reload with the settings and the rest of now. */
int supervisor_reload(struct supervisor *supervisor, enum reload_kind kind);
void reloading_init(struct supervisor *supervisor);
/* Tells namespaces, sockets and children of the settings' parts that concern them. */
void reloading_apply_settings(struct supervisor *supervisor);
/* Starts a resolver that has work, and ends one that has none, in a moment. */
void reloading_see_to_resolver(struct supervisor *supervisor);

#endif
