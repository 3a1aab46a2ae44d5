/* SPDX-License-Identifier: MIT */
/* The examining process. */
#ifndef RESOLVER_RESOLVER_H
#define RESOLVER_RESOLVER_H

/* As worker_main. */
int resolver_main(int channel);

#endif
