/* SPDX-License-Identifier: MIT */
/* Texts of others on a terminal: each character that is no printable one of UTF-8 becomes a `?`. */
#ifndef MAIN_PRINTABLE_INTERNAL_H
#define MAIN_PRINTABLE_INTERNAL_H

#include <stdint.h>
#include <stdio.h>

/* Once, before the others: until then only ASCII is printable. */
void printable_init(void);

/* Writes as much of it as fits into so many columns. Returns how many it takes. */
size_t printable_put(FILE *out, const char *text, size_t columns);
/* How many columns all of it takes. */
size_t printable_width(const char *text);
/* As printable_put, with blanks up to the last column. */
void printable_cell(FILE *out, const char *text, size_t columns);

#endif
