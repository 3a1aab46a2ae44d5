/* SPDX-License-Identifier: MIT */
/* Punycode (RFC 3492), for telling which name would match: libc decodes UTF-8 and knows the cases
 * of letters, and the encoding is too short for a library that every process would have to load. */
#include "text/punycode_internal.h"

#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <wchar.h>
#include <wctype.h>

/* RFC 1035 section 2.3.4. */
#define NAME_MAX_BYTES  253
#define LABEL_MAX_BYTES 63

/* RFC 3492 section 5. */
enum { BASE = 36, T_MIN = 1, T_MAX = 26, SKEW = 38, DAMP = 700, FIRST_BIAS = 72, FIRST_CODE = 128 };

struct label {
    char bytes[LABEL_MAX_BYTES];
    size_t len;
    bool is_full;
};

static void put(struct label *label, char c)
{
    if (label->len < LABEL_MAX_BYTES)
        label->bytes[label->len++] = c;
    else
        label->is_full = true;
}

static void put_digit(struct label *label, uint32_t digit)
{
    put(label, (char)(digit < 26 ? 'a' + digit : '0' + (digit - 26)));
}

/* Section 6.1. */
static uint32_t adapt(uint32_t delta, uint32_t count, bool is_first)
{
    uint32_t k = 0;

    delta /= is_first ? DAMP : 2;
    delta += delta / count;
    for (; delta > (BASE - T_MIN) * T_MAX / 2; k += BASE)
        delta /= BASE - T_MIN;
    return k + (BASE - T_MIN + 1) * delta / (delta + SKEW);
}

/* A delta as an integer of variable length: section 3.3. */
static void put_delta(struct label *label, uint32_t delta, uint32_t bias)
{
    for (uint32_t k = BASE;; k += BASE) {
        uint32_t t = k <= bias + T_MIN ? T_MIN : k >= bias + T_MAX ? T_MAX : k - bias;

        if (delta < t)
            break;
        put_digit(label, t + (delta - t) % (BASE - t));
        delta = (delta - t) / (BASE - t);
    }
    put_digit(label, delta);
}

static uint32_t smallest_from(const wchar_t *codes, size_t count, uint32_t from)
{
    uint32_t smallest = UINT32_MAX;

    for (size_t i = 0; i < count; i++) {
        if ((uint32_t)codes[i] >= from && (uint32_t)codes[i] < smallest)
            smallest = (uint32_t)codes[i];
    }
    return smallest;
}

/* Section 6.3. A label of at most NAME_MAX_BYTES codes cannot overflow the delta. */
static void encode(struct label *label, const wchar_t *codes, size_t count)
{
    uint32_t delta = 0, bias = FIRST_BIAS, next = FIRST_CODE;
    uint32_t basic = 0, done;

    for (size_t i = 0; i < count; i++) {
        if (codes[i] < FIRST_CODE) {
            put(label, (char)codes[i]);
            basic++;
        }
    }
    if (basic > 0)
        put(label, '-');
    for (done = basic; done < count; delta++, next++) {
        uint32_t code = smallest_from(codes, count, next);

        delta += (code - next) * (done + 1);
        next = code;
        for (size_t i = 0; i < count; i++) {
            if ((uint32_t)codes[i] < next)
                delta++;
            if ((uint32_t)codes[i] != next)
                continue;
            put_delta(label, delta, bias);
            bias = adapt(delta, done + 1, done == basic);
            delta = 0;
            done++;
        }
    }
}

static bool is_ascii(const wchar_t *codes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (codes[i] >= FIRST_CODE)
            return false;
    }
    return true;
}

/* In lower case. Returns the number of codes, 0 when the text is no UTF-8. */
static size_t decode(struct slice text, wchar_t codes[NAME_MAX_BYTES + 1])
{
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    char copy[NAME_MAX_BYTES + 1];
    size_t count;
    locale_t before;

    if (!utf8)
        return 0;
    memcpy(copy, text.data, text.len);
    copy[text.len] = '\0';
    before = uselocale(utf8);
    count = mbstowcs(codes, copy, NAME_MAX_BYTES + 1);
    uselocale(before);
    if (count > NAME_MAX_BYTES)
        count = 0;
    for (size_t i = 0; i < count; i++)
        codes[i] = (wchar_t)towlower_l((wint_t)codes[i], utf8);
    freelocale(utf8);
    return count;
}

struct slice punycode_name(struct arena *arena, struct slice name)
{
    wchar_t codes[NAME_MAX_BYTES + 1];
    struct slice text = SLICE("");
    size_t count, end;

    if (name.len == 0 || name.len > NAME_MAX_BYTES)
        return text;
    count = decode(name, codes);
    for (size_t at = 0; at < count; at = end + 1) {
        struct label label = {.len = 0};

        for (end = at; end < count && codes[end] != L'.'; end++)
            ;
        if (is_ascii(&codes[at], end - at)) {
            for (size_t i = at; i < end; i++)
                put(&label, (char)codes[i]);
        } else {
            for (const char *c = "xn--"; *c; c++)
                put(&label, *c);
            encode(&label, &codes[at], end - at);
        }
        if (label.is_full)
            return SLICE("");
        text = arena_printf(arena, "%.*s%.*s%s", SLICE_PRINTF(text), (int)label.len, label.bytes,
                            end < count ? "." : "");
    }
    return text;
}
