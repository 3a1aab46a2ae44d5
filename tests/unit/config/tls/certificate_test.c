/* SPDX-License-Identifier: MIT */
/* Pairs of certificate and key, and servers that have none. */
#include "config/config_support.h"

#define ONE(text) "netns a; server { return 204;\n" text "\n}"

Test(certificate, pairs)
{
    struct built built;

    build_good(&built, ONE("listen 443 ssl; ssl_certificate a.crt; ssl_certificate_key /k/a.key; "
                           "ssl_certificate_key b.key; ssl_certificate b.crt;"));

    const struct config_server *server = &built.tenant.servers[0];

    cr_assert_eq(server->certificate_count, 2);
    cr_expect(text_is(server->certificates[0].certificate, "/etc/nsgate/a.crt"));
    cr_expect(text_is(server->certificates[0].key, "/k/a.key"));
    cr_expect(text_is(server->certificates[1].certificate, "/etc/nsgate/b.crt"));
    cr_expect(text_is(server->certificates[1].key, "/etc/nsgate/b.key"));
    cr_expect_eq(server->certificates[0].place.column, 33);
    cr_expect_eq(server->certificates[0].key_place.column, 60);
    free_tenant(&built);
}

Test(certificate, inherited_by_ssl_servers)
{
    struct built built;

    build_good(&built, "netns a; ssl_certificate t.crt; ssl_certificate_key t.key;"
                       "server { listen 443 ssl; return 204; } server { return 204; }"
                       "server { listen 443 ssl; server_name b; return 204; ssl_certificate b.crt; "
                       "ssl_certificate_key b.key; }");
    cr_assert_eq(built.tenant.servers[0].certificate_count, 1);
    cr_expect(text_is(built.tenant.servers[0].certificates[0].key, "/etc/nsgate/t.key"));
    cr_expect_eq(built.tenant.servers[1].certificate_count, 0, "it speaks no TLS");
    cr_assert_eq(built.tenant.servers[2].certificate_count, 1);
    cr_expect(text_is(built.tenant.servers[2].certificates[0].certificate, "/etc/nsgate/b.crt"));
    free_tenant(&built);
}

Test(certificate, a_server_without_one_shows_the_default_servers)
{
    static const struct said warned[] = {
        {"netns a; server { listen 443 ssl; ssl_certificate c; ssl_certificate_key k; return 204; "
         "}\nserver { listen 443 ssl; server_name b; return 204; }",
         2, 1, "that of the default server of 0.0.0.0:443 is shown"},
    };
    struct built built;

    expect_accepted(DIAG_WARNING, warned, COUNT(warned));
    build_good(&built, warned[0].text);
    cr_expect_eq(built.tenant.servers[1].certificates, built.tenant.servers[0].certificates);
    free_tenant(&built);
}

Test(certificate, mistakes)
{
    static const struct said wrong[] = {
        {ONE("ssl_certificate a;"), 2, 17, "the certificate \"a\" has no \"ssl_certificate_key\""},
        {ONE("ssl_certificate_key a;"), 2, 21, "the key \"a\" has no \"ssl_certificate\""},
        {ONE("ssl_certificate a; ssl_certificate_key a; ssl_certificate b;"), 2, 59,
         "\"b\" has no"},
        {ONE("ssl_certificate ''; "), 2, 17, "names no file"},
        {ONE("ssl_certificate $ssl_server_name.crt; "), 2, 17, "variables in \"ssl_certificate\""},
        {ONE("ssl_certificate_key engine:x:y; "), 2, 21, "not supported yet"},
    };

    expect_errors(wrong, COUNT(wrong));
}
