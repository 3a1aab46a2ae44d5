/* SPDX-License-Identifier: MIT */
/* Edit distance between what was written and what is known. */
#include "names_internal.h"

#define NAME_MAX_COMPARED 48

static unsigned smaller(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment distance (Levenshtein's with transpositions), in three rows. */
static unsigned distance_of(struct slice a, struct slice b)
{
    unsigned rows[3][NAME_MAX_COMPARED + 1];
    unsigned *before = rows[0], *last = rows[1], *row = rows[2];

    for (unsigned j = 0; j <= b.len; j++)
        last[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        row[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned cost = a.data[i - 1] != b.data[j - 1];

            row[j] = smaller(smaller(last[j] + 1, row[j - 1] + 1), last[j - 1] + cost);
            if (i > 1 && j > 1 && a.data[i - 1] == b.data[j - 2] && a.data[i - 2] == b.data[j - 1])
                row[j] = smaller(row[j], before[j - 2] + 1);
        }

        unsigned *free_row = before;

        before = last;
        last = row;
        row = free_row;
    }
    return last[b.len];
}

void nearest_try(struct nearest *nearest, struct slice written, const char *candidate)
{
    struct slice known = slice_of(candidate);
    size_t longer = written.len > known.len ? written.len : known.len;
    size_t shorter = written.len > known.len ? known.len : written.len;
    unsigned distance;

    if (longer > NAME_MAX_COMPARED || longer - shorter > longer / 3)
        return;
    distance = distance_of(written, known);
    if (distance <= longer / 3 && (!nearest->name || distance < nearest->distance)) {
        nearest->name = candidate;
        nearest->distance = distance;
    }
}
