/* SPDX-License-Identifier: MIT */
/* Escaping, as nginx has it. What nginx lets through and a line can not bear differs: with
 * escape=none control bytes become \xXX, with escape=json a byte that is no UTF-8 becomes \u00XX
 * (RFC 8259 section 8.1). */
#include "log/line_internal.h"

#include <string.h>

/* Behind a value that was cut. */
#define CUT SLICE("...")

/* The longest of what one byte or character becomes: \u00XX. */
#define UNIT_MAX 6

static const char digits[] = "0123456789ABCDEF";

void log_line_put(struct log_line *line, struct slice text)
{
    if (text.len > 0)
        memcpy(line->data + line->len, text.data, text.len);
    line->len += text.len;
}

static size_t hex(char *out, const char *prefix, unsigned char byte)
{
    size_t len = strlen(prefix);
    memcpy(out, prefix, len);
    out[len] = digits[byte >> 4];
    out[len + 1] = digits[byte & 15];
    return len + 2;
}

static size_t pair(char *out, char letter)
{
    out[0] = '\\';
    out[1] = letter;
    return 2;
}

/* How many bytes the character has that begins there (RFC 3629 section 4); 0: it is none. */
static size_t utf8_length(const unsigned char *at, size_t left)
{
    size_t len = at[0] < 0xc2 ? 0 : at[0] < 0xe0 ? 2 : at[0] < 0xf0 ? 3 : at[0] < 0xf5 ? 4 : 0;
    if (len == 0 || len > left)
        return 0;
    for (size_t i = 1; i < len; i++)
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    bool is_overlong = (at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xf0 && at[1] < 0x90);
    bool is_surrogate = at[0] == 0xed && at[1] > 0x9f;
    bool is_beyond = at[0] == 0xf4 && at[1] > 0x8f;
    return is_overlong || is_surrogate || is_beyond ? 0 : len;
}

static size_t json_control(char *out, unsigned char byte)
{
    switch (byte) {
    case '\n':
        return pair(out, 'n');
    case '\r':
        return pair(out, 'r');
    case '\t':
        return pair(out, 't');
    case '\b':
        return pair(out, 'b');
    case '\f':
        return pair(out, 'f');
    default:
        return hex(out, "\\u00", byte);
    }
}

/* Writes what stands for the beginning of the text to out; returns how much that is, and in *taken
 * how many bytes of the text it stands for. */
static size_t escape_json(char *out, const unsigned char *at, size_t left, size_t *taken)
{
    *taken = 1;
    if (at[0] == '"' || at[0] == '\\')
        return pair(out, (char)at[0]);
    if (at[0] < 0x20)
        return json_control(out, at[0]);
    *taken = utf8_length(at, left);
    if (*taken > 0) {
        memcpy(out, at, *taken);
        return *taken;
    }
    *taken = 1;
    return hex(out, "\\u00", at[0]);
}

static size_t escape_one(enum config_log_escape escape, char *out, struct slice text, size_t *taken)
{
    const unsigned char *at = (const unsigned char *)text.data;
    if (escape == LOG_ESCAPE_JSON)
        return escape_json(out, at, text.len, taken);
    *taken = 1;
    return hex(out, "\\x", at[0]);
}

/* Which bytes stand for themselves: a bit for each enum config_log_escape. */
#define BIT(escape) (1u << (escape))
#define ALL         (BIT(LOG_ESCAPE_DEFAULT) | BIT(LOG_ESCAPE_JSON) | BIT(LOG_ESCAPE_NONE))

static const unsigned char plain_bytes[256] = {
    [' ' ... '!'] = ALL,
    ['"'] = BIT(LOG_ESCAPE_NONE),
    ['#' ... '['] = ALL,
    ['\\'] = BIT(LOG_ESCAPE_NONE),
    [']' ... '~'] = ALL,
    [0x7f] = BIT(LOG_ESCAPE_JSON),
    [0x80 ... 0xff] = BIT(LOG_ESCAPE_NONE),
};

static bool is_plain(enum config_log_escape escape, unsigned char byte)
{
    return plain_bytes[byte] & BIT(escape);
}

void log_line_put_value(struct log_line *line, enum config_log_escape escape, struct slice value,
                        size_t room)
{
    char unit[UNIT_MAX];
    size_t most = line->len + room - CUT.len;
    if (!value.data) {
        log_line_put(line, escape == LOG_ESCAPE_DEFAULT ? SLICE("-") : SLICE(""));
        return;
    }
    while (value.len > 0) {
        size_t plain = 0, taken = 0;
        while (plain < value.len && is_plain(escape, (unsigned char)value.data[plain]))
            plain++;
        size_t fits = plain < most - line->len ? plain : most - line->len;
        log_line_put(line, slice_head(value, fits));
        value = slice_from(value, fits);
        if (value.len == 0)
            return;
        size_t len = fits == plain ? escape_one(escape, unit, value, &taken) : UNIT_MAX;
        if (fits < plain || len > most - line->len) {
            log_line_put(line, CUT);
            return;
        }
        log_line_put(line, (struct slice){unit, len});
        value = slice_from(value, taken);
    }
}
