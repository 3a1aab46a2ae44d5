/* SPDX-License-Identifier: MIT */
/* The candidate's own side of a trial. */
#ifndef SUPERVISOR_TRIAL_INTERNAL_H
#define SUPERVISOR_TRIAL_INTERNAL_H

/* supervisor_candidate with its surroundings as arguments: what its worker executes, the socket for
 * the answer, and the state. Owns both descriptors. Returns the process's exit status. */
int trial_main(const char *program, int answer, int state);

#endif
