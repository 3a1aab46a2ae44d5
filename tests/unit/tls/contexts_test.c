/* SPDX-License-Identifier: MIT */
/* Policies: shared contexts, and what OpenSSL refuses told at its place. */
#include "tls/tls.h"

#include <criterion/criterion.h>

static struct tls_contexts *contexts;
static struct diag_list diags;
static const struct diag_place ciphers_place = {"acme.conf", 7, 5},
                               groups_place = {"acme.conf", 8, 9};

static void start(void)
{
    contexts = tls_contexts_new();
    diag_list_init(&diags);
}

static void stop(void)
{
    diag_list_free(&diags);
    tls_contexts_free(contexts);
}

TestSuite(contexts, .init = start, .fini = stop);

static struct tls_context *get(uint32_t versions, const char *ciphers, const char *groups)
{
    const struct tls_policy policy = {versions, slice_of(ciphers), ciphers_place, slice_of(groups),
                                      groups_place};

    return tls_context_get(contexts, &policy, &diags);
}

Test(contexts, one_per_policy)
{
    struct tls_context *first = get(0, "", "");

    cr_assert_not_null(first);
    cr_assert_eq(get(TLS_VERSION_1_2 | TLS_VERSION_1_3, NULL, "auto"), first);
    cr_assert_neq(get(TLS_VERSION_1_3, "", ""), first);
    struct tls_context *narrow = get(0, "HIGH:!aNULL:!MD5", "X25519:secp384r1");
    cr_assert_not_null(narrow);
    cr_assert_neq(narrow, first);
    cr_assert_eq(get(0, "HIGH:!aNULL:!MD5", "X25519:secp384r1"), narrow);
    cr_assert_eq(diags.errors, 0);
    tls_contexts_free(NULL);
}

static void expect(const struct diag *diag, const char *expected)
{
    char text[256];

    diag_format(diag, text, sizeof(text));
    cr_expect_str_eq(text, expected);
}

Test(contexts, bad_texts_are_told_at_their_own_place)
{
    const struct diag *first;

    cr_assert_null(get(0, "NO-SUCH-CIPHER", ""));
    cr_assert_null(get(0, "", "no-such-group"));
    cr_assert_eq(diags.errors, 2);
    first = STAILQ_FIRST(&diags.items);
    expect(first, "acme.conf:7:5: invalid cipher list \"NO-SUCH-CIPHER\": no cipher match");
    expect(
        STAILQ_NEXT(first, next),
        "acme.conf:8:9: invalid group list \"no-such-group\": group 'no-such-group' cannot be set");
    cr_assert_not_null(get(0, "", ""), "what was refused leaves nothing behind");
}

Test(contexts, both_are_told_at_once_and_each_place_once)
{
    cr_assert_null(get(0, "NO-SUCH-CIPHER", "no-such-group"));
    cr_assert_eq(diags.errors, 2);
    cr_assert_null(get(TLS_VERSION_1_2, "NO-SUCH-CIPHER", "no-such-group"), "another server's");
    cr_assert_eq(diags.errors, 2);
}
