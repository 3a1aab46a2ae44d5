/* SPDX-License-Identifier: MIT */
/* Texts of others on a terminal: it would obey their control characters. */
#include "printable_internal.h"

#include <locale.h>
#include <stdbool.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

void printable_init(void)
{
    setlocale(LC_CTYPE,
              "C.UTF-8"); /* what the environment says does not change what names are in */
}

/* Characters that change the direction of what stands around them, and others without a place of
 * their own, could let one line look like another. */
static bool printable_is(wchar_t c)
{
    return iswprint((wint_t)c) && wcwidth(c) > 0;
}

/* The character at `from`, which is at most left bytes long. Returns how many bytes it takes. */
static size_t printable_next(const char *from, size_t left, wchar_t *c)
{
    mbstate_t state = {0};
    size_t len = mbrtowc(c, from, left, &state);

    if (len != (size_t)-1 && len != (size_t)-2 && printable_is(*c))
        return len;
    *c = L'?';
    return len == (size_t)-1 || len == (size_t)-2 || len == 0 ? 1 : len;
}

size_t printable_put(FILE *out, const char *text, size_t columns)
{
    size_t left = strlen(text), used = 0;

    while (left > 0) {
        wchar_t c;
        size_t len = printable_next(text, left, &c);
        size_t width = (size_t)wcwidth(c);

        if (used + width > columns)
            break;
        if (out && c == L'?')
            fputc('?', out);
        else if (out)
            fwrite(text, 1, len, out);
        used += width;
        text += len;
        left -= len;
    }
    return used;
}

size_t printable_width(const char *text)
{
    return printable_put(NULL, text, SIZE_MAX);
}

void printable_cell(FILE *out, const char *text, size_t columns)
{
    fprintf(out, "%*s", (int)(columns - printable_put(out, text, columns)), "");
}
