/* SPDX-License-Identifier: MIT */
/* Where an access_log's lines go. */
#include "config/config_support.h"

static void build_log(struct built *built, const char *where)
{
    char text[512];

    snprintf(text, sizeof(text), "netns a; access_log %s; server { listen 80; return 204; }",
             where);
    build_tenant(built, text);
}

static void expect_syslog(const char *where, const char *server, uint32_t priority, const char *tag,
                          bool has_hostname)
{
    struct built built;
    char text[ADDRESS_TEXT];

    build_log(&built, where);
    cr_assert_eq(built.tenant.log_destination_count, 1, "%s", where);
    const struct config_log_destination *made = &built.tenant.log_destinations[0];
    cr_expect_eq(made->kind, LOG_TO_SYSLOG);
    address_format(&made->server, text);
    cr_expect_str_eq(text, server);
    cr_expect_eq(made->priority, priority);
    cr_expect(text_is(made->tag, tag));
    cr_expect_eq(made->has_hostname, has_hostname);
    free_tenant(&built);
}

Test(log_destination, files_and_standard_error)
{
    struct built built;

    build_log(&built, "logs/a.log");
    cr_expect_eq(built.tenant.log_destinations[0].kind, LOG_TO_FILE);
    cr_expect(text_is(built.tenant.log_destinations[0].path, "/etc/nsgate/logs/a.log"));
    free_tenant(&built);
    build_log(&built, "stderr");
    cr_expect_eq(built.tenant.log_destinations[0].kind, LOG_TO_STDERR);
    free_tenant(&built);
}

Test(log_destination, syslog_servers)
{
    expect_syslog("syslog:server=10.0.0.1", "10.0.0.1:514", 23 * 8 + 6, "nsgate", true);
    expect_syslog("syslog:server=[::1]:1514,facility=local0,severity=debug,tag=acme_1",
                  "[::1]:1514", 16 * 8 + 7, "acme_1", true);
    expect_syslog("syslog:nohostname,facility=kern,severity=emerg,server=unix:/dev/log",
                  "unix:/dev/log", 0, "nsgate", false);
}

Test(log_destination, equal_ones_are_one)
{
    struct built built;

    build_tenant(&built, "netns a; access_log /l; access_log stderr;\n"
                         "access_log syslog:server=10.0.0.1;\n"
                         "access_log syslog:server=10.0.0.1:514,tag=nsgate;\n"
                         "access_log syslog:server=10.0.0.1,tag=other;\n"
                         "server { listen 80; return 204; location /x { return 204;\n"
                         "  access_log /l json; access_log stderr; } }");
    cr_expect_eq(built.tenant.log_destination_count, 4);
    free_tenant(&built);
}

Test(log_destination, mistakes_are_told)
{
    static const struct {
        const char *where, *words;
    } wrong[] = {
        {"/var/log/$host.log", "variables in a file's name are not supported"},
        {"\"\"", "it names no file"},
        {"memory:32m", "lines in memory are not supported"},
        {"syslog:", "no syslog server specified"},
        {"syslog:tag=a", "no syslog server specified"},
        {"syslog:server=", "its server is empty"},
        {"syslog:server=loghost", "its server is a name"},
        {"syslog:server=10.0.0.1:0", "a port from 1 to 65535"},
        {"syslog:server=10.0.0.1,server=10.0.0.2", "a second server"},
        {"syslog:server=10.0.0.1,facility=no", "unknown syslog facility"},
        {"syslog:server=10.0.0.1,severity=no", "unknown syslog severity"},
        {"syslog:server=10.0.0.1,tag=a-b", "its tag is not"},
        {"syslog:server=10.0.0.1,tag=", "its tag is not"},
        {"syslog:server=10.0.0.1,more", "unknown syslog parameter"},
    };

    for (unsigned i = 0; i < COUNT(wrong); i++) {
        struct built built;

        build_log(&built, wrong[i].where);
        cr_expect(says(&built.diags, DIAG_ERROR, 1, 21, wrong[i].words), "%s", wrong[i].where);
        if (!says(&built.diags, DIAG_ERROR, 1, 21, wrong[i].words))
            show(&built.diags);
        cr_expect_eq(built.diags.errors, 1);
        cr_expect_eq(built.tenant.log_destination_count, 0);
        free_tenant(&built);
    }
}
