/* SPDX-License-Identifier: MIT */
/* Names in Unicode, by the samples of RFC 3492 section 7.1 and names that are in use. */
#include "config/text/punycode_internal.h"

#include <criterion/criterion.h>

static struct arena arena;

static void start(void)
{
    arena_init(&arena, 512);
}

static void stop(void)
{
    arena_free(&arena);
}

TestSuite(punycode, .init = start, .fini = stop);

Test(punycode, samples)
{
    static const struct {
        const char *name, *expected;
    } samples[] = {
        {"müller.test", "xn--mller-kva.test"},
        {"*.MÜLLER.Test", "*.xn--mller-kva.test"},
        {".straße.test", ".xn--strae-oqa.test"},
        {"bücher.*", "xn--bcher-kva.*"},
        {"пример.испытание", "xn--e1afmkfd.xn--80akhbyknj4f"},
        {"日本語.test", "xn--wgv71a119e.test"},
        {"他们为什么不说中文", "xn--ihqwcrb4cv8a8dqg056pqjye"},
        {"ليهمابتكلموشعربي؟", "xn--egbpdaj6bu4bxfgehfvwxn"},
        {"pročprostěnemluvíčesky", "xn--proprostnemluvesky-uyb24dma41a"},
        {"3年b組金八先生", "xn--3b-ww4c5e180e575a65lsy2b"},
        {"☃", "xn--n3h"},
        {"plain.test", "plain.test"},
    };

    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct slice text = punycode_name(&arena, slice_of(samples[i].name));

        cr_expect(slice_equal(text, slice_of(samples[i].expected)), "%s: %.*s", samples[i].name,
                  SLICE_PRINTF(text));
    }
}

Test(punycode, what_has_no_such_form)
{
    char longest[300];

    cr_expect_eq(punycode_name(&arena, SLICE("")).len, 0);
    cr_expect_eq(punycode_name(&arena, SLICE("m\xfcller.test")).len, 0, "Latin-1");
    cr_expect_eq(punycode_name(&arena, SLICE("\xc3")).len, 0, "cut short");
    cr_expect_eq(punycode_name(&arena, SLICE("\xed\xa0\x80")).len, 0, "a surrogate");
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "\xc3\xbc", 2);
    cr_expect_eq(punycode_name(&arena, (struct slice){longest, 64}).len, 0, "a label too long");
    cr_expect_eq(punycode_name(&arena, (struct slice){longest, 254}).len, 0);
}
