/* SPDX-License-Identifier: MIT */
/* What the supervisor keeps of root's power, and how many files it may open. */
#ifndef DAEMON_PRIVILEGES_H
#define DAEMON_PRIVILEGES_H

/* Keeps the capabilities of the supervisor's job, the bounding set included; nobody may trace the
 * process or read its memory. Returns 0, or -1 with a reason that has been told: the process must
 * not go on then. */
int privileges_reduce(void);
/* The soft limit of open descriptors becomes the hard one. */
void privileges_raise_descriptors(void);

#endif
