/* SPDX-License-Identifier: MIT */
/* -s status: the answer as a table, or as JSON. */
#ifndef MAIN_STATUS_INTERNAL_H
#define MAIN_STATUS_INTERNAL_H

#include "talk_internal.h"

#include <jansson.h>
#include <time.h>

/* Reads the answer and prints it. Returns the process's exit status. */
int status_show(struct talk *talk, bool json);

/* Reads the answer and prints what is wrong. Returns an enum check. */
int status_check(struct talk *talk, time_t now);

/* table.c: prints what --json would, for people: a line of the gateway's and one per tenant. */
void table_print(const json_t *gateway);
/* The line of the gateway's, without an end. */
void table_put_gateway(FILE *out, const json_t *gateway);

#endif
