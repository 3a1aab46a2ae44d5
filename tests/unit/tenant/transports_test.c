/* SPDX-License-Identifier: MIT */
/* Transports of upstreams: what TLS is given, and when connections may outlive a reload. */
#include "tenant/rig.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define TEXT(inside)                                                                               \
    "netns acme;\n"                                                                                \
    "upstream app { server 127.0.0.1:9000; }\n"                                                    \
    "server { listen 1.1.1.1:80; location / { proxy_pass https://app; " inside " } }\n"

static void add_trust(struct rig *rig, const char *path, const char *content)
{
    struct bundle_trust *trust = ARENA_NEW(&rig->arena, struct bundle_trust);
    trust->path = slice_of(path);
    trust->certificates = ARENA_NEW(&rig->arena, struct slice);
    trust->certificates[0] = slice_of(content);
    trust->certificate_count = 1;
    rig->bundle.trusts = trust;
    rig->bundle.trust_count = 1;
}

static const struct tenant_upstream *upstream_of(const struct rig *rig)
{
    const struct tenant_server *server = &rig->tenant->servers[0];
    return &rig->tenant->upstreams[server->config->locations[0].proxy.upstream];
}

Test(transports, plain_upstreams_have_none)
{
    struct rig rig;
    rig_run(&rig, "netns acme;\nserver { listen 1.1.1.1:80;\n"
                  "location / { proxy_pass http://127.0.0.1:1; } }\n");
    cr_expect_null(upstream_of(&rig)->tls.context);
    cr_expect_eq(upstream_of(&rig)->identity.len, 0);
    rig_free(&rig);
}

Test(transports, what_tls_is_given)
{
    struct rig rig;
    rig_init(&rig, TEXT("proxy_ssl_trusted_certificate ca.pem; proxy_http_version 2; "
                        "proxy_ssl_server_name on; proxy_ssl_verify_depth 2;"));
    add_trust(&rig, "/c/ca.pem", "DER");
    cr_assert(rig_build(&rig));
    const struct tls_client *tls = &upstream_of(&rig)->tls;
    cr_assert_not_null(tls->context);
    cr_expect(tls->verify && tls->sends_name && tls->offers_http2 && tls->reuses_sessions);
    cr_expect_eq(tls->verify_depth, 2);
    cr_expect(slice_equal(tls->name, SLICE("app")));
    cr_expect_not_null(tls->trust);
    cr_expect_eq(rig.tenant->upstreams[0].endpoints[0].address.len,
                 upstream_of(&rig)->endpoints[0].address.len);
    rig_free(&rig);
}

Test(transports, the_systems_certificates)
{
    struct rig rig;
    rig_run(&rig, TEXT(""));
    cr_expect(upstream_of(&rig)->tls.verify);
    cr_expect_null(upstream_of(&rig)->tls.trust);
    rig_free(&rig);
}

static void identity_of(const char *text, const char *content, struct slice *identity, char *copy)
{
    struct rig rig;
    rig_init(&rig, text);
    add_trust(&rig, "/c/ca.pem", content);
    cr_assert(rig_build(&rig));
    *identity = (struct slice){copy, upstream_of(&rig)->identity.len};
    cr_assert_leq(identity->len, 64);
    memcpy(copy, upstream_of(&rig)->identity.data, identity->len);
    rig_free(&rig);
}

Test(transports, identities_tell_apart_what_must_not_mix)
{
    static const char base[] = TEXT("proxy_ssl_trusted_certificate ca.pem;");
    char copies[4][64];
    struct slice first, again, rotated, other;
    identity_of(base, "ONE", &first, copies[0]);
    identity_of(base, "ONE", &again, copies[1]);
    identity_of(base, "TWO", &rotated, copies[2]);
    identity_of(TEXT("proxy_ssl_trusted_certificate ca.pem; proxy_ssl_name x;"), "ONE", &other,
                copies[3]);
    cr_expect(slice_equal(first, again));
    cr_expect_not(slice_equal(first, rotated), "another file's content");
    cr_expect_not(slice_equal(first, other));
    cr_expect(slice_starts_with(first, SLICE("app\0")));
}

Test(transports, a_file_that_was_not_examined)
{
    struct rig rig;
    rig_init(&rig, TEXT("proxy_ssl_trusted_certificate ca.pem;"));
    cr_expect_not(rig_build(&rig));
    cr_expect(rig_has_diag(&rig, 3, "\"/c/ca.pem\" have not been examined"));
    rig_free(&rig);
}

Test(transports, bad_ciphers_are_told_of)
{
    struct rig rig;
    rig_init(&rig, TEXT("proxy_ssl_ciphers NO-SUCH;"));
    cr_expect_not(rig_build(&rig));
    cr_expect(rig_has_diag(&rig, 3, "invalid cipher list \"NO-SUCH\""));
    rig_free(&rig);
}
