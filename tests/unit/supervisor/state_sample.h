/* SPDX-License-Identifier: MIT */
/* A state with something of everything; its descriptors are only numbers. */
#ifndef STATE_SAMPLE_H
#define STATE_SAMPLE_H

struct state;

/* The caller frees it. */
void state_sample(struct state *state);

#endif
