/* SPDX-License-Identifier: MIT */
/* Certificates of servers: shared where they are the same pair, and an error where there is none.
 */
#include "tenant/fixture.h"

#include <criterion/criterion.h>

static const char TLS_TEXT[] =
    "netns acme;\n"
    "server { listen 1.1.1.1:443 ssl; listen 1.1.1.1:80; server_name a.test;\n"
    "    ssl_certificate a.crt; ssl_certificate_key a.key;\n"
    "    ssl_certificate b.crt; ssl_certificate_key b.key; return 200 a; }\n"
    "server { listen 1.1.1.1:443 ssl; server_name b.test;\n"
    "    ssl_certificate b.crt; ssl_certificate_key b.key; return 200 b; }\n"
    "server { listen 1.1.1.1:80; server_name c.test; return 200 c; }\n";

Test(identities, servers_share_identities_and_contexts)
{
    struct fixture fixture;
    fixture_init(&fixture, TLS_TEXT);
    fixture_add_identity(&fixture, "a");
    fixture_add_identity(&fixture, "b");
    cr_assert(fixture_build(&fixture));
    const struct tls_server *a = &fixture.tenant->servers[0].tls;
    const struct tls_server *b = &fixture.tenant->servers[1].tls;
    const struct tls_server *c = &fixture.tenant->servers[2].tls;
    cr_expect_eq(a->identity_count, 2);
    cr_expect_eq(b->identity_count, 1);
    cr_expect_eq(a->identities[1], b->identities[0]);
    cr_expect_neq(a->identities[0], a->identities[1]);
    cr_expect_eq(a->context, b->context);
    cr_expect_not_null(a->context);
    cr_expect_null(c->context);
    cr_expect_eq(c->identity_count, 0);
    cr_expect(a->http2, "on by default");
    cr_expect_neq(memcmp(a->session_context, b->session_context, 32), 0);

    cr_expect_null(a->tickets);
    struct tls_ticket_keys keys = {.count = 1};
    tenant_set_tickets(fixture.tenant, &keys);
    cr_expect_eq(a->tickets, &fixture.tenant->tickets);
    cr_expect_eq(a->tickets->count, 1);
    tenant_trim(fixture.tenant);
    fixture_free(&fixture);
}

Test(identities, an_identity_that_was_not_examined_is_an_error)
{
    struct fixture fixture;
    fixture_init(&fixture, TLS_TEXT);
    fixture_add_identity(&fixture, "b");
    cr_assert_not(fixture_build(&fixture));
    cr_expect(fixture_has_diag(&fixture, 3, "/c/a.crt"));
    cr_expect_eq(fixture.diags.errors, 1);
    fixture_free(&fixture);
}
