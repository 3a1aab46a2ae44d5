/* SPDX-License-Identifier: MIT */
/* How mistakes are told. */
#include "../../../src/supervisor/supervisor_internal.h"

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

Test(report, on_standard_error)
{
    struct supervisor supervisor = {.round.kind = ROUND_TEST};
    struct diag_list diags;

    cr_redirect_stderr();
    fill(&diags);
    report_print(&diags);
    report_diags(&supervisor, "a", &diags);
    report_text(&supervisor, NULL, DIAG_ERROR, "%s: gone", "b.conf");
    fflush(stderr);
    cr_assert_stderr_eq_str("nsgate: [error] a.conf:3:7: broken\n"
                            "nsgate: [warn] a.conf:3:7: odd\n"
                            "nsgate: [notice] a.conf:3:7: by the way\n"
                            "nsgate: [error] a.conf:3:7: broken\n"
                            "nsgate: [warn] a.conf:3:7: odd\n"
                            "nsgate: [notice] a.conf:3:7: by the way\n"
                            "nsgate: [error] b.conf: gone\n");
    diag_list_free(&diags);
}
