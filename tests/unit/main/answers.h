/* SPDX-License-Identifier: MIT */
/* A running nsgate that says by heart what it is to say. */
#ifndef TESTS_MAIN_ANSWERS_H
#define TESTS_MAIN_ANSWERS_H

#include <stdbool.h>

/* Its socket; each connection gets the next of the texts (NULL ends them) once it has asked. */
struct answers {
    char folder[32];
    char socket[64];
    int pid;
};

void answers_begin(struct answers *answers, const char *const texts[]);
void answers_end(struct answers *answers);

#endif
