/* SPDX-License-Identifier: MIT */
/* -s status: reads the answer to its end and prints it. */
#include "status_internal.h"

#include "check_internal.h"

#include <stdlib.h>

/* NULL: there is no answer, and why has been told; else the caller's. */
static json_t *status_read(struct talk *talk, int *status)
{
    struct answer_status whole;
    struct answer answer;
    bool has_ended = false;
    json_t *gateway;

    answer_status_init(&whole);
    while (!has_ended && talk_read(talk, &answer) == 0) {
        answer_status_take(&whole, &answer);
        has_ended = answer_ends(&answer, status);
    }
    gateway = answer_status_end(&whole);
    if (has_ended)
        return gateway;
    fprintf(stderr, "nsgate: the running nsgate went away before it had told all\n");
    json_decref(gateway);
    return NULL;
}

int status_show(struct talk *talk, bool json)
{
    int status = EXIT_FAILURE;
    json_t *gateway = status_read(talk, &status);

    if (!gateway) {
        status = EXIT_FAILURE;
    } else if (json) {
        json_dumpf(gateway, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        table_print(gateway);
    }
    json_decref(gateway);
    return status;
}

int status_check(struct talk *talk, time_t now)
{
    int status;
    json_t *gateway = status_read(talk, &status);
    enum check worst = gateway ? check_print(stdout, gateway, now) : CHECK_UNKNOWN;

    json_decref(gateway);
    return (int)worst;
}
