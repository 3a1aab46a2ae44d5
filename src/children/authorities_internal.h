/* SPDX-License-Identifier: MIT */
/* The system's CA certificates, read once for all workers. */
#ifndef CHILDREN_AUTHORITIES_INTERNAL_H
#define CHILDREN_AUTHORITIES_INTERNAL_H

/* A sealed memfd with them, the caller's; -1 is logged. */
int authorities_read(void);

#endif
