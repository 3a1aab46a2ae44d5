/* SPDX-License-Identifier: MIT */
/* The process that shows: it answers HTTP where `observe` says so. */
#ifndef OBSERVER_OBSERVER_H
#define OBSERVER_OBSERVER_H

/* As worker_main. */
int observer_main(int channel);

#endif
