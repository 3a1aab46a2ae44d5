/* SPDX-License-Identifier: MIT */
/* Bytes into a buffer that has room. */
#ifndef METRICS_OUT_H
#define METRICS_OUT_H

#include "base/slice.h"

#include <stdint.h>

/* What does not fit is left out: whoever writes sees to it before. */
struct out {
    char *data;
    size_t size;
    size_t len;
};

void out_bytes(struct out *out, struct slice bytes);
static inline void out_text(struct out *out, const char *text)
{
    out_bytes(out, slice_of(text));
}
void out_u64(struct out *out, uint64_t number);
void out_i64(struct out *out, int64_t number);
/* Nanoseconds as seconds, without zeros at the end: "0.0025". */
void out_seconds(struct out *out, uint64_t nanoseconds);

/* Inside quotes, for Prometheus: a backslash before quotes, backslashes and (n) line feeds. What is
 * no UTF-8 becomes U+FFFD, since readers refuse all of a text that has it. */
void out_label(struct out *out, struct slice text);
/* Inside quotes, for JSON (RFC 8259); the same. */
void out_json(struct out *out, struct slice text);

#endif
