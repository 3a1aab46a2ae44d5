/* SPDX-License-Identifier: MIT */
/* What servers ask of their clients' certificates. */
#include "config/config_support.h"

#define TLS       "listen 443 ssl; ssl_certificate c; ssl_certificate_key k; return 204;"
#define ONE(text) "netns a; server { " TLS "\n" text "\n}"

Test(verification, is_off_by_default)
{
    struct built built;

    build_good(&built, ONE("ssl_client_certificate ca.pem;"));
    cr_expect_null(built.tenant.servers[0].verification);
    free_tenant(&built);
    build_good(&built, ONE("ssl_client_certificate ca.pem; ssl_verify_client off;"));
    cr_expect_null(built.tenant.servers[0].verification);
    free_tenant(&built);
}

Test(verification, reads_all_of_it)
{
    static const struct {
        const char *word;
        enum config_verify mode;
    } modes[] = {{"on", VERIFY_ON},
                 {"ON", VERIFY_ON},
                 {"optional", VERIFY_OPTIONAL},
                 {"optional_no_ca", VERIFY_OPTIONAL_NO_CA}};

    for (unsigned i = 0; i < COUNT(modes); i++) {
        struct built built;
        char text[512];

        snprintf(text, sizeof(text),
                 ONE("ssl_client_certificate ca.pem; ssl_trusted_certificate /more.pem;"
                     "ssl_verify_depth 3; ssl_verify_client %s;"),
                 modes[i].word);
        build_good(&built, text);

        const struct config_verification *verification = built.tenant.servers[0].verification;

        cr_assert_not_null(verification);
        cr_expect_eq(verification->mode, modes[i].mode);
        cr_expect_eq(verification->depth, 3);
        cr_expect(text_is(verification->named.path, "/etc/nsgate/ca.pem"));
        cr_expect_eq(verification->named.place.line, 2);
        cr_expect(text_is(verification->trusted.path, "/more.pem"));
        free_tenant(&built);
    }
}

Test(verification, is_inherited_by_servers_that_speak_tls)
{
    struct built built;

    build_good(&built, "netns a; ssl_verify_client optional; ssl_client_certificate t.pem;"
                       "server { " TLS " } server { return 204; }"
                       "server { server_name b; ssl_verify_client off; " TLS " }"
                       "server { server_name c; ssl_client_certificate c.pem; " TLS " }");
    cr_assert_not_null(built.tenant.servers[0].verification);
    cr_expect_eq(built.tenant.servers[0].verification->depth, 1);
    cr_expect(text_is(built.tenant.servers[0].verification->named.path, "/etc/nsgate/t.pem"));
    cr_expect_eq(built.tenant.servers[0].verification->trusted.path.len, 0);
    cr_expect_null(built.tenant.servers[1].verification, "it speaks no TLS");
    cr_expect_null(built.tenant.servers[2].verification);
    cr_assert_not_null(built.tenant.servers[3].verification);
    cr_expect(text_is(built.tenant.servers[3].verification->named.path, "/etc/nsgate/c.pem"));
    free_tenant(&built);
}

Test(verification, without_a_ca_only_where_none_is_needed)
{
    struct built built;

    build_good(&built, ONE("ssl_verify_client optional_no_ca;"));
    cr_assert_not_null(built.tenant.servers[0].verification);
    free_tenant(&built);
    build_good(&built, ONE("ssl_verify_client on; ssl_trusted_certificate ca.pem;"));
    cr_assert_not_null(built.tenant.servers[0].verification);
    free_tenant(&built);
}

Test(verification, mistakes)
{
    static const struct said wrong[] = {
        {ONE("ssl_verify_client on;"), 2, 19, "needs an \"ssl_client_certificate\""},
        {ONE("ssl_verify_client optional;"), 2, 19, "needs an \"ssl_client_certificate\""},
        {ONE("ssl_verify_client yes;"), 2, 19, "\"optional\" or \"optional_no_ca\""},
        {ONE("ssl_verify_depth 101;"), 2, 18, "0 to 100"},
        {ONE("ssl_verify_depth -1;"), 2, 18, "0 to 100"},
        {ONE("ssl_client_certificate '';"), 2, 24, "names no file"},
        {ONE("ssl_trusted_certificate $f;"), 2, 25, "variables in"},
        {ONE("location / { ssl_verify_client on; }"), 2, 14, "\"ssl_verify_client\""},
    };

    expect_errors(wrong, COUNT(wrong));
}

#define PLAIN "listen 80; return 204;"

Test(verification, what_has_no_effect_is_told)
{
    static const struct said warnings[] = {
        {"netns a; server { " PLAIN "\nssl_verify_client on; }", 2, 19, "does not listen with"},
        {"netns a; server { return 204;\nssl_verify_client on; }", 2, 19, "does not listen with"},
        {ONE("ssl_verify_client optional_no_ca; listen 80;"), 2, 19, "listens without"},
        {"netns a;\nssl_verify_client optional_no_ca; server { " TLS " listen 80; }", 2, 19,
         "t.conf:2 also listens without"},
        {ONE("ssl_client_certificate ca.pem;"), 2, 24, "clients are not verified here"},
        {ONE("ssl_trusted_certificate ca.pem;"), 2, 25, "clients are not verified here"},
        {"netns a; server { " PLAIN "}\nssl_verify_client on;", 2, 19, "no server listens with"},
        {"netns a; server { " PLAIN "\nssl_client_certificate ca.pem; }", 2, 24, "not verified"},
    };
    struct built built;

    expect_accepted(DIAG_WARNING, warnings, COUNT(warnings));
    build_good(&built, "netns a; ssl_verify_client optional; ssl_client_certificate t.pem;"
                       "server { " PLAIN " } server { server_name b; " TLS " }");
    cr_expect_eq(built.diags.warnings, 0, "what is inherited is meant for the others");
    free_tenant(&built);
}
