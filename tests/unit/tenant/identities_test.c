/* SPDX-License-Identifier: MIT */
/* Certificates of servers: shared where they are the same pair, and an error where there is none.
 */
#include "tenant/rig.h"

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
    struct rig rig;
    rig_init(&rig, TLS_TEXT);
    rig_add_identity(&rig, "a");
    rig_add_identity(&rig, "b");
    cr_assert(rig_build(&rig));
    const struct tls_server *a = &rig.tenant->servers[0].tls;
    const struct tls_server *b = &rig.tenant->servers[1].tls;
    const struct tls_server *c = &rig.tenant->servers[2].tls;
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
    tenant_set_tickets(rig.tenant, &keys);
    cr_expect_eq(a->tickets, &rig.tenant->tickets);
    cr_expect_eq(a->tickets->count, 1);
    tenant_trim(rig.tenant);
    rig_free(&rig);
}

Test(identities, an_identity_that_was_not_examined_is_an_error)
{
    struct rig rig;
    rig_init(&rig, TLS_TEXT);
    rig_add_identity(&rig, "b");
    cr_assert_not(rig_build(&rig));
    cr_expect(rig_has_diag(&rig, 3, "/c/a.crt"));
    cr_expect_eq(rig.diags.errors, 1);
    rig_free(&rig);
}
