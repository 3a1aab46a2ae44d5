/* SPDX-License-Identifier: MIT */
/* Where the nsgate of a main file listens for -s, whatever stands in that file by now: a link in
 * /run/nsgate, named by the main file's path, to the control socket. Only root's are noted. */
#ifndef SUPERVISOR_WHEREABOUTS_INTERNAL_H
#define SUPERVISOR_WHEREABOUTS_INTERNAL_H

/* socket: absolute. Does its best: without the link, -s finds the socket by the main file's `pid`.
 */
void whereabouts_note(const char *config, const char *socket);
/* Unless it leads to another one by now. */
void whereabouts_forget(const char *config, const char *socket);
/* The socket's path, for the caller to free; NULL: nothing is noted. There may be nobody there. */
char *whereabouts_find(const char *config);

#endif
