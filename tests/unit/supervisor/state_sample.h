/* SPDX-License-Identifier: MIT */
/* A whole state, its tenants included, with something of everything; its descriptors are only
 * numbers. */
#ifndef STATE_SAMPLE_H
#define STATE_SAMPLE_H

#include "reload/record.h"

#include "children/children.h"
#include "upgrade/state.h"

struct sample {
    struct state state;
    struct children_state workers;
    struct registry registry;
};

void sample_open(struct sample *sample);
void sample_close(struct sample *sample);

/* As children_put does. */
void sample_put_workers(struct wire_writer *writer, const struct children_state *workers);
/* As access_logs_put does. */
void sample_put_no_logs(struct wire_writer *writer);
/* All of it, as bytes; and back: 0, or -1. Close it in both cases. */
void sample_put(struct wire_writer *writer, const struct sample *sample);
int sample_get(struct sample *sample, struct slice bytes);

#endif
