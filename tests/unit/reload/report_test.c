/* SPDX-License-Identifier: MIT */
/* How mistakes are told. */
#include "reload/report.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdio.h>

static void fill(struct diag_list *diags)
{
    struct diag_place place = {"a.conf", 3, 7};

    diag_list_init(diags);
    diag_error(diags, place, "broken");
    diag_warning(diags, place, "odd");
    diag_notice(diags, place, "by the way");
}

static struct control nobody_asked = {.clients = TAILQ_HEAD_INITIALIZER(nobody_asked.clients)};

Test(report, on_standard_error)
{
    struct reload reload = {.kind = RELOAD_TEST, .control = &nobody_asked};
    struct record record = {.name = (char *)"a"};
    struct diag_list diags;

    cr_redirect_stderr();
    fill(&diags);
    report_print(&diags);
    report_diags(&reload, &record, &diags);
    report_text(&reload, NULL, DIAG_ERROR, "%s: gone", "b.conf");
    fflush(stderr);
    cr_assert_stderr_eq_str("nsgate: [error] a.conf:3:7: broken\n"
                            "nsgate: [warn] a.conf:3:7: odd\n"
                            "nsgate: [notice] a.conf:3:7: by the way\n"
                            "nsgate: [error] a.conf:3:7: broken\n"
                            "nsgate: [warn] a.conf:3:7: odd\n"
                            "nsgate: [notice] a.conf:3:7: by the way\n"
                            "nsgate: [error] b.conf: gone\n");
    record_set_error(&record, NULL);
    diag_list_free(&diags);
}

Test(report, the_first_error_is_kept)
{
    struct reload reload = {.kind = RELOAD_TEST, .control = &nobody_asked};
    struct record record = {.name = (char *)"a"};
    struct diag_list diags;

    cr_redirect_stderr();
    diag_list_init(&diags);
    diag_warning(&diags, ((struct diag_place){"a.conf", 3, 7}), "odd");
    report_diags(&reload, &record, &diags);
    cr_assert_null(record.error, "a warning is no error");
    diag_error(&diags, ((struct diag_place){"a.conf", 3, 7}), "broken");
    report_diags(&reload, &record, &diags);
    cr_assert_str_eq(record.error, "a.conf:3:7: broken");
    diag_error(&diags, ((struct diag_place){"a.conf", 4, 7}), "broken too");
    report_diags(&reload, &record, &diags);
    cr_assert_str_eq(record.error, "a.conf:3:7: broken (and 1 more)");
    report_text(&reload, &record, DIAG_WARNING, "by the way");
    cr_assert_str_eq(record.error, "a.conf:3:7: broken (and 1 more)");
    report_text(&reload, &record, DIAG_ERROR, "%s: gone", "a.conf");
    cr_assert_str_eq(record.error, "a.conf: gone");
    record_set_error(&record, NULL);
    cr_assert_null(record.error);
    diag_list_free(&diags);
}
