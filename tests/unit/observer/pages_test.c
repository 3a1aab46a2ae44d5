/* SPDX-License-Identifier: MIT */
/* What is shown under which path, as the gateway is. */
#include "observer/pages_internal.h"

#include <criterion/criterion.h>

static void expect(const char *path, const struct status *status, int code, const char *part)
{
    const struct page *page = pages_find(slice_of(path));
    struct text *text = NULL;

    cr_expect_eq(page->make(status, &text), code, "%s", path);
    cr_assert_not_null(text);
    cr_expect_not_null(memmem(text->bytes.data, text->bytes.len, part, strlen(part)), "%s: %.*s",
                       path, SLICE_PRINTF(text->bytes));
    text_unref(text);
}

Test(pages, readiness_follows_the_state)
{
    struct status status = {.state = "serving"};

    expect("/readyz", &status, 200, "true");
    strcpy(status.state, "starting");
    expect("/readyz", &status, 503, "\"starting\"");
    strcpy(status.state, "ending");
    expect("/readyz", &status, 503, "\"ending\"");
    status.state[0] = '\0';
    expect("/readyz", &status, 503, "not known");
    expect("/healthz", &status, 200, "ok");
}

Test(pages, the_status_is_shown_if_it_is_known)
{
    struct status status = {.json = NULL};

    expect("/status.json", &status, 503, "not known");
    status.json = text_copy(SLICE("{\"a\": 1}"));
    expect("/status.json", &status, 200, "{\"a\": 1}");
    text_unref(status.json);
}

Test(pages, the_page_is_a_document_with_a_policy)
{
    struct status status = {.json = NULL};
    const char *policy = pages_find(SLICE("/"))->policy;

    expect("/", &status, 200, "<!doctype html>");
    expect("/", &status, 200, "</html>");
    cr_assert_not_null(policy);
    cr_expect_not_null(strstr(policy, "default-src 'none'; style-src 'sha256-"));
    cr_expect_null(strstr(policy, "unsafe"));
    cr_expect_null(pages_find(SLICE("/status.json"))->policy);
}

Test(pages, other_paths_are_told_which_there_are)
{
    static const char *const others[] = {"//", "", "/healthz/", "/HEALTHZ", "/status", "*"};
    struct status status = {.json = NULL};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        expect(others[i], &status, 404, "/readyz");
}

Test(pages, a_refusal_says_why)
{
    static const int refusals[] = {400, 405, 421};

    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        struct text *text = NULL;

        cr_expect_eq(pages_refusal(refusals[i])->make(NULL, &text), refusals[i]);
        cr_expect_gt(text->bytes.len, 10);
        text_unref(text);
    }
}
