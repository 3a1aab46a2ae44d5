/* SPDX-License-Identifier: MIT */
/* The data-plane process. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

/* Runs a worker on the channel to the supervisor (descriptor 3 after exec); drops its privileges
 * when SETUP tells the identity. Returns the process's exit status. */
int worker_main(int channel);

#endif
