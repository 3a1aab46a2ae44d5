/* SPDX-License-Identifier: MIT */
/* Numbers and quoted texts, quickly. */
#include "metrics/out.h"

#include <stdbool.h>
#include <string.h>

#define NANO UINT64_C(1000000000)

void out_bytes(struct out *out, struct slice bytes)
{
    if (bytes.len == 0 || out->size - out->len < bytes.len)
        return;
    memcpy(out->data + out->len, bytes.data, bytes.len);
    out->len += bytes.len;
}

void out_u64(struct out *out, uint64_t number)
{
    char digits[SLICE_U64_DIGITS];

    out_bytes(out, slice_of_u64(number, digits));
}

void out_i64(struct out *out, int64_t number)
{
    if (number < 0)
        out_text(out, "-");
    out_u64(out, number < 0 ? -(uint64_t)number : (uint64_t)number);
}

void out_seconds(struct out *out, uint64_t nanoseconds)
{
    uint64_t rest = nanoseconds % NANO;
    char digits[10] = ".";
    size_t len = 10;

    out_u64(out, nanoseconds / NANO);
    if (rest == 0)
        return;
    for (size_t i = 9; i > 0; i--, rest /= 10)
        digits[i] = (char)('0' + rest % 10);
    while (digits[len - 1] == '0')
        len--;
    out_bytes(out, (struct slice){digits, len});
}

/* ---- quoted ---- */

/* How many bytes the character takes with which the text begins; 0: it is no UTF-8 (RFC 3629). */
static size_t character(struct slice text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    unsigned char first = (unsigned char)text.data[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    uint32_t code = len < 2 ? first : first & (0x7fu >> len);

    if (len == 0 || len > text.len || first > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (((unsigned char)text.data[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | ((unsigned char)text.data[i] & 0x3f);
    }
    return code < least[len] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : len;
}

static void out_control(struct out *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    char text[] = "\\u0000";

    text[4] = digits[c / 16];
    text[5] = digits[c % 16];
    out_text(out, text);
}

static void out_quoted(struct out *out, struct slice text, bool is_json)
{
    for (size_t i = 0, len; i<text.len; i += len> 0 ? len : 1) {
        struct slice rest = slice_from(text, i);
        char c = text.data[i];

        len = character(rest);
        if (len == 0)
            out_text(out, "\xef\xbf\xbd");
        else if (c == '"' || c == '\\')
            out_bytes(out, (struct slice){c == '"' ? "\\\"" : "\\\\", 2});
        else if (c == '\n')
            out_text(out, "\\n");
        else if (is_json && (unsigned char)c < 0x20)
            out_control(out, (unsigned char)c);
        else
            out_bytes(out, slice_head(rest, len));
    }
}

void out_label(struct out *out, struct slice text)
{
    out_quoted(out, text, false);
}

void out_json(struct out *out, struct slice text)
{
    out_quoted(out, text, true);
}
