/* SPDX-License-Identifier: MIT */
/* More exchanges with one server than may have a connection in the making. */
#ifndef UNIT_BACKEND_CROWD_H
#define UNIT_BACKEND_CROWD_H

#include "rig.h"

#define FIRST 32 /* connections in the making */
#define CROWD (FIRST + 8)

extern struct rig rig;
extern struct visit visits[CROWD];
extern int fds[CROWD]; /* what the server has accepted; 0: nothing */

/* For a TestSuite's init and fini. */
void crowd_begin(void);
void crowd_end(void);

bool waits(unsigned i);

/* All connections that may be in the making are, at a server that has got their requests. */
void fill(void);

/* So many more, which wait. */
void more(unsigned count);

#endif
