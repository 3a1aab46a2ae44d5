/* SPDX-License-Identifier: MIT */
/* -s status: reads the answer to its end and prints it. */
#include "status_internal.h"

#include <stdlib.h>

int status_show(struct talk *talk, bool json)
{
    struct answer_status whole;
    struct answer answer;
    int status = EXIT_FAILURE;
    bool has_ended = false;
    json_t *gateway;

    answer_status_init(&whole);
    while (!has_ended && talk_read(talk, &answer) == 0) {
        answer_status_take(&whole, &answer);
        has_ended = answer_ends(&answer, &status);
    }
    gateway = answer_status_end(&whole);
    if (!has_ended) {
        fprintf(stderr, "nsgate: the running nsgate went away before it had told all\n");
        status = EXIT_FAILURE;
    } else if (!gateway) {
        status = EXIT_FAILURE; /* it has told why */
    } else if (json) {
        json_dumpf(gateway, stdout, JSON_INDENT(2));
        putchar('\n');
    } else {
        table_print(gateway);
    }
    json_decref(gateway);
    return status;
}
