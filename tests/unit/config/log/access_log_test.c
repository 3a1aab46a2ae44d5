/* SPDX-License-Identifier: MIT */
/* access_log: its words, and what blocks inherit. */
#include "config/config_support.h"

static const struct config_settings *settings_of(const struct built *built, unsigned server)
{
    return built->tenant.servers[server].settings;
}

static const char *path_of(const struct built *built, const struct config_settings *settings,
                           unsigned log)
{
    return built->tenant.log_destinations[settings->access_logs[log].destination].path.data;
}

Test(access_log, is_off_by_itself)
{
    struct built built;

    build_good(&built, "netns a; server { listen 80; return 204; }");
    cr_expect_eq(settings_of(&built, 0)->access_log_count, 0);
    cr_expect_eq(built.tenant.log_destination_count, 0);
    free_tenant(&built);
}

/* As in nginx: a level's own replace those of outside; `off` cancels all of its level. */
Test(access_log, is_inherited_all_or_nothing)
{
    struct built built;

    build_good(&built, "netns a; access_log /top; access_log /second;\n"
                       "server { listen 80; location / { return 204; }\n"
                       "  location /own { access_log /own; return 204; }\n"
                       "  location /off { access_log off; return 204; }\n"
                       "  location /both { access_log /x; access_log off; access_log /y;\n"
                       "    return 204; } }\n"
                       "server { listen 81; access_log off; location / { return 204; }\n"
                       "  location /on { access_log /top; return 204; } }\n");
    const struct config_location *of = built.tenant.servers[0].locations;

    cr_assert_eq(settings_of(&built, 0)->access_log_count, 2);
    cr_expect_str_eq(path_of(&built, settings_of(&built, 0), 0), "/top");
    cr_expect_str_eq(path_of(&built, settings_of(&built, 0), 1), "/second");
    cr_expect_eq(of[0].settings->access_log_count, 2);
    cr_assert_eq(of[1].settings->access_log_count, 1);
    cr_expect_str_eq(path_of(&built, of[1].settings, 0), "/own");
    cr_expect_eq(of[2].settings->access_log_count, 0);
    cr_expect_eq(of[3].settings->access_log_count, 0);
    cr_expect_eq(settings_of(&built, 1)->access_log_count, 0);
    cr_expect_eq(built.tenant.servers[1].locations[0].settings->access_log_count, 0);
    cr_assert_eq(built.tenant.servers[1].locations[1].settings->access_log_count, 1);
    cr_expect_str_eq(path_of(&built, built.tenant.servers[1].locations[1].settings, 0), "/top");
    free_tenant(&built);
}

Test(access_log, of_defaults_is_the_tenants)
{
    struct built built;

    build_both(&built, "tenants /t; defaults { log_format f x; access_log logs/a f; }",
               "netns a; server { listen 80; return 204; }");
    cr_assert_eq(settings_of(&built, 0)->access_log_count, 1);
    cr_expect_str_eq(path_of(&built, settings_of(&built, 0), 0), "/etc/nsgate/logs/a");
    free_tenant(&built);
}

Test(access_log, has_a_condition)
{
    struct built built;

    build_good(&built, "netns a; access_log /l combined if=$arg_log; access_log /l if=1; "
                       "access_log /l; server { listen 80; return 204; }");
    const struct config_access_log *logs = settings_of(&built, 0)->access_logs;

    cr_expect(logs[0].is_conditional);
    cr_assert_eq(logs[0].condition.count, 1);
    cr_expect_eq(logs[0].condition.parts[0].variable, VARIABLE_ARG);
    cr_expect(logs[1].is_conditional);
    cr_expect_not(logs[2].is_conditional);
    free_tenant(&built);
}

Test(access_log, buffers_are_accepted_and_one_notice_says_that_they_have_no_effect)
{
    struct built built;
    unsigned notices = 0;
    const struct diag *diag;

    build_tenant(
        &built,
        "netns a; access_log /l combined buffer=32k flush=5s gzip=9; access_log /m json gzip "
        "flush=1m; access_log /n buffer=1m; server { listen 80; return 204; }");
    STAILQ_FOREACH (diag, &built.diags.items, next)
        notices += diag->severity == DIAG_NOTICE && strstr(diag->message, "have no effect") != NULL;
    cr_expect_eq(notices, 1);
    cr_expect_eq(settings_of(&built, 0)->access_log_count, 3);
    free_tenant(&built);
}

static void expect_told(const struct said *said)
{
    struct built built;

    build_tenant(&built, said->text);
    cr_expect(is_said(&built.diags, DIAG_ERROR, said), "%s", said->words);
    cr_expect_eq(built.diags.errors, 1);
    free_tenant(&built);
}

Test(access_log, mistakes_are_told){
#define IN(words, rest) {"netns a; " words " server { listen 80; return 204; }" rest
    static const struct said wrong[] = {IN("access_log off combined;", ""), 1, 25,
                                        "\"off\" stands alone"},
    IN("log_format f x; access_log /l none;", ""), 1, 40,
    "unknown log format \"none\"; there are: combined, json, f"},
    IN("access_log /l combined more;", ""), 1, 33, "invalid parameter \"more\""
}
, IN("access_log /l combined buffer=x;", ""), 1, 33, "invalid parameter \"buffer=x\""
}
, IN("access_log /l combined flush=;", ""), 1, 33, "invalid parameter \"flush=\""
}
, IN("access_log /l combined gzip=10;", ""), 1, 33, "invalid parameter \"gzip=10\""
}
, IN("access_log /l combined if=$nothing;", ""), 1, 33, "unknown variable"
}
,
}
;
#undef IN

for (unsigned i = 0; i < COUNT(wrong); i++)
    expect_told(&wrong[i]);
}
