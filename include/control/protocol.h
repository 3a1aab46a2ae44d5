/* SPDX-License-Identifier: MIT */
/* The control socket's protocol: how `nsgate -s` asks the running supervisor, and what that
 * answers.
 */
#ifndef CONTROL_PROTOCOL_H
#define CONTROL_PROTOCOL_H

/* A stream socket beside the pid file, of the same name with ".sock" for ".pid". Only its owner may
 * connect: root, or who the gateway runs as.
 *
 * The client sends one line, which is one word: reload, reload-forced (whatever it removes),
 * reopen, status or upgrade. It is answered by lines of fields with one tab between them; the first
 * field says what the line is. In a field, a byte below 0x20, 0x7f and the backslash are written as
 * \xHH. This outlives versions: a client passes over lines whose first word it does not know, and
 * over fields that it does not know.
 *
 *   hello VERSION PID UPGRADES
 *       the first line; how often the process has become a new binary
 *   error TEXT, warning TEXT
 *       what is wrong with the request or the main file, or which of its settings could not be
 *       taken over; what is odd in a file that was read
 *   added NAME, changed NAME, removed NAME, refused NAME REASON
 *       a tenant's fate in a reload
 *   degraded NAME REASON, waiting NAME REASON, blocked NAME REASON
 *       a tenant that does not serve as it should, changed by this reload or not; see state
 *   summary TEXT
 *       the line that the log gets at the end of the reload
 *   waits TEXT
 *       what an upgrade waits for, when that has taken a second
 *   gateway KEY=VALUE...
 *       of status: version, state (starting: the first reload is not over, or no worker is ready;
 *       serving; ending: it drains or ends), pid, uptime (seconds), generation, workers (that it is
 *       to have) and ready (of them), draining (workers of the generation before), connections
 *       (removed tenants' too), partial (always 0: figures are complete), arriving (1: an upgrade
 *       has begun that is not yet done: its workers do not serve yet, or its reload is not over),
 *       sandbox (of the workers: on, log, off, or missing: it is wanted, and the kernel has none),
 *       landlock (the version of its interface that confines them besides, 0: none), reload (how
 *       the last one ended: done; partial: not all of it is in force; refused: nothing of it is;
 *       empty: none has), reloaded (when one was last done, in seconds since 1970, 0: never)
 *   tenant KEY=VALUE...
 *       of status: name, netns, inode (0: unknown, or the host's), state (serving, waiting,
 *       blocked: it waits for what does not come by itself, degraded, refused), bound and
 *       listeners, connections and draining (those of them that end), requests, codes and durations
 *       (of them: CODE:NUMBER, by the class of the status, and SECONDS:NUMBER, so many took that
 *       long at most and longer than the ones before; a comma between two), refused (handshakes),
 *       expires (seconds since 1970, 0: no certificate), generation, error (empty: none)
 *   upstream KEY=VALUE...
 *       of status, behind the line of its tenant, if not all of its servers are up: tenant,
 *       upstream, servers and up (how many), down (a server; several times, and not for all of very
 *       many)
 *   end STATUS
 *       the last line: enum control_status
 *
 * Who has asked for an upgrade sees the connection close without an end: the new binary has taken
 * over. The next hello tells by its count, and the status when it has arrived. */

/* How an answer ends. */
enum control_status {
    CONTROL_GOOD,
    CONTROL_REFUSED, /* the request, a tenant's file or a setting, or workers were too late */
    CONTROL_LACKING  /* all is in force, but not all of it serves */
};

#endif
