/* SPDX-License-Identifier: MIT */
/* A client of a rig's control socket. */
#ifndef RIG_TALK_H
#define RIG_TALK_H

#include "rig/rig.h"

/* Connects and sends the request; returns the connection. */
int talk_begin(const struct rig *rig, const char *request);
/* Reads all of the answer until the other end closes, and closes. */
void talk_end(int fd);
/* Whether the answer that was last read has that text. */
bool talk_said(const char *text);

/* All of it: 0, or -1 when nobody listens. Fails the test when the text is not in the answer. */
int talk(const struct rig *rig, const char *request, const char *text);
/* A reload that may remove all tenants, and a line that it logs. */
void talk_force(struct rig *rig, const char *line);
/* The same as talk at the socket folder/name. */
int talk_at(const struct rig *rig, const char *name, const char *request, const char *text);

#endif
